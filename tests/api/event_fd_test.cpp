// SPDX-License-Identifier: Apache-2.0
//
// Descriptors of events: whoever reads one parks until there is something, while others go on; closing one wakes its
// readers; O_NONBLOCK given at birth counts as the program's; and the flag never shows where the runtime needs it.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/timerfd.h>

#include "io_support.h"

using namespace rondo::api_test;

namespace {

void ring(int fd, uint64_t value = 1) { CHECK(rondo_eventfd_write(fd, value) == 0); }

class TempFile {
   public:
    TempFile() : fd_(mkstemp(name_)) { REQUIRE(fd_.get() >= 0); }
    ~TempFile() { unlink(name_); }
    const char* name() const { return name_; }
    int fd() const { return fd_.get(); }

   private:
    char name_[32] = "/tmp/rondo-test-XXXXXX";
    Fd fd_;
};

itimerspec once_in_ms(long milliseconds) { return {{0, 0}, {0, milliseconds * 1'000'000}}; }

}  // namespace

TEST_CASE("an eventfd: the reader parks, the writer parks, a semaphore gives one each") {
    Fd event(rondo_eventfd(0, EFD_CLOEXEC));
    int fd = event.get();
    uint64_t value = 0;
    Call reader([&value, fd] { return ssize_t{rondo_eventfd_read(fd, &value)}; });
    reader.await_parked();
    ring(fd, 7);
    CHECK(reader.result() == 0);
    CHECK(value == 7);
    ring(fd, UINT64_MAX - 1);
    Call writer([fd] { return ssize_t{rondo_eventfd_write(fd, 5)}; });
    writer.await_parked();
    CHECK(rondo_eventfd_read(fd, &value) == 0);
    CHECK(writer.result() == 0);
    CHECK(rondo_eventfd_read(fd, &value) == 0);
    CHECK(value == 5);
    Fd tokens(rondo_eventfd(3, EFD_CLOEXEC | EFD_SEMAPHORE));
    for (int i = 0; i < 3; ++i) {
        CHECK(rondo_eventfd_read(tokens.get(), &value) == 0);
        CHECK(value == 1);
    }
}

TEST_CASE("many readers of one semaphore eventfd get one token each") {
    Fd tokens(rondo_eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE));
    int fd = tokens.get();
    std::vector<Call> readers;
    for (int i = 0; i < 20; ++i) {
        readers.emplace_back([fd] {
            uint64_t value = 0;
            return ssize_t{rondo_eventfd_read(fd, &value) == 0 ? static_cast<ssize_t>(value) : -1};
        });
    }
    for (Call& reader : readers) reader.await_parked();
    for (int i = 0; i < 20; ++i) ring(fd);
    for (Call& reader : readers) CHECK(reader.result() == 1);
}

TEST_CASE("a timerfd: the reader parks until it expires") {
    Fd timer(rondo_timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    int fd = timer.get();
    uint64_t expired = 0;
    Call reader([&expired, fd] { return rondo_read(fd, &expired, sizeof expired); });
    reader.await_parked();
    itimerspec soon = once_in_ms(10);
    int64_t start = now_ns();
    REQUIRE(timerfd_settime(fd, 0, &soon, nullptr) == 0);
    CHECK(reader.result() == sizeof expired);
    CHECK(now_ns() - start >= 10'000'000);
    CHECK(expired == 1);
}

TEST_CASE("inotify: the reader parks until the file is touched, and no flag shows") {
    for (bool old : {false, true}) {
        Fd watch(old ? rondo_inotify_init() : rondo_inotify_init1(IN_CLOEXEC));
        TempFile file;
        REQUIRE(inotify_add_watch(watch.get(), file.name(), IN_MODIFY) >= 0);
        int fd = watch.get();
        alignas(inotify_event) char event[sizeof(inotify_event)];
        Call reader([&event, fd] { return rondo_read(fd, event, sizeof event); });
        reader.await_parked();
        CHECK((rondo_fcntl(fd, F_GETFL, 0) & O_NONBLOCK) == 0);
        CHECK(rondo_write(file.fd(), "x", 1) == 1);
        CHECK(reader.result() == sizeof event);
        CHECK((reinterpret_cast<inotify_event*>(event)->mask & IN_MODIFY) != 0);
        Fd copy(rondo_dup(fd));
        CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
        Call again([&event, fd] { return rondo_read(fd, event, sizeof event); });
        CHECK(rondo_write(file.fd(), "y", 1) == 1);
        CHECK(again.result() == sizeof event);
    }
}

TEST_CASE("a process's descriptor is readable when it ends") {
    int status = -1;
    auto [in, out] = make_pipe();
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        char byte;
        out.reset();
        _exit(::read(in.get(), &byte, 1) == 0 ? 7 : 8);
    }
    Fd process(rondo_pidfd_open(child, 0));
    REQUIRE(process.get() >= 0);
    pollfd watched{process.get(), POLLIN, 0};
    Call poller([&watched] { return ssize_t{rondo_poll(&watched, 1, -1)}; });
    poller.await_parked();
    out.reset();
    CHECK(poller.result() == 1);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WEXITSTATUS(status) == 7);
}

