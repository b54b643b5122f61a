// SPDX-License-Identifier: Apache-2.0
//
// What the signal tests share: actions that undo themselves, sets and masks in one expression, and a handler that
// counts and remembers on which thread it ran.
#pragma once

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include <initializer_list>

#include "api/api_test.h"

namespace rondo::api_test {

inline std::atomic<int> handled{0};
inline std::atomic<rondo_t> handled_on{};
inline std::atomic<int> handled_value{0};

inline void count(int) {
    handled_on.store(rondo_self());
    handled.fetch_add(1);
}

inline void count_value(int, siginfo_t* info, void*) {
    handled_value.store(info->si_value.sival_int);
    count(0);
}

inline sigset_t set_of(std::initializer_list<int> numbers) {
    sigset_t set;
    sigemptyset(&set);
    for (int number : numbers) sigaddset(&set, number);
    return set;
}

// The action for as long as the object lives; the count begins at 0.
class Action {
   public:
    explicit Action(int number, void (*handler)(int) = count, int flags = 0) : number_(number) {
        struct sigaction action {};
        action.sa_handler = handler;
        action.sa_flags = flags;
        install(action);
    }
    Action(int number, void (*handler)(int, siginfo_t*, void*), int flags = 0) : number_(number) {
        struct sigaction action {};
        action.sa_sigaction = handler;
        action.sa_flags = flags | SA_SIGINFO;
        install(action);
    }
    Action(const Action&) = delete;
    Action& operator=(const Action&) = delete;
    ~Action() { rondo_sigaction(number_, &before_, nullptr); }

   private:
    void install(const struct sigaction& action) {
        handled.store(0);
        REQUIRE(rondo_sigaction(number_, &action, &before_) == 0);
    }
    int number_;
    struct sigaction before_ {};
};

// The caller's mask with these added, for as long as the object lives.
class Blocked {
   public:
    explicit Blocked(std::initializer_list<int> numbers) {
        sigset_t set = set_of(numbers);
        REQUIRE(rondo_sigmask(SIG_BLOCK, &set, &before_) == 0);
    }
    Blocked(const Blocked&) = delete;
    Blocked& operator=(const Blocked&) = delete;
    ~Blocked() { lift(); }
    void lift() { rondo_sigmask(SIG_SETMASK, &before_, nullptr); }
    const sigset_t& before() const { return before_; }

   private:
    sigset_t before_;
};

inline void expect_handled(int times) {
    if (!eventually([times] { return handled.load() >= times; })) stalled("a signal's handler");
    CHECK(handled.load() == times);
}

}  // namespace rondo::api_test
