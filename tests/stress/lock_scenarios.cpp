// SPDX-License-Identifier: Apache-2.0
//
// Stress of mutexes, rwlocks, spin locks, once and barriers.
// The counts under a lock are plain: a lock that lets two in loses some, and TSan sees the race.
#include <atomic>

#include "stress.h"

namespace rondo::stress {

namespace {

struct Counted {
    rondo_mutex_t mutex;
    long total = 0;
    int users = 0;
};

int some_kind(Random& random) { return random.below(4); }

// True if the mutex was taken; a timed lock that gave up did not do so early.
bool lock_somehow(rondo_mutex_t* mutex, Random& random) {
    int choice = random.below(5);
    if (choice == 0) return rondo_mutex_trylock(mutex) == 0;
    if (choice > 2) {
        expect_equal(rondo_mutex_lock(mutex), 0, "mutex_lock");
        return true;
    }
    clockid_t clock = choice == 1 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    int64_t wanted = now_ns(clock) + random.below(100) * 1'000LL;
    timespec deadline = at(wanted);
    int rc = rondo_mutex_clocklock(mutex, clock, &deadline);
    if (rc == ETIMEDOUT) expect(now_ns(clock) >= wanted, "a timed lock does not end early");
    if (rc != 0) expect_equal(rc, ETIMEDOUT, "mutex_clocklock");
    return rc == 0;
}

// The last user destroys the mutex and unmaps it while the one before may still be inside unlock.
void mutex_count(Random& random) {
    Vanishing<Counted> page;
    init_mutex(&page->mutex, some_kind(random));
    const int users = 2 + random.below(4);
    page->users = users;
    std::atomic<long> added{0};
    Crew crew;
    for (int i = 0; i < users; ++i) {
        crew.add_somewhere(random, [page, &added, own = random.split()]() mutable {
            for (int round = own.below(20); round > 0; --round) {
                if (!lock_somehow(&page->mutex, own)) continue;
                long before = page->total;
                if (own.one_in(4)) rondo_yield();
                page->total = before + 1;
                rondo_mutex_unlock(&page->mutex);
                added.fetch_add(1);
            }
            rondo_mutex_lock(&page->mutex);
            bool last = --page->users == 0;
            long total = page->total;
            rondo_mutex_unlock(&page->mutex);
            if (!last) return;
            expect_equal(total, added.load(), "counts under a mutex");
            expect_equal(rondo_mutex_destroy(&page->mutex), 0, "mutex_destroy");
            page.vanish();
        });
    }
}

// The holder unlocks; the one it wakes destroys and unmaps.
void mutex_handover(Random& random) {
    Vanishing<Counted> page;
    init_mutex(&page->mutex, some_kind(random));
    std::atomic<bool> held{false};
    Crew crew;
    auto holder = [page, &held, own = random.split()]() mutable {
        rondo_mutex_lock(&page->mutex);
        held.store(true);
        jitter(own);
        page->total = 1;
        rondo_mutex_unlock(&page->mutex);
    };
    auto heir = [page, &held] {
        while (!held.load()) rondo_yield();
        rondo_mutex_lock(&page->mutex);
        expect_equal(page->total, 1, "what the holder wrote");
        rondo_mutex_unlock(&page->mutex);
        expect_equal(rondo_mutex_destroy(&page->mutex), 0, "mutex_destroy");
        page.vanish();
    };
    crew.add_somewhere(random, holder);
    crew.add_somewhere(random, heir);
}

struct Pair {
    rondo_rwlock_t lock;
    long a = 0, b = 0;
    int users = 0;
};

void write_once(Vanishing<Pair> page, Random& own, std::atomic<long>& writes) {
    timespec deadline = soon(own, CLOCK_MONOTONIC, 200);
    int rc = own.one_in(3)   ? rondo_rwlock_clockwrlock(&page->lock, CLOCK_MONOTONIC, &deadline)
             : own.one_in(4) ? rondo_rwlock_trywrlock(&page->lock)
                             : rondo_rwlock_wrlock(&page->lock);
    if (rc != 0) return;
    ++page->a;
    if (own.one_in(4)) rondo_yield();
    ++page->b;
    rondo_rwlock_unlock(&page->lock);
    writes.fetch_add(1);
}

void read_once(Vanishing<Pair> page, Random& own) {
    timespec deadline = soon(own, CLOCK_MONOTONIC, 200);
    int rc = own.one_in(3)   ? rondo_rwlock_clockrdlock(&page->lock, CLOCK_MONOTONIC, &deadline)
             : own.one_in(4) ? rondo_rwlock_tryrdlock(&page->lock)
                             : rondo_rwlock_rdlock(&page->lock);
    if (rc != 0) return;
    expect_equal(page->a, page->b, "a reader sees whole writes");
    if (own.one_in(4)) rondo_yield();
    expect_equal(page->a, page->b, "a reader sees no writer");
    rondo_rwlock_unlock(&page->lock);
}

void rwlock_pair(Random& random) {
    Vanishing<Pair> page;
    rondo_rwlockattr_t attr;
    rondo_rwlockattr_init(&attr);
    rondo_rwlockattr_setkind_np(&attr, random.below(3));
    rondo_rwlock_init(&page->lock, &attr);
    const int users = 2 + random.below(5);
    page->users = users;
    std::atomic<long> writes{0};
    Crew crew;
    for (int i = 0; i < users; ++i) {
        crew.add_somewhere(random, [page, &writes, own = random.split()]() mutable {
            for (int round = own.below(15); round > 0; --round) {
                if (own.one_in(3)) {
                    write_once(page, own, writes);
                } else {
                    read_once(page, own);
                }
            }
            rondo_rwlock_wrlock(&page->lock);
            bool last = --page->users == 0;
            long total = page->a;
            rondo_rwlock_unlock(&page->lock);
            if (!last) return;
            expect_equal(total, writes.load(), "writes under an rwlock");
            expect_equal(rondo_rwlock_destroy(&page->lock), 0, "rwlock_destroy");
            page.vanish();
        });
    }
}

struct Spun {
    rondo_spinlock_t lock;
    long total = 0;
    int users = 0;
};

void spin_count(Random& random) {
    Vanishing<Spun> page;
    rondo_spin_init(&page->lock, RONDO_PROCESS_PRIVATE);
    const int users = 2 + random.below(3);
    page->users = users;
    Crew crew;
    for (int i = 0; i < users; ++i) {
        crew.add(Crew::Body([page, users, own = random.split()]() mutable {
            for (int round = 0; round < 10; ++round) {
                rondo_spin_lock(&page->lock);
                ++page->total;
                if (own.one_in(8)) rondo_yield();
                rondo_spin_unlock(&page->lock);
            }
            rondo_spin_lock(&page->lock);
            bool last = --page->users == 0;
            long total = page->total;
            rondo_spin_unlock(&page->lock);
            if (!last) return;
            expect_equal(total, users * 10, "counts under a spin lock");
            page.vanish();
        }));
    }
}

struct Met {
    rondo_barrier_t barrier;
    int slots[8] = {};
};

// Every round everybody sees everybody's write; the serial thread of the last round destroys and unmaps.
void barrier_rounds(Random& random) {
    Vanishing<Met> page;
    const int count = 1 + random.below(6);
    const int rounds = 1 + random.below(6);
    expect_equal(rondo_barrier_init(&page->barrier, nullptr, static_cast<unsigned>(count)), 0, "barrier_init");
    std::atomic<int> serial{0};
    Crew crew;
    for (int i = 0; i < count; ++i) {
        crew.add_somewhere(random, [page, i, count, rounds, &serial, own = random.split()]() mutable {
            for (int round = 1; round <= rounds; ++round) {
                jitter(own);
                page->slots[i] = round;
                if (rondo_barrier_wait(&page->barrier) == RONDO_BARRIER_SERIAL_THREAD) serial.fetch_add(1);
                for (int other = 0; other < count; ++other) {
                    expect_equal(page->slots[other], round, "a write before the barrier");
                }
                if (rondo_barrier_wait(&page->barrier) == RONDO_BARRIER_SERIAL_THREAD) serial.fetch_add(1);
            }
            if (rondo_barrier_wait(&page->barrier) != RONDO_BARRIER_SERIAL_THREAD) return;
            expect_equal(rondo_barrier_destroy(&page->barrier), 0, "barrier_destroy");
            page.vanish();
        });
    }
    crew.join();
    expect_equal(serial.load(), 2 * rounds, "serial threads of a barrier");
}

struct OnceState {
    rondo_once_t once = RONDO_ONCE_INIT;
    int runs = 0;
    int value = 0;
};

// What a caller wants of the routine, which takes no argument.
struct Wish {
    OnceState* state;
    bool park;
};

rondo_key_t wish_key() {
    static const rondo_key_t key = [] {
        rondo_key_t fresh;
        expect_equal(rondo_key_create(&fresh, nullptr), 0, "key_create");
        return fresh;
    }();
    return key;
}

void initialise() {
    const auto* wish = static_cast<const Wish*>(rondo_getspecific(wish_key()));
    for (int i = 0; wish->park && i < 10; ++i) {
        timespec brief{0, 20'000};
        rondo_nanosleep(&brief, nullptr);
    }
    ++wish->state->runs;
    wish->state->value = 42;
}

// The routine may park and be cancelled there; then another caller runs it.
void once_cancel(Random& random) {
    Vanishing<OnceState> page;
    const size_t callers = 2 + static_cast<size_t>(random.below(5));
    std::atomic<size_t> left{callers};
    wish_key();
    struct Leave {
        ~Leave() {
            if (count->fetch_sub(1) == 1) state.vanish();
        }
        std::atomic<size_t>* count;
        Vanishing<OnceState> state;
    };
    Crew crew;
    for (size_t i = 0; i < callers; ++i) {
        bool park = random.one_in(2);
        auto body = [page, &left, park] {
            Leave leave{&left, page};
            Wish wish{&*page, park};
            rondo_setspecific(wish_key(), &wish);
            expect_equal(rondo_once(&page->once, initialise), 0, "once");
            expect_equal(page->value, 42, "what the once routine wrote");
            expect_equal(page->runs, 1, "runs of the once routine");
        };
        crew.add(body);
    }
    jitter(random);
    for (size_t i = 0; i + 1 < callers; ++i) {
        if (random.one_in(2)) crew.cancel(i);
    }
}

constexpr Scenario kScenarios[] = {
    {"mutex_count", mutex_count}, {"mutex_handover", mutex_handover}, {"rwlock_pair", rwlock_pair},
    {"spin_count", spin_count},   {"barrier_rounds", barrier_rounds}, {"once_cancel", once_cancel},
};

}  // namespace

std::span<const Scenario> lock_scenarios() { return kScenarios; }

}  // namespace rondo::stress
