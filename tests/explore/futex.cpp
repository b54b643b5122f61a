// SPDX-License-Identifier: Apache-2.0
//
// Parking and waking without an object above it: no wake-up is lost between the look at the word and the park, none
// reaches a thread that has given up, waiters that are moved to another word are woken there, and the page of the word
// may be gone when the waker comes to its queue.
#include <linux/futex.h>

#include "scenarios.h"

namespace rondo::explore {

namespace {

struct Words {
    uint32_t first = 0, second = 0;
};

// 0, EAGAIN or ETIMEDOUT.
void wait_until_it_differs(const uint32_t* word, uint32_t value, bool timed, Random& own) {
    while (__atomic_load_n(word, __ATOMIC_RELAXED) == value) {
        timespec deadline = soon(own, CLOCK_MONOTONIC, kSpanUs);
        int rc = rondo_futex_wait(word, value, timed ? &deadline : nullptr);
        expect(rc == 0 || rc == EAGAIN || (timed && rc == ETIMEDOUT), "futex_wait");
    }
}

}  // namespace

void futex_vanish(Random& random) {
    Vanishing<Words> page;
    const auto before = static_cast<uint32_t>(random.below(3));
    page->first = before;
    Crew crew;
    crew.add([page, before, timed = random.one_in(2), own = random.split()]() mutable {
        wait_until_it_differs(&page->first, before, timed, own);
        page.vanish();
    });
    crew.add([page, before, own = random.split()]() mutable {
        pause(own);
        const uint32_t* address = &page->first;
        page->first = before + 1;
        rondo_futex_wake(address, 1);
    });
}

// Some of the waiters have deadlines. Those without are woken one by one, each exactly once.
void futex_count(Random& random) {
    Vanishing<Words> page;
    const int patient = 1 + random.below(3), hasty = random.below(3);
    int returned = 0, gave_up = 0, woken_in_time = 0;
    Crew crew;
    for (int i = 0; i < patient + hasty; ++i) {
        crew.add([page, timed = i >= patient, &returned, &gave_up, &woken_in_time, own = random.split()]() mutable {
            timespec deadline = soon(own, CLOCK_MONOTONIC, kSpanUs);
            int rc = rondo_futex_wait(&page->first, 0, timed ? &deadline : nullptr);
            expect(rc == 0 || (timed && rc == ETIMEDOUT), "futex_wait");
            ++returned;
            ++(rc == 0 ? woken_in_time : gave_up);
        });
    }
    int woken = 0;
    while (returned < patient + hasty) {
        woken += rondo_futex_wake(&page->first, 1 + random.below(2));
        pause(random);
    }
    crew.join();
    expect_equal(woken, woken_in_time, "threads woken");
    expect_equal(woken + gave_up, patient + hasty, "threads that waited");
    page.vanish();
}

// Waiters are moved to a second word, where some of them time out while others are woken.
void futex_requeue(Random& random) {
    Vanishing<Words> page;
    const int count = 2 + random.below(3);
    int returned = 0;
    Crew crew;
    for (int i = 0; i < count; ++i) {
        crew.add([page, &returned, timed = random.one_in(3), own = random.split()]() mutable {
            timespec deadline = soon(own, CLOCK_MONOTONIC, kSpanUs);
            int rc = rondo_futex_wait(&page->first, 0, timed ? &deadline : nullptr);
            expect(rc == 0 || (timed && rc == ETIMEDOUT), "futex_wait");
            ++returned;
        });
    }
    while (returned < count) {
        auto moved = reinterpret_cast<const timespec*>(uintptr_t{1} + static_cast<uintptr_t>(random.below(3)));
        rondo_futex(&page->first, FUTEX_REQUEUE, static_cast<uint32_t>(random.below(2)), moved, &page->second, 0);
        pause(random);
        rondo_futex_wake(&page->second, 1 + random.below(3));
        pause(random);
    }
    crew.join();
    page.vanish();
}

}  // namespace rondo::explore
