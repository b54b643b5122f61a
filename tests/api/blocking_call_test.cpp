// SPDX-License-Identifier: Apache-2.0
//
// Calls that wait on a kernel thread of their own: each can be cancelled and ended by a close of its descriptor, and is
// over when it returns. On one worker the others go on meanwhile.
#include <fcntl.h>
#include <sys/file.h>

#include "io_support.h"

using namespace rondo::api_test;

namespace {

// The listener of a process that has shared it: the runtime may not make it non-blocking.
int shared_listener(Listener& listener) { return rondo_dup(listener.fd.get()); }

class TemporaryFile {
   public:
    TemporaryFile() : fd_(mkstemp(path_)) { REQUIRE(fd_ >= 0); }
    ~TemporaryFile() {
        close(fd_);
        unlink(path_);
    }
    // Another description of the file.
    Fd open_again() const { return Fd(open(path_, O_RDWR | O_CLOEXEC)); }

   private:
    char path_[32] = "/tmp/rondo_lock_XXXXXX";
    int fd_;
};

unsigned long whole_file(short type, struct flock& lock) {
    lock = {};
    lock.l_type = type;
    return reinterpret_cast<unsigned long>(&lock);
}

int lock_description(int fd, short type, int command = F_OFD_SETLKW) {
    struct flock lock;
    return rondo_fcntl(fd, command, whole_file(type, lock));
}

}  // namespace

TEST_CASE("an accept on a shared listener acts on a cancel, and the next accept works") {
    Listener listener = listen_tcp();
    Fd shared(shared_listener(listener));
    for (int round = 0; round < 20; ++round) {
        Thread thread([&] { rondo_accept(shared.get(), nullptr, nullptr); });
        thread.await_parked();
        thread.cancel();
        CHECK(thread.join() == RONDO_CANCELED);
    }
    Call accepted([&] { return rondo_accept(shared.get(), nullptr, nullptr); });
    sockaddr_in address = loopback(listener.port);
    Fd client(rondo_socket(AF_INET, SOCK_STREAM, 0));
    CHECK(rondo_connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    Fd server(static_cast<int>(accepted.result()));
    CHECK(server.get() >= 0);
}

TEST_CASE("a cancel ends a wait for a lock, and the lock is not taken" * doctest::skip(kNptl)) {
    TemporaryFile file;
    Fd holder = file.open_again();
    Fd other = file.open_again();
    REQUIRE(lock_description(holder.get(), F_WRLCK) == 0);
    Thread thread([&] { lock_description(other.get(), F_WRLCK); });
    thread.await_parked();
    thread.cancel();
    CHECK(thread.join() == RONDO_CANCELED);
    CHECK(lock_description(holder.get(), F_UNLCK) == 0);
    Fd third = file.open_again();
    CHECK(lock_description(third.get(), F_WRLCK, F_OFD_SETLK) == 0);
}

TEST_CASE("a close ends a wait on a kernel thread before the number is free" * doctest::skip(kNptl)) {
    TemporaryFile file;
    Fd holder = file.open_again();
    REQUIRE(lock_description(holder.get(), F_WRLCK) == 0);
    for (int round = 0; round < 50; ++round) {
        int fd = file.open_again().release();
        Call first([fd] { return lock_description(fd, F_WRLCK); });
        Call second([fd] { return lock_description(fd, F_RDLCK); });
        if (round % 2 == 0) {
            first.await_parked();
            second.await_parked();
        }
        CHECK(rondo_close(fd) == 0);
        CHECK(first.error() == EBADF);
        CHECK(second.error() == EBADF);
    }
}

TEST_CASE("a dup2 onto the number ends the wait as a close does" * doctest::skip(kNptl)) {
    TemporaryFile file;
    Fd holder = file.open_again();
    Fd other = file.open_again();
    REQUIRE(lock_description(holder.get(), F_WRLCK) == 0);
    Call waiting([&] { return lock_description(other.get(), F_WRLCK); });
    waiting.await_parked();
    CHECK(rondo_dup2(holder.get(), other.get()) == other.get());
    CHECK(waiting.error() == EBADF);
}

TEST_CASE("locks wait on kernel threads while the holder goes on") {
    constexpr int kThreads = 200;
    TemporaryFile file;
    Fd holder = file.open_again();
    REQUIRE(lock_description(holder.get(), F_WRLCK) == 0);
    std::vector<Fd> descriptors;
    std::vector<Thread> threads;
    std::atomic<int> done{0};
    for (int i = 0; i < kThreads; ++i) descriptors.push_back(file.open_again());
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&, fd = descriptors[static_cast<size_t>(i)].get()] {
            bool locked = lock_description(fd, F_WRLCK) == 0;
            done += locked ? 1 : 0;
            CHECK(lock_description(fd, F_UNLCK) == 0);
        });
    }
    for (Thread& thread : threads) thread.await_parked();
    Fd read_meanwhile(open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
    CHECK(read_up_to(read_meanwhile.get()).find("librondo.so") != std::string::npos);
    CHECK(done == 0);
    CHECK(lock_description(holder.get(), F_UNLCK) == 0);
    for (Thread& thread : threads) thread.join();
    CHECK(done == kThreads);
}
