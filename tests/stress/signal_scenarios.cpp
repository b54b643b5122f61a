// SPDX-License-Identifier: Apache-2.0
//
// Stress of condition variables, semaphores and futexes: what one thread gives, exactly one other takes, whatever
// times out, is cancelled or vanishes in between.
// Rounds in which every waiter waits without a deadline are driven by wake-ups alone: one lost, and they stall.
#include <atomic>

#include "stress.h"

namespace rondo::stress {

namespace {

struct Flag {
    rondo_mutex_t mutex;
    rondo_cond_t cond;
    int waiting = 0;
    int leaving = 0;
    bool set = false;
};

void destroy(Vanishing<Flag> page) {
    expect_equal(rondo_cond_destroy(&page->cond), 0, "cond_destroy");
    expect_equal(rondo_mutex_destroy(&page->mutex), 0, "mutex_destroy");
    page.vanish();
}

// The waiter destroys everything while the signaller is still inside unlock.
void cond_flag(Random& random) {
    Vanishing<Flag> page;
    Crew crew;
    crew.add_somewhere(random, [page] {
        rondo_mutex_lock(&page->mutex);
        while (!page->set) rondo_cond_wait(&page->cond, &page->mutex);
        rondo_mutex_unlock(&page->mutex);
        destroy(page);
    });
    crew.add_somewhere(random, [page, own = random.split()]() mutable {
        jitter(own);
        rondo_mutex_lock(&page->mutex);
        page->set = true;
        if (own.one_in(2)) {
            rondo_cond_signal(&page->cond);
        } else {
            rondo_cond_broadcast(&page->cond);
        }
        rondo_mutex_unlock(&page->mutex);
    });
}

// A broadcast lets all through; the broadcaster destroys the condition variable right after it, the last to leave the
// rest.
void cond_broadcast(Random& random) {
    Vanishing<Flag> page;
    Vanishing<rondo_cond_t> bell;
    const int count = 1 + random.below(6);
    Crew crew;
    for (int i = 0; i < count; ++i) {
        crew.add_somewhere(random, [page, bell, count] {
            rondo_mutex_lock(&page->mutex);
            if (++page->waiting == count) rondo_cond_signal(&page->cond);
            while (!page->set) rondo_cond_wait(&*bell, &page->mutex);
            bool last = ++page->leaving == count + 1;
            rondo_mutex_unlock(&page->mutex);
            if (last) destroy(page);
        });
    }
    crew.add([page, bell, count] {
        rondo_mutex_lock(&page->mutex);
        while (page->waiting != count) rondo_cond_wait(&page->cond, &page->mutex);
        page->set = true;
        rondo_cond_broadcast(&*bell);
        expect_equal(rondo_cond_destroy(&*bell), 0, "cond_destroy right after a broadcast");
        bell.vanish();
        bool last = ++page->leaving == count + 1;
        rondo_mutex_unlock(&page->mutex);
        if (last) destroy(page);
    });
}

struct Queue {
    rondo_mutex_t mutex;
    rondo_cond_t not_empty, not_full;
    int items = 0;
    int users = 0;
    bool closed = false;
};

constexpr int kCapacity = 3;

// The last user to leave destroys the queue, also when it leaves by cancellation.
struct QueueUser {
    explicit QueueUser(Vanishing<Queue> used) : queue(used) {}
    QueueUser(const QueueUser&) = delete;
    QueueUser& operator=(const QueueUser&) = delete;
    ~QueueUser() {
        rondo_mutex_lock(&queue->mutex);
        bool last = --queue->users == 0;
        rondo_mutex_unlock(&queue->mutex);
        if (!last) return;
        expect_equal(rondo_cond_destroy(&queue->not_empty), 0, "cond_destroy");
        expect_equal(rondo_cond_destroy(&queue->not_full), 0, "cond_destroy");
        expect_equal(rondo_mutex_destroy(&queue->mutex), 0, "mutex_destroy");
        queue.vanish();
    }
    Vanishing<Queue> queue;
};

void wait_on(rondo_cond_t* cond, rondo_mutex_t* mutex, bool patient, Random& random) {
    if (patient || random.one_in(2)) {
        expect_equal(rondo_cond_wait(cond, mutex), 0, "cond_wait");
        return;
    }
    clockid_t clock = random.one_in(2) ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    int64_t wanted = now_ns(clock) + random.below(150) * 1'000LL;
    timespec deadline = at(wanted);
    int rc = rondo_cond_clockwait(cond, mutex, clock, &deadline);
    if (rc == ETIMEDOUT) expect(now_ns(clock) >= wanted, "a timed wait does not end early");
    if (rc != ETIMEDOUT) expect_equal(rc, 0, "cond_clockwait");
}

// Takes items until the queue is closed and empty, or for ever until cancelled.
void consume(Vanishing<Queue> queue, bool patient, std::atomic<long>* taken, Random own) {
    QueueUser user(queue);
    while (true) {
        MutexGuard guard(&queue->mutex);
        while (queue->items == 0 && !queue->closed) wait_on(&queue->not_empty, &queue->mutex, patient, own);
        if (queue->items == 0) return;
        --queue->items;
        taken->fetch_add(1);
        rondo_cond_signal(&queue->not_full);
        if (own.one_in(8)) rondo_yield();
    }
}

void produce(Vanishing<Queue> queue, bool patient, int count, Random own) {
    QueueUser user(queue);
    for (int i = 0; i < count; ++i) {
        MutexGuard guard(&queue->mutex);
        while (queue->items == kCapacity) wait_on(&queue->not_full, &queue->mutex, patient, own);
        ++queue->items;
        rondo_cond_signal(&queue->not_empty);
        if (own.one_in(8)) rondo_yield();
    }
}

// A bounded queue; some consumers are cancelled while they wait, and no item or signal goes with them.
void cond_queue(Random& random) {
    Vanishing<Queue> queue;
    init_mutex(&queue->mutex, random.below(4));
    const bool patient = random.one_in(2);
    const size_t victims = static_cast<size_t>(random.below(4));
    const int consumers = 1 + random.below(3), producers = 1 + random.below(3), each = 1 + random.below(20);
    queue->users = 1 + static_cast<int>(victims) + consumers + producers;
    std::atomic<long> taken{0};
    Crew consuming, producing;
    {
        QueueUser user(queue);
        for (size_t i = 0; i < victims; ++i) {
            consuming.add([=, &taken, own = random.split()] { consume(queue, patient, &taken, own); });
        }
        for (int i = 0; i < consumers; ++i) {
            consuming.add_somewhere(random,
                                    [=, &taken, own = random.split()] { consume(queue, patient, &taken, own); });
        }
        for (int i = 0; i < producers; ++i) {
            producing.add([=, own = random.split()] { produce(queue, patient, each, own); });
        }
        for (size_t i = 0; i < victims; ++i) {
            jitter(random);
            consuming.cancel(i);
        }
        producing.join();
        MutexGuard guard(&queue->mutex);
        queue->closed = true;
        rondo_cond_broadcast(&queue->not_empty);
    }
    consuming.join();
    expect_equal(taken.load(), producers * each, "items of a queue");
}

struct Semaphore {
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
    int64_t wanted = now_ns(clock) + random.below(100) * 1'000LL;
    timespec deadline = at(wanted);
    if (rondo_sem_clockwait(sem, clock, &deadline) == 0) return true;
    expect_equal(errno, ETIMEDOUT, "sem_clockwait");
    expect(now_ns(clock) >= wanted, "a timed wait does not end early");
    return false;
}

// Victims wait for more than there is, and are cancelled; the others get every token they need and no more are gone.
void sem_tokens(Random& random) {
    rondo_sem_t sem;
    expect_equal(rondo_sem_init(&sem, 0, 0), 0, "sem_init");
    const bool patient = random.one_in(2);
    const size_t victims = static_cast<size_t>(random.below(4));
    const int takers = 1 + random.below(4), each = 1 + random.below(15), posters = 1 + random.below(3);
    std::atomic<long> taken{0}, stolen{0};
    Crew crew;
    for (size_t i = 0; i < victims; ++i) {
        crew.add([&sem, &stolen] {
            while (true) {
                rondo_sem_wait(&sem);
                stolen.fetch_add(1);
                rondo_sem_post(&sem);
                stolen.fetch_sub(1);
                rondo_yield();
            }
        });
    }
    for (int i = 0; i < takers; ++i) {
        crew.add_somewhere(random, [&sem, &taken, patient, each, own = random.split()]() mutable {
            for (int got = 0; got < each;) {
                if (!take_somehow(&sem, patient, own)) continue;
                ++got;
                taken.fetch_add(1);
            }
        });
    }
    for (int i = 0; i < posters; ++i) {
        int share = takers * each / posters + (i < takers * each % posters ? 1 : 0);
        crew.add([&sem, share, own = random.split()]() mutable {
            for (int left = share; left > 0; --left) {
                if (own.one_in(4)) jitter(own);
                expect_equal(rondo_sem_post(&sem), 0, "sem_post");
            }
        });
    }
    for (size_t i = 0; i < victims; ++i) {
        jitter(random);
        crew.cancel(i);
    }
    crew.join();
    int value = -1;
    rondo_sem_getvalue(&sem, &value);
    expect_equal(taken.load(), takers * each, "tokens taken");
    expect_equal(stolen.load(), 0, "tokens held by a cancelled thread");
    expect_equal(value, 0, "tokens left");
    expect_equal(rondo_sem_destroy(&sem), 0, "sem_destroy");
}

// The woken thread destroys and unmaps while the poster may still be inside post.
void sem_vanish(Random& random) {
    Vanishing<Semaphore> page;
    rondo_sem_init(&page->sem, 0, 0);
    Crew crew;
    bool patient = random.one_in(2);
    auto waiter = [page, patient, own = random.split()]() mutable {
        while (!take_somehow(&page->sem, patient, own)) {
        }
        expect_equal(rondo_sem_destroy(&page->sem), 0, "sem_destroy");
        page.vanish();
    };
    auto poster = [page, own = random.split()]() mutable {
        jitter(own);
        rondo_sem_post(&page->sem);
    };
    crew.add_somewhere(random, waiter);
    crew.add_somewhere(random, poster);
}

struct Word {
    std::atomic<uint32_t> value{0};
    const uint32_t* address() { return reinterpret_cast<const uint32_t*>(&value); }
};

// wake uses the address only: by then the page may be gone.
void futex_vanish(Random& random) {
    Vanishing<Word> page;
    Crew crew;
    crew.add_somewhere(random, [page, own = random.split()]() mutable {
        while (page->value.load() == 0) {
            timespec deadline = soon(own, CLOCK_MONOTONIC, 200);
            int rc = rondo_futex_wait(page->address(), 0, own.one_in(2) ? &deadline : nullptr);
            if (rc != 0) expect(rc == EAGAIN || rc == ETIMEDOUT, "futex_wait");
        }
        page.vanish();
    });
    crew.add([page, own = random.split()]() mutable {
        jitter(own);
        const uint32_t* address = page->address();
        page->value.store(1);
        rondo_futex_wake(address, 1);
    });
}

constexpr Scenario kScenarios[] = {
    {"cond_flag", cond_flag},   {"cond_broadcast", cond_broadcast}, {"cond_queue", cond_queue},
    {"sem_tokens", sem_tokens}, {"sem_vanish", sem_vanish},         {"futex_vanish", futex_vanish},
};

}  // namespace

std::span<const Scenario> signal_scenarios() { return kScenarios; }

}  // namespace rondo::stress
