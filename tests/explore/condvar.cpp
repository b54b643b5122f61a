// SPDX-License-Identifier: Apache-2.0
//
// Condition variables: what one thread gives exactly one other takes, whatever times out, is cancelled or vanishes in
// between. In rounds without a deadline the waiters are driven by wake-ups alone: one lost, and the round cannot end.
#include "scenarios.h"

namespace rondo::explore {

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

constexpr int kCapacity = 2;

struct Queue {
    rondo_mutex_t mutex;
    rondo_cond_t not_empty, not_full;
    int items = 0;
    int users = 0;
    bool closed = false;
};

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
    int64_t wanted = now_ns(clock) + random.below(kSpanUs) * 1'000LL;
    timespec deadline = at(wanted);
    int rc = rondo_cond_clockwait(cond, mutex, clock, &deadline);
    if (rc == ETIMEDOUT) expect(now_ns(clock) >= wanted, "a timed wait does not end early");
    if (rc != ETIMEDOUT) expect_equal(rc, 0, "cond_clockwait");
}

// Takes items until the queue is closed and empty, or until cancelled.
void consume(Vanishing<Queue> queue, bool patient, int& taken, Random own) {
    QueueUser user(queue);
    while (true) {
        MutexGuard guard(&queue->mutex);
        while (queue->items == 0 && !queue->closed) wait_on(&queue->not_empty, &queue->mutex, patient, own);
        if (queue->items == 0) return;
        --queue->items;
        ++taken;
        rondo_cond_signal(&queue->not_full);
    }
}

void produce(Vanishing<Queue> queue, bool patient, int count, Random own) {
    QueueUser user(queue);
    for (int i = 0; i < count; ++i) {
        MutexGuard guard(&queue->mutex);
        while (queue->items == kCapacity) wait_on(&queue->not_full, &queue->mutex, patient, own);
        ++queue->items;
        rondo_cond_signal(&queue->not_empty);
    }
}

}  // namespace

// The waiter destroys everything while the signaller is still inside unlock.
void cond_flag(Random& random) {
    Vanishing<Flag> page;
    Crew crew;
    crew.add([page] {
        rondo_mutex_lock(&page->mutex);
        while (!page->set) rondo_cond_wait(&page->cond, &page->mutex);
        rondo_mutex_unlock(&page->mutex);
        destroy(page);
    });
    crew.add([page, own = random.split()]() mutable {
        pause(own);
        rondo_mutex_lock(&page->mutex);
        page->set = true;
        own.one_in(2) ? rondo_cond_signal(&page->cond) : rondo_cond_broadcast(&page->cond);
        rondo_mutex_unlock(&page->mutex);
    });
}

// A broadcast lets all through; the broadcaster destroys the condition variable right after it, the last to leave the
// rest.
void cond_broadcast(Random& random) {
    Vanishing<Flag> page;
    Vanishing<rondo_cond_t> bell;
    const int count = 1 + random.below(4);
    Crew crew;
    for (int i = 0; i < count; ++i) {
        crew.add([page, bell, count] {
            rondo_mutex_lock(&page->mutex);
            if (++page->waiting == count) rondo_cond_signal(&page->cond);
            while (!page->set) rondo_cond_wait(&*bell, &page->mutex);
            bool last = ++page->leaving == count + 1;
            rondo_mutex_unlock(&page->mutex);
            if (last) destroy(page);
        });
    }
    rondo_mutex_lock(&page->mutex);
    while (page->waiting != count) rondo_cond_wait(&page->cond, &page->mutex);
    page->set = true;
    rondo_cond_broadcast(&*bell);
    expect_equal(rondo_cond_destroy(&*bell), 0, "cond_destroy right after a broadcast");
    bell.vanish();
    bool last = ++page->leaving == count + 1;
    rondo_mutex_unlock(&page->mutex);
    if (last) destroy(page);
}

// A bounded queue; some consumers are cancelled while they wait, and no item or signal goes with them.
void cond_queue(Random& random) {
    Vanishing<Queue> queue;
    init_mutex(&queue->mutex, random.one_in(2) ? RONDO_MUTEX_ERRORCHECK : random.below(4));
    const bool patient = random.one_in(2);
    const size_t victims = static_cast<size_t>(random.below(3));
    const int consumers = 1 + random.below(2), producers = 1 + random.below(2), each = 1 + random.below(4);
    queue->users = 1 + static_cast<int>(victims) + consumers + producers;
    int taken = 0;
    Crew consuming, producing;
    {
        QueueUser user(queue);
        for (int i = static_cast<int>(victims) + consumers; i > 0; --i) {
            consuming.add([=, &taken, own = random.split()] { consume(queue, patient, taken, own); });
        }
        for (int i = 0; i < producers; ++i) {
            producing.add([=, own = random.split()] { produce(queue, patient, each, own); });
        }
        for (size_t i = 0; i < victims; ++i) {
            pause(random);
            consuming.cancel(i);
        }
        producing.join();
        MutexGuard guard(&queue->mutex);
        queue->closed = true;
        rondo_cond_broadcast(&queue->not_empty);
    }
    consuming.join();
    expect_equal(taken, producers * each, "items of a queue");
}

// Each thread waits for its turn on a condition variable of its own and wakes the next: the order is given, and a
// wake-up that goes astray ends the round.
void cond_turns(Random& random) {
    struct Round {
        rondo_mutex_t mutex{};
        rondo_cond_t turn[3]{};
        int next = 0;
    };
    Vanishing<Round> page;
    init_mutex(&page->mutex, random.below(4));
    const int count = 2 + random.below(2), laps = 1 + random.below(3);
    {
        Crew crew;
        for (int i = 0; i < count; ++i) {
            crew.add([page, i, count, laps] {
                for (int lap = 0; lap < laps; ++lap) {
                    MutexGuard guard(&page->mutex);
                    while (page->next % count != i) rondo_cond_wait(&page->turn[i], &page->mutex);
                    expect_equal(page->next, lap * count + i, "a turn");
                    ++page->next;
                    rondo_cond_signal(&page->turn[(i + 1) % count]);
                }
            });
        }
    }
    expect_equal(page->next, count * laps, "turns taken");
    page.vanish();
}

}  // namespace rondo::explore
