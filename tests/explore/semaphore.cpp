// SPDX-License-Identifier: Apache-2.0
//
// Semaphores: tokens are neither lost nor made, also when a waiter gives up or is cancelled as one is posted, and the
// woken thread may destroy and unmap while the poster is inside post.
#include "scenarios.h"

namespace rondo::explore {

namespace {

struct Tokens {
    rondo_sem_t sem;
};

bool take_somehow(rondo_sem_t* sem, bool patient, Random& random) {
    int choice = patient ? 3 : random.below(5);
    if (choice == 0) return rondo_sem_trywait(sem) == 0;
    if (choice > 2) {
        expect_equal(rondo_sem_wait(sem), 0, "sem_wait");
        return true;
    }
    clockid_t clock = choice == 1 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    int64_t wanted = now_ns(clock) + random.below(kSpanUs) * 1'000LL;
    timespec deadline = at(wanted);
    if (rondo_sem_clockwait(sem, clock, &deadline) == 0) return true;
    expect_equal(errno, ETIMEDOUT, "sem_clockwait");
    expect(now_ns(clock) >= wanted, "a timed wait does not end early");
    return false;
}

int value_of(rondo_sem_t* sem) {
    int value = -1;
    rondo_sem_getvalue(sem, &value);
    return value;
}

}  // namespace

// Victims take and give back until they are cancelled; the takers get every token they need.
void sem_tokens(Random& random) {
    Vanishing<Tokens> page;
    expect_equal(rondo_sem_init(&page->sem, 0, 0), 0, "sem_init");
    const bool patient = random.one_in(2);
    const size_t victims = static_cast<size_t>(random.below(3));
    const int takers = 1 + random.below(3), each = 1 + random.below(3);
    int taken = 0, held = 0;
    {
        Crew crew;
        for (size_t i = 0; i < victims; ++i) {
            crew.add([page, &held] {
                while (true) {
                    rondo_sem_wait(&page->sem);
                    ++held;
                    rondo_sem_post(&page->sem);
                    --held;
                    rondo_yield();
                }
            });
        }
        for (int i = 0; i < takers; ++i) {
            crew.add([page, &taken, patient, each, own = random.split()]() mutable {
                for (int got = 0; got < each;) {
                    if (!take_somehow(&page->sem, patient, own)) continue;
                    ++got;
                    ++taken;
                }
            });
        }
        crew.add([page, share = takers * each, own = random.split()]() mutable {
            for (int left = share; left > 0; --left) {
                if (own.one_in(3)) pause(own);
                expect_equal(rondo_sem_post(&page->sem), 0, "sem_post");
            }
        });
        for (size_t i = 0; i < victims; ++i) {
            pause(random);
            crew.cancel(i);
        }
    }
    expect_equal(taken, takers * each, "tokens taken");
    expect_equal(held, 0, "tokens held by a cancelled thread");
    expect_equal(value_of(&page->sem), 0, "tokens left");
    expect_equal(rondo_sem_destroy(&page->sem), 0, "sem_destroy");
    page.vanish();
}

void sem_vanish(Random& random) {
    Vanishing<Tokens> page;
    rondo_sem_init(&page->sem, 0, 0);
    Crew crew;
    crew.add([page, patient = random.one_in(2), own = random.split()]() mutable {
        while (!take_somehow(&page->sem, patient, own)) {
        }
        expect_equal(rondo_sem_destroy(&page->sem), 0, "sem_destroy");
        page.vanish();
    });
    crew.add([page, own = random.split()]() mutable {
        pause(own);
        rondo_sem_post(&page->sem);
    });
}

// Two threads take turns by two semaphores, which hold one token together.
void sem_turns(Random& random) {
    struct Court {
        rondo_sem_t sides[2];
        int side = 0;
    };
    Vanishing<Court> page;
    for (rondo_sem_t& side : page->sides) rondo_sem_init(&side, 0, 0);
    const int strokes = 1 + random.below(6);
    {
        Crew crew;
        for (int side = 0; side < 2; ++side) {
            crew.add([page, side, strokes] {
                for (int i = 0; i < strokes; ++i) {
                    expect_equal(rondo_sem_wait(&page->sides[side]), 0, "sem_wait");
                    expect_equal(page->side, side, "the side to play");
                    page->side = 1 - side;
                    expect_equal(rondo_sem_post(&page->sides[1 - side]), 0, "sem_post");
                }
            });
        }
        rondo_sem_post(&page->sides[0]);
    }
    expect_equal(value_of(&page->sides[0]), 1, "the token");
    expect_equal(value_of(&page->sides[1]), 0, "the token");
    page.vanish();
}

}  // namespace rondo::explore
