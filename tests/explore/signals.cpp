// SPDX-License-Identifier: Apache-2.0
//
// Signals to a thread in each kind of wait: the handler runs on that thread once for each, a wait that restarts goes
// on, one that does not says EINTR, and what the wait was for is not lost. What is blocked waits for sigwaitinfo.
#include "scenarios.h"

namespace rondo::explore {

namespace {

int handled;
rondo_t expected;

void handle(int) {
    expect(rondo_equal(rondo_self(), expected), "a handler runs on the thread that was meant");
    ++handled;
}

enum class Wait { semaphore, read, poll, sleep, mutex, condvar, rwlock, barrier, join, kinds };

struct Target {
    Wait kind;
    rondo_sem_t sem;
    rondo_mutex_t mutex;
    rondo_cond_t cond;
    rondo_rwlock_t rwlock;
    rondo_barrier_t barrier;
    Ends ends;
    bool restarts;
    bool given = false;
    bool done = false;
};

int wait_on_condvar(Target& target) {
    MutexGuard guard(&target.mutex);
    while (!target.given) expect_equal(rondo_cond_wait(&target.cond, &target.mutex), 0, "cond_wait");
    return 0;
}

void* wait_for_token(void* arg) {
    auto* target = static_cast<Target*>(arg);
    while (rondo_sem_wait(&target->sem) != 0) expect_equal(errno, EINTR, "sem_wait");
    return nullptr;
}

int wait_for_end(Target& target) {
    rondo_t other;
    expect_equal(rondo_create(&other, nullptr, wait_for_token, &target), 0, "rondo_create");
    return rondo_join(other, nullptr);
}

int meet(rondo_barrier_t& barrier) {
    int rc = rondo_barrier_wait(&barrier);
    return rc == RONDO_BARRIER_SERIAL_THREAD ? 0 : rc;
}

int error_of(long result) { return result < 0 ? errno : 0; }

// 0, or the error of a call that was interrupted.
int wait_once(Target& target) {
    char byte;
    timespec length{0, 20'000};
    pollfd watched{target.ends.in, POLLIN, 0};
    switch (target.kind) {
        case Wait::semaphore:
            return error_of(rondo_sem_wait(&target.sem));
        case Wait::read:
            return error_of(rondo_read(target.ends.in, &byte, 1));
        case Wait::poll:
            return error_of(rondo_poll(&watched, 1, -1));
        case Wait::sleep:
            return error_of(rondo_nanosleep(&length, nullptr));
        case Wait::mutex:
            rondo_mutex_lock(&target.mutex);
            return rondo_mutex_unlock(&target.mutex);
        case Wait::condvar:
            return wait_on_condvar(target);
        case Wait::rwlock:
            rondo_rwlock_rdlock(&target.rwlock);
            return rondo_rwlock_unlock(&target.rwlock);
        case Wait::barrier:
            return meet(target.barrier);
        default:
            return wait_for_end(target);
    }
}

void prepare(Target& target, Random& random) {
    target.kind = static_cast<Wait>(random.below(static_cast<int>(Wait::kinds)));
    target.restarts = random.one_in(2);
    target.ends = socket_pair();
    rondo_sem_init(&target.sem, 0, 0);
    init_mutex(&target.mutex, random.below(4));
    rondo_barrier_init(&target.barrier, nullptr, 2);
    if (target.kind == Wait::mutex) rondo_mutex_lock(&target.mutex);
    if (target.kind == Wait::rwlock) rondo_rwlock_wrlock(&target.rwlock);
}

// Lets the wait come to its end.
void give(Target& target) {
    rondo_sem_post(&target.sem);
    write_byte(target.ends.out);
    if (target.kind == Wait::mutex) rondo_mutex_unlock(&target.mutex);
    if (target.kind == Wait::rwlock) rondo_rwlock_unlock(&target.rwlock);
    if (target.kind == Wait::barrier) rondo_barrier_wait(&target.barrier);
    if (target.kind == Wait::condvar) {
        MutexGuard guard(&target.mutex);
        target.given = true;
        rondo_cond_signal(&target.cond);
    }
    target.done = true;
}

void* run_target(void* arg) {
    auto* target = static_cast<Target*>(arg);
    bool may_fail = !target->restarts || target->kind == Wait::sleep || target->kind == Wait::poll;
    int error;
    while ((error = wait_once(*target)) != 0) {
        expect_equal(error, EINTR, "an interrupted wait");
        expect(may_fail, "only a wait that does not restart says so");
    }
    while (!target->done) rondo_yield();
    return nullptr;
}

}  // namespace

void signal_waits(Random& random) {
    handled = 0;
    Vanishing<Target> page;
    prepare(*page, random);
    Handler handler(handle, page->restarts ? SA_RESTART : 0);
    rondo_t thread;
    expect_equal(rondo_create(&thread, nullptr, run_target, &*page), 0, "rondo_create");
    expected = thread;
    const int count = 1 + random.below(2);
    for (int i = 0; i < count; ++i) {
        pause(random);
        expect_equal(rondo_kill(thread, SIGUSR1), 0, "rondo_kill");
        while (handled == i) rondo_yield();
    }
    give(*page);
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
