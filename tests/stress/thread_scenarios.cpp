// SPDX-License-Identifier: Apache-2.0
//
// Stress of threads themselves: every way to end meets every way to be joined, key destructors are counted, sleeps and
// deadlines never end early, and cleanup handlers run once each.
#include <atomic>

#include "stress.h"

namespace rondo::stress {

namespace {

enum class End { kReturn, kExit, kCancelSelf, kCancelled };

struct Life {
    End end;
    Random random;
    std::atomic<int> unwound{0};
};

struct CountUnwind {
    ~CountUnwind() { counter->fetch_add(1); }
    std::atomic<int>* counter;
};

void live(Life* life) {
    CountUnwind unwind{&life->unwound};
    jitter(life->random);
    if (life->end == End::kExit) rondo_exit(life);
    if (life->end == End::kCancelSelf) {
        rondo_cancel(rondo_self());
        rondo_testcancel();
    }
    while (life->end == End::kCancelled) {
        timespec day{86'400, 0};
        rondo_nanosleep(&day, nullptr);
    }
}

void* start_life(void* arg) {
    auto* life = static_cast<Life*>(arg);
    CountUnwind unwind{&life->unwound};
    live(life);
    return life;
}

void* join_somehow(rondo_t thread, Random& random) {
    void* result = nullptr;
    int rc = ETIMEDOUT;
    while (rc != 0) {
        int choice = random.below(4);
        if (choice == 0) {
            timespec deadline = soon(random, CLOCK_REALTIME, 300);
            rc = rondo_timedjoin_np(thread, &result, &deadline);
        } else if (choice == 1) {
            rc = rondo_tryjoin_np(thread, &result);
        } else {
            rc = rondo_join(thread, &result);
        }
        expect(rc == 0 || (choice == 0 && rc == ETIMEDOUT) || (choice == 1 && rc == EBUSY), "a join");
    }
    return result;
}

void join_ends(Random& random) {
    Life life{static_cast<End>(random.below(4)), random.split(), 0};
    rondo_t thread;
    expect_equal(rondo_create(&thread, nullptr, start_life, &life), 0, "rondo_create");
    if (random.one_in(2)) jitter(random);
    bool canceled = life.end == End::kCancelled || life.end == End::kCancelSelf;
    if (life.end == End::kCancelled) expect_equal(rondo_cancel(thread), 0, "rondo_cancel");
    void* result = join_somehow(thread, random);
    expect(result == (canceled ? RONDO_CANCELED : static_cast<void*>(&life)), "a joined thread's result");
    expect_equal(life.unwound.load(), 2, "destructors run by a thread's end");
}

// A joiner is cancelled; the thread it waited for is joined by another.
void join_cancelled(Random& random) {
    rondo_sem_t release;
    rondo_sem_init(&release, 0, 0);
    rondo_t target;
    auto wait = [](void* sem) -> void* {
        rondo_sem_wait(static_cast<rondo_sem_t*>(sem));
        return sem;
    };
    expect_equal(rondo_create(&target, nullptr, wait, &release), 0, "rondo_create");
    std::atomic<bool> joined{false};
    Crew crew;
    size_t joiner = crew.add([target, &joined] {
        expect_equal(rondo_join(target, nullptr), 0, "rondo_join");
        joined.store(true);
    });
    jitter(random);
    bool early = random.one_in(2);
    if (early) rondo_sem_post(&release);
    crew.cancel(joiner);
    bool canceled = crew.join(joiner);
    expect(canceled != joined.load(), "a cancelled joiner has not joined");
    if (!early) rondo_sem_post(&release);
    if (canceled) expect_equal(rondo_join(target, nullptr), 0, "rondo_join");
    rondo_sem_destroy(&release);
}

// Detached threads count themselves out; the last one is the one that posts.
void detach_all(Random& random) {
    struct Part {
        rondo_sem_t* done;
        Random random;
    };
    rondo_sem_t done;
    rondo_sem_init(&done, 0, 0);
    const int count = 1 + random.below(5);
    std::vector<std::unique_ptr<Part>> parts;
    for (int i = 0; i < count; ++i) {
        parts.push_back(std::unique_ptr<Part>(new Part{&done, random.split()}));
        auto body = [](void* arg) -> void* {
            auto* part = static_cast<Part*>(arg);
            bool exits = part->random.one_in(2);
            jitter(part->random);
            rondo_sem_post(part->done);
            if (exits) rondo_exit(nullptr);
            return nullptr;
        };
        rondo_t thread;
        expect_equal(rondo_create(&thread, nullptr, body, parts.back().get()), 0, "rondo_create");
        if (random.one_in(2)) jitter(random);
        expect_equal(rondo_detach(thread), 0, "rondo_detach");
    }
    for (int i = 0; i < count; ++i) expect_equal(rondo_sem_wait(&done), 0, "sem_wait");
    rondo_sem_destroy(&done);
}

void count_destroyed(void* value) { static_cast<std::atomic<int>*>(value)->fetch_add(1); }

void key_destructors(Random& random) {
    rondo_key_t keys[3];
    for (rondo_key_t& key : keys) expect_equal(rondo_key_create(&key, count_destroyed), 0, "key_create");
    std::atomic<int> set{0}, destroyed{0};
    {
        Crew crew;
        const size_t count = 1 + static_cast<size_t>(random.below(6));
        for (size_t i = 0; i < count; ++i) {
            crew.add([&, own = random.split()]() mutable {
                for (rondo_key_t key : keys) {
                    expect(rondo_getspecific(key) == nullptr, "a new thread's value is null");
                    if (own.one_in(3)) continue;
                    set.fetch_add(1);
                    rondo_setspecific(key, &destroyed);
                    jitter(own);
                }
                for (rondo_key_t key : keys) {
                    void* value = rondo_getspecific(key);
                    expect(value == nullptr || value == &destroyed, "a key's value is the thread's own");
                }
            });
        }
        for (size_t i = 0; i < count; ++i) {
            if (random.one_in(4)) crew.cancel(i);
        }
    }
    expect_equal(destroyed.load(), set.load(), "key destructors run");
    for (rondo_key_t key : keys) expect_equal(rondo_key_delete(key), 0, "key_delete");
}

void sleep_once(Random& random) {
    clockid_t clock = random.one_in(2) ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    int64_t length = random.below(400) * 1'000LL;
    int64_t start = now_ns(clock);
    timespec relative = at(length), absolute = at(start + length);
    int choice = random.below(5);
    if (choice == 0) expect_equal(rondo_nanosleep(&relative, nullptr), 0, "nanosleep");
    if (choice == 1) expect_equal(rondo_clock_nanosleep(clock, 0, &relative, nullptr), 0, "clock_nanosleep");
    if (choice == 2)
        expect_equal(rondo_clock_nanosleep(clock, TIMER_ABSTIME, &absolute, nullptr), 0, "clock_nanosleep");
    if (choice == 3) expect_equal(rondo_usleep(static_cast<unsigned>(length / 1'000)), 0, "usleep");
    if (choice == 4) {
        length = 1'000'000;
        expect_equal(rondo_poll(nullptr, 0, 1), 0, "poll as a sleep");
    }
    expect(now_ns(clock) - start >= length, "a sleep does not end early");
}

void sleeps(Random& random) {
    Crew crew;
    const size_t sleepers = 1 + static_cast<size_t>(random.below(6));
    const size_t victims = static_cast<size_t>(random.below(3));
    for (size_t i = 0; i < victims; ++i) {
        crew.add([] {
            timespec day{86'400, 0};
            rondo_nanosleep(&day, nullptr);
        });
    }
    for (size_t i = 0; i < sleepers; ++i) {
        crew.add_somewhere(random, [own = random.split()]() mutable {
            for (int round = own.below(10); round >= 0; --round) sleep_once(own);
        });
    }
    for (size_t i = 0; i < victims; ++i) {
        jitter(random);
        crew.cancel(i);
        expect(crew.join(i), "a cancelled sleeper is cancelled");
    }
}

// Handlers run once each whether the thread goes on, ends or is cancelled inside.
void cleanup_handlers(Random& random) {
    std::atomic<int> pushed{0}, ran{0};
    rondo_sem_t sem;
    rondo_sem_init(&sem, 0, 0);
    {
        Crew crew;
        const size_t count = 1 + static_cast<size_t>(random.below(4));
        for (size_t i = 0; i < count; ++i) {
            crew.add([&, own = random.split()]() mutable {
                rondo_cleanup outer, inner;
                pushed.fetch_add(2);
                auto handler = [](void* counter) { static_cast<std::atomic<int>*>(counter)->fetch_add(1); };
                rondo_cleanup_push(&outer, handler, &ran);
                rondo_cleanup_push(&inner, handler, &ran);
                timespec deadline = soon(own, CLOCK_REALTIME, 300);
                rondo_sem_timedwait(&sem, &deadline);
                rondo_cleanup_pop(&inner, 1);
                if (own.one_in(2)) rondo_testcancel();
                rondo_cleanup_pop(&outer, 1);
            });
        }
        for (size_t i = 0; i < count; ++i) {
            jitter(random);
            if (random.one_in(2)) crew.cancel(i);
        }
    }
    expect_equal(ran.load(), pushed.load(), "cleanup handlers run");
    rondo_sem_destroy(&sem);
}

constexpr Scenario kScenarios[] = {
    {"join_ends", join_ends},   {"join_cancelled", join_cancelled},
    {"detach_all", detach_all}, {"key_destructors", key_destructors},
    {"sleeps", sleeps},         {"cleanup_handlers", cleanup_handlers},
};

}  // namespace

std::span<const Scenario> thread_scenarios() { return kScenarios; }

}  // namespace rondo::stress
