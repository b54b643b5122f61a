// SPDX-License-Identifier: Apache-2.0
//
// Deferred cancellation at each kind of wait, while what the wait is for may come at the same moment. Either the thread
// was cancelled, and then took nothing; or it took what there was, and acts on the request at the next point. Cleanup
// handlers and destructors run once, innermost first, and a condition wait holds its mutex then.
#include "scenarios.h"

namespace rondo::explore {

namespace {

enum class Wait { semaphore, timed_semaphore, condvar, read, receive, poll, select, sleep, join, kinds };

// What a victim waits for, and what is told of it afterwards.
struct Prize {
    Wait kind;
    rondo_sem_t sem;
    rondo_mutex_t mutex;
    rondo_cond_t cond;
    Ends ends;
    bool given = false;  // the condition variable's
    int taken = 0;
    int handlers = 0;
    bool holds_mutex = false;
    bool joined_ended = false;
};

void wait_on_condvar(Prize& prize) {
    rondo_mutex_lock(&prize.mutex);
    rondo_cleanup unlock;
    auto give_up = [](void* arg) {
        auto* held = static_cast<Prize*>(arg);
        held->holds_mutex = rondo_mutex_unlock(&held->mutex) == 0;
    };
    rondo_cleanup_push(&unlock, give_up, &prize);
    while (!prize.given) expect_equal(rondo_cond_wait(&prize.cond, &prize.mutex), 0, "cond_wait");
    prize.given = false;
    ++prize.taken;
    rondo_cleanup_pop(&unlock, 1);
}

int wait_for_readable(Prize& prize) {
    if (prize.kind == Wait::poll) {
        pollfd watched{prize.ends.in, POLLIN, 0};
        return rondo_poll(&watched, 1, -1);
    }
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(prize.ends.in, &readable);
    return rondo_select(prize.ends.in + 1, &readable, nullptr, nullptr, nullptr);
}

void* run_joined(void* arg) {
    auto* prize = static_cast<Prize*>(arg);
    rondo_sem_wait(&prize->sem);
    prize->joined_ended = true;
    return nullptr;
}

void wait_for_joined(Prize& prize) {
    rondo_t target;
    expect_equal(rondo_create(&target, nullptr, run_joined, &prize), 0, "rondo_create");
    rondo_cleanup leave;
    auto let_go = [](void* arg) { expect_equal(rondo_detach(*static_cast<rondo_t*>(arg)), 0, "rondo_detach"); };
    rondo_cleanup_push(&leave, let_go, &target);
    expect_equal(rondo_join(target, nullptr), 0, "rondo_join");
    rondo_cleanup_pop(&leave, 0);
    ++prize.taken;
}

void wait_with_deadlines(rondo_sem_t& sem) {
    timespec deadline = at(now_ns(CLOCK_REALTIME) + kSpanUs * 1'000);
    while (rondo_sem_timedwait(&sem, &deadline) != 0) {
        expect_equal(errno, ETIMEDOUT, "sem_timedwait");
        deadline = at(now_ns(CLOCK_REALTIME) + kSpanUs * 1'000);
    }
}

void take(Prize& prize) {
    char byte = 0;
    timespec day{86'400, 0};
    switch (prize.kind) {
        case Wait::semaphore:
            expect_equal(rondo_sem_wait(&prize.sem), 0, "sem_wait");
            break;
        case Wait::timed_semaphore:
            wait_with_deadlines(prize.sem);
            break;
        case Wait::condvar:
            return wait_on_condvar(prize);
        case Wait::read:
            expect_equal(rondo_read(prize.ends.in, &byte, 1), 1, "read");
            break;
        case Wait::receive:
            expect_equal(rondo_recv(prize.ends.in, &byte, 1, 0), 1, "recv");
            break;
        case Wait::poll:
        case Wait::select:
            expect_equal(wait_for_readable(prize), 1, "poll");
            break;
        case Wait::join:
            return wait_for_joined(prize);
        default:
            while (true) rondo_nanosleep(&day, nullptr);
    }
    ++prize.taken;
}

void give(Prize& prize) {
    switch (prize.kind) {
        case Wait::semaphore:
        case Wait::timed_semaphore:
        case Wait::join:
            expect_equal(rondo_sem_post(&prize.sem), 0, "sem_post");
            return;
        case Wait::condvar: {
            MutexGuard guard(&prize.mutex);
            prize.given = true;
            rondo_cond_signal(&prize.cond);
            return;
        }
        case Wait::sleep:
            return;
        default:
            expect_equal(rondo_write(prize.ends.out, "p", 1), 1, "write");
    }
}

// True if what was given is still there.
bool left_over(Prize& prize) {
    char byte;
    switch (prize.kind) {
        case Wait::semaphore:
        case Wait::timed_semaphore:
            return rondo_sem_trywait(&prize.sem) == 0;
        case Wait::condvar:
            return prize.given;
        default:
            return rondo_recv(prize.ends.in, &byte, 1, MSG_DONTWAIT) == 1;
    }
}

void run_victim(Prize& prize) {
    rondo_cleanup outer;
    auto count = [](void* counter) { ++*static_cast<int*>(counter); };
    rondo_cleanup_push(&outer, count, &prize.handlers);
    take(prize);
    rondo_testcancel();
    rondo_cleanup_pop(&outer, 1);
}

void expect_account(Prize& prize, bool canceled, bool gave) {
    expect_equal(prize.handlers, 1, "cleanup handlers run");
    expect(canceled || prize.taken == 1, "a wait that was not cancelled took something");
    if (prize.kind == Wait::condvar) expect(prize.holds_mutex, "a condition wait ends with its mutex");
    if (prize.kind == Wait::sleep || prize.kind == Wait::join) return;
    bool reads = prize.kind != Wait::poll && prize.kind != Wait::select;
    int wanted = gave && (prize.taken == 0 || !reads) ? 1 : 0;
    expect_equal(left_over(prize) ? 1 : 0, wanted, "what a cancelled wait left");
}

}  // namespace

void cancel_waits(Random& random) {
    Vanishing<Prize> page;
    page->kind = static_cast<Wait>(random.below(static_cast<int>(Wait::kinds)));
    page->ends = socket_pair();
    rondo_sem_init(&page->sem, 0, 0);
    init_mutex(&page->mutex, RONDO_MUTEX_ERRORCHECK);
    // What is neither given nor cancelled would wait for ever.
    const bool gives = page->kind == Wait::join || (page->kind != Wait::sleep && random.one_in(2));
    const bool cancels = !gives || !random.one_in(4);
    Crew crew;
    size_t victim = crew.add([page] { run_victim(*page); });
    Crew giving;
    if (gives) {
        giving.add([page, own = random.split()]() mutable {
            pause(own);
            give(*page);
        });
    }
    pause(random);
    if (cancels) crew.cancel(victim);
    bool canceled = crew.join(victim);
    giving.join();
    if (!cancels) expect(!canceled, "a thread that nobody cancelled");
    while (page->kind == Wait::join && !page->joined_ended) rondo_yield();
    expect_account(*page, canceled, gives);
    close_both(page->ends);
    page.vanish();
}

// A thread that has disabled cancellation finishes its work, and is cancelled when it enables it.
void cancel_disabled(Random& random) {
    rondo_sem_t sem;
    rondo_sem_init(&sem, 0, 0);
    int state = 0;
    bool requested = false;
    Crew crew;
    size_t victim = crew.add([&] {
        rondo_setcancelstate(RONDO_CANCEL_DISABLE, nullptr);
        expect_equal(rondo_sem_wait(&sem), 0, "sem_wait");
        timespec a_moment{0, 3'000};
        rondo_nanosleep(&a_moment, nullptr);
        while (!requested) rondo_yield();
        state = 1;
        rondo_setcancelstate(RONDO_CANCEL_ENABLE, nullptr);
        rondo_testcancel();
        state = 2;
    });
    if (random.one_in(2)) pause(random);
    crew.cancel(victim);
    requested = true;
    pause(random);
    rondo_sem_post(&sem);
    expect(crew.join(victim), "a thread that enables cancellation is cancelled");
    expect_equal(state, 1, "how far a cancelled thread went");
}

}  // namespace rondo::explore
