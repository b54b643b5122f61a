// SPDX-License-Identifier: Apache-2.0
//
// The ends of threads: every way to end meets every way to be joined or detached, destructors run, a cancelled joiner
// leaves its thread to another, and a stack is not used again before its thread has left it.
#include "scenarios.h"

namespace rondo::explore {

namespace {

enum class End { returns, exits, cancels_itself, is_cancelled };

struct Life {
    End end;
    Random random;
    int unwound = 0;
};

struct CountUnwind {
    ~CountUnwind() { ++counter; }
    int& counter;
};

void live(Life& life) {
    CountUnwind unwind{life.unwound};
    pause(life.random);
    if (life.end == End::exits) rondo_exit(&life);
    if (life.end == End::cancels_itself) {
        rondo_cancel(rondo_self());
        rondo_testcancel();
    }
    while (life.end == End::is_cancelled) {
        timespec day{86'400, 0};
        rondo_nanosleep(&day, nullptr);
    }
}

void* start_life(void* arg) {
    auto* life = static_cast<Life*>(arg);
    CountUnwind unwind{life->unwound};
    live(*life);
    return life;
}

void* join_somehow(rondo_t thread, Random& random) {
    void* result = nullptr;
    int rc = ETIMEDOUT;
    while (rc != 0) {
        int choice = random.below(4);
        if (choice == 0) {
            clockid_t clock = random.one_in(2) ? CLOCK_MONOTONIC : CLOCK_REALTIME;
            timespec deadline = soon(random, clock, kSpanUs);
            rc = rondo_clockjoin_np(thread, &result, clock, &deadline);
        } else if (choice == 1) {
            rc = rondo_tryjoin_np(thread, &result);
        } else {
            rc = rondo_join(thread, &result);
        }
        expect(rc == 0 || (choice == 0 && rc == ETIMEDOUT) || (choice == 1 && rc == EBUSY), "a join");
    }
    return result;
}

}  // namespace

void join_ends(Random& random) {
    Life life{static_cast<End>(random.below(4)), random.split()};
    rondo_t thread;
    expect_equal(rondo_create(&thread, nullptr, start_life, &life), 0, "rondo_create");
    if (random.one_in(2)) pause(random);
    bool canceled = life.end == End::is_cancelled || life.end == End::cancels_itself;
    if (life.end == End::is_cancelled) expect_equal(rondo_cancel(thread), 0, "rondo_cancel");
    void* result = join_somehow(thread, random);
    expect(result == (canceled ? RONDO_CANCELED : static_cast<void*>(&life)), "a joined thread's result");
    expect_equal(life.unwound, 2, "destructors run by a thread's end");
}

// A joiner is cancelled; the thread it waited for is joined by another.
void join_cancelled(Random& random) {
    rondo_sem_t let_go;
    rondo_sem_init(&let_go, 0, 0);
    rondo_t target;
    auto wait = [](void* sem) -> void* {
        rondo_sem_wait(static_cast<rondo_sem_t*>(sem));
        return sem;
    };
    expect_equal(rondo_create(&target, nullptr, wait, &let_go), 0, "rondo_create");
    bool joined = false;
    Crew crew;
    size_t joiner = crew.add([target, &joined] {
        expect_equal(rondo_join(target, nullptr), 0, "rondo_join");
        joined = true;
    });
    pause(random);
    bool early = random.one_in(2);
    if (early) rondo_sem_post(&let_go);
    crew.cancel(joiner);
    bool canceled = crew.join(joiner);
    expect(canceled != joined, "a cancelled joiner has not joined");
    if (!early) rondo_sem_post(&let_go);
    if (canceled) expect_equal(rondo_join(target, nullptr), 0, "rondo_join");
    rondo_sem_destroy(&let_go);
}

// A thread posts, and is on its way out when its creator detaches it. New threads take over the stacks of those that
// have ended and write on them.
void detach_all(Random& random) {
    struct Part {
        rondo_sem_t done{};
        int ended = 0;
    };
    Vanishing<Part> page;
    rondo_sem_init(&page->done, 0, 0);
    auto body = [](void* arg) -> void* {
        auto* part = static_cast<Part*>(arg);
        volatile char used[600];
        for (volatile char& byte : used) byte = 1;
        rondo_yield();
        for (volatile char& byte : used) expect_equal(byte, 1, "a thread's own stack");
        ++part->ended;
        rondo_sem_post(&part->done);
        return nullptr;
    };
    const int count = 1 + random.below(4);
    for (int i = 0; i < count; ++i) {
        rondo_t thread;
        expect_equal(rondo_create(&thread, nullptr, body, &*page), 0, "rondo_create");
        if (random.one_in(2)) pause(random);
        expect_equal(rondo_detach(thread), 0, "rondo_detach");
    }
    for (int i = 0; i < count; ++i) expect_equal(rondo_sem_wait(&page->done), 0, "sem_wait");
    expect_equal(page->ended, count, "threads that posted");
    rondo_sem_destroy(&page->done);
    page.vanish();
}

}  // namespace rondo::explore
