// SPDX-License-Identifier: Apache-2.0
//
// Mutexes of each kind: mutual exclusion by plain counters, locks that give up, levels, owners' checks, and a last user
// that destroys and unmaps while the one before may still be inside unlock.
#include "scenarios.h"

namespace rondo::explore {

namespace {

struct Counted {
    rondo_mutex_t mutex;
    long total = 0;
    int users = 0;
    int inside = 0;
};

// True if the mutex was taken; a timed lock that gave up did not do so early.
bool lock_somehow(rondo_mutex_t* mutex, Random& random) {
    int choice = random.below(6);
    if (choice == 0) return rondo_mutex_trylock(mutex) == 0;
    if (choice > 2) {
        expect_equal(rondo_mutex_lock(mutex), 0, "mutex_lock");
        return true;
    }
    clockid_t clock = choice == 1 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    int64_t wanted = now_ns(clock) + random.below(kSpanUs) * 1'000LL;
    timespec deadline = at(wanted);
    int rc = rondo_mutex_clocklock(mutex, clock, &deadline);
    if (rc == ETIMEDOUT) expect(now_ns(clock) >= wanted, "a timed lock does not end early");
    if (rc != 0) expect_equal(rc, ETIMEDOUT, "mutex_clocklock");
    return rc == 0;
}

void use(Counted& counted, long& added, Random& own) {
    for (int round = 1 + own.below(4); round > 0; --round) {
        if (!lock_somehow(&counted.mutex, own)) continue;
        expect_equal(++counted.inside, 1, "threads inside a mutex");
        if (own.one_in(3)) pause(own);
        ++counted.total;
        --counted.inside;
        expect_equal(rondo_mutex_unlock(&counted.mutex), 0, "mutex_unlock");
        ++added;
    }
}

}  // namespace

void mutex_count(Random& random) {
    Vanishing<Counted> page;
    init_mutex(&page->mutex, random.below(4));
    const int users = 2 + random.below(4);
    page->users = users;
    long added = 0;
    Crew crew;
    for (int i = 0; i < users; ++i) {
        crew.add([page, &added, own = random.split()]() mutable {
            use(*page, added, own);
            rondo_mutex_lock(&page->mutex);
            bool last = --page->users == 0;
            long total = page->total;
            rondo_mutex_unlock(&page->mutex);
            if (!last) return;
            expect_equal(total, added, "counts under a mutex");
            expect_equal(rondo_mutex_destroy(&page->mutex), 0, "mutex_destroy");
            page.vanish();
        });
    }
}

// A recursive mutex is free when each level has been given up, and not before.
void mutex_levels(Random& random) {
    Vanishing<Counted> page;
    init_mutex(&page->mutex, RONDO_MUTEX_RECURSIVE);
    Crew crew;
    for (int i = 2 + random.below(2); i > 0; --i) {
        crew.add([page, own = random.split()]() mutable {
            const int levels = 1 + own.below(3);
            for (int level = 0; level < levels; ++level) {
                expect_equal(rondo_mutex_lock(&page->mutex), 0, "a level");
                if (level == 0) expect_equal(++page->inside, 1, "owners of a recursive mutex");
                if (own.one_in(3)) rondo_yield();
            }
            for (int level = levels; level > 0; --level) {
                expect_equal(page->inside, 1, "owners of a recursive mutex");
                if (level == 1) --page->inside;
                expect_equal(rondo_mutex_unlock(&page->mutex), 0, "a level given up");
                if (own.one_in(3)) rondo_yield();
            }
            expect_equal(rondo_mutex_unlock(&page->mutex), EPERM, "an unlock too many");
        });
    }
    crew.join();
    expect_equal(rondo_mutex_destroy(&page->mutex), 0, "mutex_destroy");
    page.vanish();
}

// An errorcheck mutex knows its owner, also when it was handed over.
void mutex_owner(Random& random) {
    Vanishing<Counted> page;
    init_mutex(&page->mutex, RONDO_MUTEX_ERRORCHECK);
    Crew crew;
    for (int i = 2 + random.below(3); i > 0; --i) {
        crew.add([page, own = random.split()]() mutable {
            for (int round = 1 + own.below(3); round > 0; --round) {
                expect_equal(rondo_mutex_unlock(&page->mutex), EPERM, "an unlock by another");
                expect_equal(rondo_mutex_lock(&page->mutex), 0, "mutex_lock");
                if (own.one_in(2)) pause(own);
                expect_equal(rondo_mutex_lock(&page->mutex), EDEADLK, "a second lock");
                expect_equal(rondo_mutex_unlock(&page->mutex), 0, "mutex_unlock");
            }
        });
    }
    crew.join();
    expect_equal(rondo_mutex_destroy(&page->mutex), 0, "mutex_destroy");
    page.vanish();
}

// The holder unlocks; the one it wakes destroys and unmaps.
void mutex_handover(Random& random) {
    Vanishing<Counted> page;
    init_mutex(&page->mutex, random.below(4));
    expect_equal(rondo_mutex_lock(&page->mutex), 0, "mutex_lock");
    Crew crew;
    crew.add([page] {
        rondo_mutex_lock(&page->mutex);
        expect_equal(page->total, 1, "what the holder wrote");
        rondo_mutex_unlock(&page->mutex);
        expect_equal(rondo_mutex_destroy(&page->mutex), 0, "mutex_destroy");
        page.vanish();
    });
    pause(random);
    page->total = 1;
    rondo_mutex_unlock(&page->mutex);
}

}  // namespace rondo::explore
