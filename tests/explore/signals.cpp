// SPDX-License-Identifier: Apache-2.0
//
// Signals to a thread in a wait: the handler runs on that thread once for each, a wait that restarts goes on, one that
// does not says EINTR, and what the wait was for is not lost. sigwait takes what is blocked.
#include "scenarios.h"

namespace rondo::explore {

namespace {

int handled;
rondo_t expected;

void handle(int) {
    expect(rondo_equal(rondo_self(), expected), "a handler runs on the thread that was meant");
    ++handled;
}

void set_handler(int flags) {
    struct sigaction action {};
    action.sa_handler = handle;
    action.sa_flags = flags;
    expect_equal(rondo_sigaction(SIGUSR1, &action, nullptr), 0, "sigaction");
}

enum class Wait { semaphore, read, mutex, sleep, kinds };

struct Target {
    Wait kind;
    rondo_sem_t sem;
    rondo_mutex_t mutex;
    Ends ends;
    bool restarts;
    bool done = false;
};

// 0, or the error of a call that was interrupted.
int wait_once(Target& target) {
    char byte;
    timespec length{0, 20'000};
    switch (target.kind) {
        case Wait::semaphore:
            return rondo_sem_wait(&target.sem) == 0 ? 0 : errno;
        case Wait::read:
            return rondo_read(target.ends.in, &byte, 1) == 1 ? 0 : errno;
        case Wait::mutex:
            rondo_mutex_lock(&target.mutex);
            return rondo_mutex_unlock(&target.mutex);
        default:
            return rondo_nanosleep(&length, nullptr) == 0 ? 0 : errno;
    }
}

}  // namespace

void signal_waits(Random& random) {
    handled = 0;
    Vanishing<Target> page;
    page->kind = static_cast<Wait>(random.below(static_cast<int>(Wait::kinds)));
    page->restarts = random.one_in(2);
    page->ends = socket_pair();
    rondo_sem_init(&page->sem, 0, 0);
    init_mutex(&page->mutex, random.below(4));
    set_handler(page->restarts ? SA_RESTART : 0);
    if (page->kind == Wait::mutex) rondo_mutex_lock(&page->mutex);
    rondo_t thread;
    auto body = [](void* arg) -> void* {
        auto* target = static_cast<Target*>(arg);
        int error;
        while ((error = wait_once(*target)) != 0) {
            expect_equal(error, EINTR, "an interrupted wait");
            expect(!target->restarts || target->kind == Wait::sleep, "only a wait that does not restart says so");
        }
        while (!target->done) rondo_yield();
        return nullptr;
    };
    expect_equal(rondo_create(&thread, nullptr, body, &*page), 0, "rondo_create");
    expected = thread;
    const int count = 1 + random.below(2);
    for (int i = 0; i < count; ++i) {
        pause(random);
        expect_equal(rondo_kill(thread, SIGUSR1), 0, "rondo_kill");
        while (handled == i) rondo_yield();
    }
    rondo_sem_post(&page->sem);
    if (page->kind == Wait::read) rondo_write(page->ends.out, "s", 1);
    if (page->kind == Wait::mutex) rondo_mutex_unlock(&page->mutex);
    page->done = true;
    expect_equal(rondo_join(thread, nullptr), 0, "rondo_join");
    expect_equal(handled, count, "handlers run");
    close_both(page->ends);
    page.vanish();
}

// Blocked signals queue at the thread they are for, which takes them by sigwaitinfo in the order they were sent, none
// lost to a wait that gave up in between.
void signal_queue(Random& random) {
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    expect_equal(rondo_sigmask(SIG_BLOCK, &set, &before), 0, "sigmask");
    const int count = 1 + random.below(3);
    auto take = [&set, count, own = random.split()]() mutable {
        for (int taken = 0; taken < count;) {
            timespec limit = brief(own);
            siginfo_t info{};
            int number = own.one_in(2) ? rondo_sigtimedwait(&set, &info, &limit) : rondo_sigwaitinfo(&set, &info);
            if (number < 0) expect_equal(errno, EAGAIN, "sigtimedwait");
            if (number > 0) expect_equal(info.si_value.sival_int, taken++, "a queued signal's turn");
        }
    };
    using Take = decltype(take);
    auto body = [](void* taker) -> void* {
        (*static_cast<Take*>(taker))();
        return nullptr;
    };
    rondo_t thread;
    expect_equal(rondo_create(&thread, nullptr, body, &take), 0, "rondo_create");
    for (int i = 0; i < count; ++i) {
        pause(random);
        sigval value{};
        value.sival_int = i;
        expect_equal(rondo_sigqueue(thread, SIGRTMIN + 1, value), 0, "sigqueue");
    }
    expect_equal(rondo_join(thread, nullptr), 0, "rondo_join");
    expect_equal(rondo_sigmask(SIG_SETMASK, &before, nullptr), 0, "sigmask");
}

}  // namespace rondo::explore
