// SPDX-License-Identifier: Apache-2.0
//
// What a forked child has: one thread, which is the one that called fork, with all that was its own; no workers, no
// epoll set of its parent's; and a runtime that starts again when it makes a thread. And what the parent keeps.
#include <dirent.h>

#include "child_support.h"

using namespace rondo::api_test;

namespace {

template <class Body>
int run_forked(Body body) {
    return await_child(fork_child(body));
}

// How many of the calling process's descriptors are epoll sets.
int epoll_sets() {
    DIR* folder = opendir("/proc/self/fd");
    int count = 0;
    while (dirent* entry = readdir(folder)) {
        char target[64] = {};
        if (readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1) > 0) {
            count += strcmp(target, "anon_inode:[eventpoll]") == 0;
        }
    }
    closedir(folder);
    return count;
}

// Threads that write and read over a socket pair, as many rounds; 0 if all arrived.
int ping_pong(int threads, int rounds) {
    std::atomic<int> failures{0};
    std::vector<Thread> players;
    for (int i = 0; i < threads; ++i) {
        int pair[2];
        if (rondo_socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return 1;
        for (int end : pair) {
            players.emplace_back([&failures, rounds, end, first = end == pair[0]] {
                for (int round = 0; round < rounds; ++round) {
                    char byte = 'x';
                    bool good = first ? rondo_write(end, &byte, 1) == 1 && rondo_read(end, &byte, 1) == 1
                                      : rondo_read(end, &byte, 1) == 1 && rondo_write(end, &byte, 1) == 1;
                    failures += good ? 0 : 1;
                }
                rondo_close(end);
            });
        }
    }
    for (Thread& player : players) player.join();
    return failures.load();
}

void start_runtime() {
    Thread([] {}).join();
}

}  // namespace

TEST_CASE("a forked child keeps the caller's identity, keys and locks, and has not started") {
    rondo_key_t key;
    REQUIRE(rondo_key_create(&key, nullptr) == 0);
    rondo_mutexattr_t attr;
    rondo_mutexattr_init(&attr);
    rondo_mutexattr_settype(&attr, RONDO_MUTEX_ERRORCHECK);
    rondo_mutex_t mutex;
    rondo_mutex_init(&mutex, &attr);
    auto check = [&]() -> int {
        int on_caller;
        rondo_t self = rondo_self();
        rondo_setspecific(key, &on_caller);
        rondo_mutex_lock(&mutex);
        int old_state;
        rondo_setcancelstate(RONDO_CANCEL_DISABLE, &old_state);
        int status = run_forked([&] {
            if (rondo_self() != self) return 1;
            if (rondo_getspecific(key) != &on_caller) return 2;
            // glibc knows an owner by its kernel id, which fork changes.
            if (!kNptl && (rondo_mutex_lock(&mutex) != EDEADLK || rondo_mutex_unlock(&mutex) != 0)) return 3;
            int state;
            if (rondo_setcancelstate(RONDO_CANCEL_ENABLE, &state) != 0 || state != RONDO_CANCEL_DISABLE) return 4;
            if (!kNptl && (rondo_started() != 0 || rondo_on_thread() != 0 || rondo_is_thread() != 1)) return 5;
            if (!kNptl && epoll_sets() != 0) return 6;
            return 0;
        });
        rondo_mutex_unlock(&mutex);
        rondo_setcancelstate(old_state, nullptr);
        return status;
    };
    start_runtime();
    CHECK(check() == 0);
    std::atomic<int> from_thread{-1};
    Thread([&] { from_thread = check(); }).join();
    CHECK(from_thread.load() == 0);
    rondo_key_delete(key);
}

TEST_CASE("a forked child starts its own threads, and the parent's go on") {
    RONDO_SKIP_UNDER_TSAN("its run-time makes no threads in a forked child");
    RONDO_SKIP_IF(kAddressSanitizer, "libasan does not hold its allocator's locks across a fork");
    auto fork_and_play = [](int& status) {
        status = run_forked([] {
            rondo_t self = rondo_self();
            if (ping_pong(8, 50) != 0) return 1;
            if (rondo_self() != self) return 2;
            if (!kNptl && (rondo_started() == 0 || rondo_on_thread() == 0)) return 3;
            // And a child of the child, from one of its threads.
            int inner = -1;
            Thread([&inner] { inner = run_forked([] { return ping_pong(4, 20); }); }).join();
            return inner == 0 ? 0 : 4;
        });
    };
    std::vector<int> statuses(6, -1);
    std::vector<Thread> forkers;
    for (int& status : statuses) forkers.emplace_back([&] { fork_and_play(status); });
    CHECK(ping_pong(8, 200) == 0);
    for (Thread& forker : forkers) forker.join();
    for (int status : statuses) CHECK(status == 0);
}

TEST_CASE("in a forked child the caller's end is the process's, after its key destructors") {
    struct Ways {
        static void destroy(void* pipe) {
            if (write(*static_cast<int*>(pipe), "d", 1) != 1) _exit(9);
        }
    };
    rondo_key_t key;
    REQUIRE(rondo_key_create(&key, Ways::destroy) == 0);
    for (bool by_return : {true, false}) {
        int ends[2];
        REQUIRE(rondo_pipe(ends) == 0);
        pid_t child = -1;
        Thread forker([&]() -> void* {
            rondo_setspecific(key, &ends[1]);
            fflush(nullptr);
            child = fork();
            if (child != 0) {
                rondo_setspecific(key, nullptr);
                return nullptr;
            }
            alarm(kChildSeconds);
            if (by_return) return nullptr;
            rondo_exit(nullptr);
        });
        forker.join();
        REQUIRE(child > 0);
        CHECK(await_child(child) == 0);
        rondo_close(ends[1]);
        CHECK(read_up_to(ends[0]) == "d");
        rondo_close(ends[0]);
    }
    rondo_key_delete(key);
}

