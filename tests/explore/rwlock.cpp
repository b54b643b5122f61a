// SPDX-License-Identifier: Apache-2.0
//
// Read-write locks of each preference: readers see whole writes and no writer beside them, readers share, locks that
// give up leave no trace, and the last user destroys and unmaps.
#include "scenarios.h"

namespace rondo::explore {

namespace {

struct Pair {
    rondo_rwlock_t lock;
    long a = 0, b = 0;
    int readers = 0, writers = 0;
    int users = 0;
};

void init(rondo_rwlock_t* lock, int kind) {
    rondo_rwlockattr_t attr;
    rondo_rwlockattr_init(&attr);
    rondo_rwlockattr_setkind_np(&attr, kind);
    rondo_rwlock_init(lock, &attr);
    rondo_rwlockattr_destroy(&attr);
}

bool taken(int rc) {
    expect(rc == 0 || rc == ETIMEDOUT || rc == EBUSY, "a lock that may give up");
    return rc == 0;
}

void write_once(Pair& pair, long& writes, Random& own) {
    timespec deadline = soon(own, CLOCK_MONOTONIC, kSpanUs);
    int choice = own.below(4);
    int rc = choice == 0   ? rondo_rwlock_clockwrlock(&pair.lock, CLOCK_MONOTONIC, &deadline)
             : choice == 1 ? rondo_rwlock_trywrlock(&pair.lock)
                           : rondo_rwlock_wrlock(&pair.lock);
    if (!taken(rc)) return;
    expect_equal(++pair.writers + pair.readers, 1, "holders beside a writer");
    ++pair.a;
    if (own.one_in(2)) pause(own);
    ++pair.b;
    ++writes;
    expect_equal(--pair.writers + pair.readers, 0, "holders beside a writer");
    expect_equal(rondo_rwlock_unlock(&pair.lock), 0, "rwlock_unlock");
}

void read_once(Pair& pair, Random& own) {
    timespec deadline = soon(own, CLOCK_MONOTONIC, kSpanUs);
    int choice = own.below(4);
    int rc = choice == 0   ? rondo_rwlock_clockrdlock(&pair.lock, CLOCK_MONOTONIC, &deadline)
             : choice == 1 ? rondo_rwlock_tryrdlock(&pair.lock)
                           : rondo_rwlock_rdlock(&pair.lock);
    if (!taken(rc)) return;
    ++pair.readers;
    expect_equal(pair.a, pair.b, "a reader sees whole writes");
    if (own.one_in(2)) pause(own);
    expect_equal(pair.a, pair.b, "a reader sees no writer");
    expect_equal(pair.writers, 0, "writers beside a reader");
    --pair.readers;
    expect_equal(rondo_rwlock_unlock(&pair.lock), 0, "rwlock_unlock");
}

}  // namespace

void rwlock_pair(Random& random) {
    Vanishing<Pair> page;
    init(&page->lock, random.below(3));
    const int users = 2 + random.below(4);
    page->users = users;
    long writes = 0;
    Crew crew;
    for (int i = 0; i < users; ++i) {
        crew.add([page, &writes, own = random.split()]() mutable {
            for (int round = 1 + own.below(3); round > 0; --round) {
                own.one_in(2) ? write_once(*page, writes, own) : read_once(*page, own);
            }
            rondo_rwlock_wrlock(&page->lock);
            bool last = --page->users == 0;
            long total = page->a;
            rondo_rwlock_unlock(&page->lock);
            if (!last) return;
            expect_equal(total, writes, "writes under an rwlock");
            expect_equal(rondo_rwlock_destroy(&page->lock), 0, "rwlock_destroy");
            page.vanish();
        });
    }
}

// Readers that were let in together are all inside before one of them leaves.
void rwlock_share(Random& random) {
    Vanishing<Pair> page;
    init(&page->lock, random.below(3));
    const int count = 2 + random.below(3);
    expect_equal(rondo_rwlock_wrlock(&page->lock), 0, "rwlock_wrlock");
    {
        Crew crew;
        for (int i = 0; i < count; ++i) {
            crew.add([page, count] {
                expect_equal(rondo_rwlock_rdlock(&page->lock), 0, "rwlock_rdlock");
                ++page->readers;
                while (page->readers < count) rondo_yield();
                expect_equal(rondo_rwlock_unlock(&page->lock), 0, "rwlock_unlock");
            });
        }
        pause(random);
        expect_equal(rondo_rwlock_unlock(&page->lock), 0, "rwlock_unlock");
    }
    expect_equal(rondo_rwlock_destroy(&page->lock), 0, "rwlock_destroy");
    page.vanish();
}

}  // namespace rondo::explore