TEST_CASE("a descriptor fetched from a process waits like the original") {
    Fd event(rondo_eventfd(0, EFD_CLOEXEC));
    Fd self(rondo_pidfd_open(getpid(), 0));
    Fd copy(rondo_pidfd_getfd(self.get(), event.get(), 0));
    REQUIRE(copy.get() >= 0);
    int fd = copy.get();
    uint64_t value = 0;
    Call reader([&value, fd] { return ssize_t{rondo_eventfd_read(fd, &value)}; });
    reader.await_parked();
    ring(event.get(), 3);
    CHECK(reader.result() == 0);
    CHECK(value == 3);
}

TEST_CASE("non-blocking from birth says EAGAIN") {
    Fd fds[] = {Fd(rondo_eventfd(0, EFD_NONBLOCK)), Fd(rondo_timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)),
                Fd(rondo_inotify_init1(IN_NONBLOCK))};
    for (const Fd& fd : fds) {
        char room[64];
        errno = 0;
        CHECK(rondo_read(fd.get(), room, sizeof room) == -1);
        CHECK(errno == EAGAIN);
        CHECK((rondo_fcntl(fd.get(), F_GETFL, 0) & O_NONBLOCK) != 0);
    }
}

TEST_CASE("closing a descriptor of events wakes its reader and its poller" * doctest::skip(kNptl)) {
    auto births = {+[] { return rondo_eventfd(0, EFD_CLOEXEC); },
                   +[] { return rondo_timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC); },
                   +[] { return rondo_inotify_init1(IN_CLOEXEC); }};
    for (auto birth : births) {
        int fd = birth();
        REQUIRE(fd >= 0);
        char room[64];
        Call reader([&room, fd] { return rondo_read(fd, room, sizeof room); });
        pollfd watched{fd, POLLIN, 0};
        Call poller([&watched] { return ssize_t{rondo_poll(&watched, 1, -1)}; });
        reader.await_parked();
        poller.await_parked();
        CHECK(rondo_close(fd) == 0);
        CHECK(reader.error() == EBADF);
        CHECK(poller.result() == 1);
        CHECK(watched.revents == POLLNVAL);
    }
}

TEST_CASE("births with wrong arguments keep their errors, and files in memory are files") {
    errno = 0;
    CHECK(rondo_eventfd(0, -1) == -1);
    CHECK(errno == EINVAL);
    errno = 0;
    CHECK(rondo_epoll_create(0) == -1);
    CHECK(errno == EINVAL);
    errno = 0;
    CHECK(rondo_timerfd_create(-100, 0) == -1);
    CHECK(errno == EINVAL);
    errno = 0;
    CHECK(rondo_pidfd_open(-1, 0) == -1);
    CHECK(errno == EINVAL);
    errno = 0;
    CHECK(rondo_memfd_create(nullptr, 0) == -1);
    CHECK(errno == EFAULT);
    Fd set(rondo_epoll_create1(EPOLL_CLOEXEC)), old_set(rondo_epoll_create(1));
    CHECK(set.get() >= 0);
    CHECK(old_set.get() >= 0);
    Fd memory(rondo_memfd_create("m", MFD_CLOEXEC));
    CHECK(rondo_fd_waits(memory.get()) == 0);
    CHECK(rondo_write(memory.get(), "abc", 3) == 3);
}

TEST_CASE("a number born again as something else is known as that") {
    char room[64];
    Connection pair = connect_unix();
    int number = pair.server.get();
    Call warm([&room, number] { return rondo_read(number, room, 1); });
    warm.await_parked();
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    CHECK(warm.result() == 1);
    pair.server.reset();
    Fd event(rondo_eventfd(0, EFD_CLOEXEC));
    REQUIRE(event.get() == number);
    uint64_t value = 0;
    Call reader([&value, number] { return rondo_read(number, &value, sizeof value); });
    reader.await_parked();
    ring(number, 2);
    CHECK(reader.result() == sizeof value);
    CHECK(value == 2);
}