TEST_CASE("closing in the child disturbs nobody in the parent, and the other way round") {
    start_runtime();
    Connection connection = connect_tcp();
    int server = connection.server.get();
    Call reader([server] {
        char byte;
        return rondo_read(server, &byte, 1);
    });
    reader.await_parked();
    int ready[2];
    REQUIRE(rondo_pipe(ready) == 0);
    pid_t child = fork_child([&] {
        close(server);
        char byte;
        if (read(ready[0], &byte, 1) != 1) return 1;  // until the parent has closed its copy
        return write(connection.client.get(), "late", 4) == 4 ? 0 : 2;
    });
    REQUIRE(rondo_write(connection.client.get(), "x", 1) == 1);
    CHECK(reader.result() == 1);
    connection.client.reset();
    REQUIRE(rondo_write(ready[1], "g", 1) == 1);
    CHECK(read_up_to(server, 4) == "late");
    CHECK(await_child(child) == 0);
    for (int end : ready) rondo_close(end);
}

TEST_CASE("a descriptor closed in the parent and alive in the child wakes nobody on its number") {
    RONDO_SKIP_IF(kNptl, "POSIX leaves a read open when its descriptor is closed");
    start_runtime();
    Connection old = connect_tcp();
    int number = old.server.get();
    Call first([number] {
        char byte;
        return rondo_read(number, &byte, 1);
    });
    first.await_parked();
    int go[2];
    REQUIRE(rondo_pipe(go) == 0);
    pid_t child = fork_child([&] {
        char byte;
        return read(go[0], &byte, 1) == 1 && write(old.client.get(), "ghost", 5) == 5 ? 0 : 1;
    });
    REQUIRE(rondo_close(old.server.release()) == 0);
    CHECK(first.result() == -1);
    Connection fresh = connect_tcp();
    while (fresh.server.get() != number && fresh.server.get() < number) {
        fresh.server = Fd(rondo_dup(fresh.server.release()));
    }
    int reused = fresh.server.get();
    Call second([reused] {
        char byte = 0;
        ssize_t got = rondo_read(reused, &byte, 1);
        return got == 1 && byte == 'r' ? 1 : -2;
    });
    second.await_parked();
    REQUIRE(rondo_write(go[1], "g", 1) == 1);
    CHECK(await_child(child) == 0);
    REQUIRE(rondo_write(fresh.client.get(), "r", 1) == 1);
    CHECK(second.result() == 1);
    for (int end : go) rondo_close(end);
}

TEST_CASE("a listener that threads wait on is shared with a child, without a flag that nobody set") {
    start_runtime();
    Listener listener = listen_tcp();
    int fd = listener.fd.get();
    Call acceptor([fd] { return rondo_accept(fd, nullptr, nullptr); });
    acceptor.await_parked();
    pid_t child = fork_child([fd] {
        if ((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0) return 1;
        return accept(fd, nullptr, nullptr) >= 0 ? 0 : 2;
    });
    sockaddr_in address = loopback(listener.port);
    std::vector<Fd> clients;
    for (int i = 0; i < 2; ++i) {
        clients.emplace_back(socket(AF_INET, SOCK_STREAM, 0));
        REQUIRE(connect(clients.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        // The second comes only when the first was taken, by either process.
        int taken = -1;
        REQUIRE(eventually([&] {
            pollfd look{fd, POLLIN, 0};
            taken = poll(&look, 1, 0);
            return taken == 0;
        }));
    }
    CHECK(await_child(child) == 0);
    Fd accepted(static_cast<int>(acceptor.result()));
    CHECK(accepted.get() >= 0);
    CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
}

TEST_CASE("a once whose routine another thread was running is run by the child") {
    RONDO_SKIP_IF(kNptl && kSanitized, "the sanitizers' run-time holds the once");
    static rondo_once_t once = RONDO_ONCE_INIT;
    static std::atomic<bool> inside{false};
    static std::atomic<bool> leave{false};
    static std::atomic<int> runs{0};
    Thread runner([] {
        rondo_once(&once, [] {
            runs.fetch_add(1);
            inside = true;
            eventually([] { return leave.load(); });
        });
    });
    REQUIRE(eventually([] { return inside.load(); }));
    int status = run_forked([] {
        leave = true;
        rondo_once(&once, [] { runs.fetch_add(1); });
        return runs.load() == 2 ? 0 : 1;
    });
    leave = true;
    runner.join();
    CHECK(status == 0);
    CHECK(runs.load() == 1);
}

TEST_CASE("forks amid threads that start, end, wait and close leave every child whole") {
    RONDO_SKIP_UNDER_TSAN("its run-time makes no threads in a forked child");
    constexpr int kForks = 40;
    std::atomic<bool> stop{false};
    std::vector<Thread> busy;
    for (int i = 0; i < 4; ++i) {
        busy.emplace_back([&stop] {
            while (!stop.load()) {
                CHECK(ping_pong(1, 3) == 0);
                rondo_key_t key;
                if (rondo_key_create(&key, nullptr) == 0) {
                    rondo_setspecific(key, &key);
                    rondo_key_delete(key);
                }
            }
        });
    }
    std::vector<Thread> forkers;
    std::atomic<int> bad{0};
    for (int i = 0; i < 4; ++i) {
        forkers.emplace_back([&bad] {
            for (int round = 0; round < kForks / 4; ++round) {
                bad += run_forked([] { return ping_pong(3, 5); }) != 0 ? 1 : 0;
            }
        });
    }
    for (Thread& forker : forkers) forker.join();
    stop = true;
    for (Thread& each : busy) each.join();
    CHECK(bad.load() == 0);
}
