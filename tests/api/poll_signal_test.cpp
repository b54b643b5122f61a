// SPDX-License-Identifier: Apache-2.0
//
// Signals and the calls that wait for several descriptors: none is restarted, a mask holds for the time of the call and
// lets in what was pending, an answer wins over a signal; and signals that are read from a signalfd.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>

#include "io_support.h"
#include "signal_support.h"

using namespace rondo::api_test;

namespace {

// Each call of the family, waiting for ever for one descriptor, with this mask if it takes one and there is one.
struct Waiting {
    const char* name;
    bool takes_mask;
    int (*wait)(int fd, const sigset_t* mask);
};

int wait_in_set(int fd, const sigset_t* mask, bool fine) {
    Fd set(epoll_create1(EPOLL_CLOEXEC));
    epoll_event member{};
    member.events = EPOLLIN;
    REQUIRE(epoll_ctl(set.get(), EPOLL_CTL_ADD, fd, &member) == 0);
    epoll_event event;
    int result = fine ? rondo_epoll_pwait2(set.get(), &event, 1, nullptr, mask)
                      : rondo_epoll_pwait(set.get(), &event, 1, -1, mask);
    int error = errno;
    set.reset();
    errno = error;
    return result;
}

fd_set only(int fd) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    return set;
}

constexpr Waiting kCalls[] = {
    {"poll", false,
     [](int fd, const sigset_t*) {
         pollfd watched{fd, POLLIN, 0};
         return rondo_poll(&watched, 1, -1);
     }},
    {"select", false,
     [](int fd, const sigset_t*) {
         fd_set readable = only(fd);
         int result = rondo_select(fd + 1, &readable, nullptr, nullptr, nullptr);
         CHECK((result > 0 || FD_ISSET(fd, &readable)));
         return result;
     }},
    {"ppoll", true,
     [](int fd, const sigset_t* mask) {
         pollfd watched{fd, POLLIN, 0};
         return rondo_ppoll(&watched, 1, nullptr, mask);
     }},
    {"pselect", true,
     [](int fd, const sigset_t* mask) {
         fd_set readable = only(fd);
         return rondo_pselect(fd + 1, &readable, nullptr, nullptr, nullptr, mask);
     }},
    {"epoll_pwait", true, [](int fd, const sigset_t* mask) { return wait_in_set(fd, mask, false); }},
    {"epoll_pwait2", true, [](int fd, const sigset_t* mask) { return wait_in_set(fd, mask, true); }},
};

bool blocks(int number) {
    sigset_t mask;
    REQUIRE(rondo_sigmask(SIG_BLOCK, nullptr, &mask) == 0);
    return sigismember(&mask, number) == 1;
}

}  // namespace

TEST_CASE("a signal ends each call with EINTR, though its handler has SA_RESTART") {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    for (const Waiting& each : kCalls) {
        INFO(each.name);
        Action action(SIGUSR1, count, SA_RESTART);
        Thread thread([&each, fd] {
            CHECK(each.wait(fd, nullptr) == -1);
            CHECK(errno == EINTR);
        });
        thread.await_parked();
        CHECK(rondo_kill(thread.id(), SIGUSR1) == 0);
        thread.join();
        CHECK(handled.load() == 1);
    }
}

TEST_CASE("a mask lets in what was pending, for the time of the call") {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    for (const Waiting& each : kCalls) {
        if (!each.takes_mask) continue;
        INFO(each.name);
        Action action(SIGUSR1);
        Thread([&each, fd] {
            Blocked blocked({SIGUSR1});
            CHECK(rondo_kill(rondo_self(), SIGUSR1) == 0);
            CHECK(handled.load() == 0);
            CHECK(each.wait(fd, &blocked.before()) == -1);
            CHECK(errno == EINTR);
            CHECK(handled.load() == 1);
            CHECK(blocks(SIGUSR1));
        }).join();
    }
}

TEST_CASE("a signal that comes while the thread waits with a mask is handled under it") {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    for (const Waiting& each : kCalls) {
        if (!each.takes_mask) continue;
        INFO(each.name);
        Action action(SIGUSR1);
        Thread thread([&each, fd] {
            Blocked blocked({SIGUSR1});
            CHECK(each.wait(fd, &blocked.before()) == -1);
            CHECK(errno == EINTR);
            CHECK(blocks(SIGUSR1));
        });
        thread.await_parked();
        CHECK(rondo_kill(thread.id(), SIGUSR1) == 0);
        thread.join();
        CHECK(handled.load() == 1);
    }
}

TEST_CASE("a signal that the mask blocks waits until the call is over") {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    for (const Waiting& each : kCalls) {
        if (!each.takes_mask) continue;
        INFO(each.name);
        Action action(SIGUSR1);
        Thread thread([&each, fd] {
            sigset_t all = set_of({SIGUSR1});
            CHECK(each.wait(fd, &all) == 1);
            CHECK(!blocks(SIGUSR1));
        });
        thread.await_parked();
        CHECK(rondo_kill(thread.id(), SIGUSR1) == 0);
        CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
        thread.join();
        CHECK(handled.load() == 1);
        char byte;
        CHECK(rondo_read(fd, &byte, 1) == 1);
    }
}

TEST_CASE("an answer that is there wins over a signal, which is handled all the same") {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    for (const Waiting& each : kCalls) {
        if (!each.takes_mask) continue;
        INFO(each.name);
        Action action(SIGUSR1);
        Thread([&each, fd] {
            Blocked blocked({SIGUSR1});
            CHECK(rondo_kill(rondo_self(), SIGUSR1) == 0);
            CHECK(each.wait(fd, &blocked.before()) == 1);
        }).join();
        CHECK(handled.load() == 1);
    }
}

TEST_CASE("a signalfd: the reader parks until a blocked signal is sent") {
    Blocked blocked({SIGUSR2});
    sigset_t set = set_of({SIGUSR2});
    Fd signals(rondo_signalfd(-1, &set, SFD_CLOEXEC));
    REQUIRE(signals.get() >= 0);
    int fd = signals.get();
    for (int round = 0; round < 3; ++round) {
        signalfd_siginfo info{};
        Call reader([&info, fd] { return rondo_read(fd, &info, sizeof info); });
        reader.await_parked();
        CHECK(kill(getpid(), SIGUSR2) == 0);
        CHECK(reader.result() == sizeof info);
        CHECK(info.ssi_signo == SIGUSR2);
        CHECK(info.ssi_pid == static_cast<uint32_t>(getpid()));
    }
    pollfd watched{fd, POLLIN, 0};
    Call poller([&watched] { return ssize_t{rondo_poll(&watched, 1, -1)}; });
    poller.await_parked();
    CHECK(kill(getpid(), SIGUSR2) == 0);
    CHECK(poller.result() == 1);
    signalfd_siginfo info;
    CHECK(rondo_read(fd, &info, sizeof info) == sizeof info);
}
