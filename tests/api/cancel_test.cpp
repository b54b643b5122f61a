// SPDX-License-Identifier: Apache-2.0
//
// Deferred cancellation of threads: states, pending requests, cleanup handlers, destructors, and the synchronisation
// calls that act on it. Descriptors are in cancel_io_test.
// A cancelled condition wait holds its mutex again when the first cleanup handler runs.
#include "cancel_support.h"

using namespace rondo::api_test;

namespace {

struct Scope {
    explicit Scope(std::string* log_to, char letter) : log(log_to), mark(letter) {}
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { *log += mark; }
    std::string* log;
    char mark;
};

struct Note {
    std::string* log;
    char mark;
};

void append(void* arg) {
    auto* note = static_cast<Note*>(arg);
    *note->log += note->mark;
}

void nested_exit(std::string* log, int depth) {
    Scope scope(log, static_cast<char>('0' + depth));
    if (depth == 0) rondo_exit(log);
    if (depth > 0) nested_exit(log, depth - 1);
    *log += '!';
}

}  // namespace

TEST_CASE("testcancel acts on a pending request and only on that") {
    Thread([] { rondo_testcancel(); }).join();
    cancel_pending([] { rondo_testcancel(); });
}

TEST_CASE("calls that wait act on a cancel, parked or pending") {
    rondo_sem_t empty, full;
    rondo_sem_init(&empty, 0, 0);
    rondo_sem_init(&full, 0, 100);
    timespec day{86'400, 0};
    cancel_parked([&] { rondo_sem_wait(&empty); });
    cancel_pending([&] { rondo_sem_wait(&full); });
    cancel_parked([&] { rondo_nanosleep(&day, nullptr); });
    cancel_parked([&] { rondo_clock_nanosleep(CLOCK_REALTIME, 0, &day, nullptr); });
    cancel_parked([] { rondo_sleep(86'400); });
    cancel_parked([] { rondo_usleep(900'000'000); });
    cancel_pending([&] { rondo_nanosleep(&day, nullptr); });
    timespec far = deadline_in(CLOCK_REALTIME, 1'000'000);
    cancel_parked([&] { rondo_sem_timedwait(&empty, &far); });
    int value = -1;
    CHECK(rondo_sem_getvalue(&empty, &value) == 0);
    CHECK(value == 0);
    rondo_sem_destroy(&empty);
    rondo_sem_destroy(&full);
}

TEST_CASE("join acts on a cancel, and the other thread can still be joined") {
    Gate gate;
    Thread target([&gate] { gate.pass(); });
    rondo_t id = target.release();
    cancel_parked([id] { rondo_join(id, nullptr); });
    cancel_pending([id] { rondo_join(id, nullptr); });
    gate.open();
    CHECK(rondo_join(id, nullptr) == 0);
}

TEST_CASE("a cancelled condition wait holds the mutex in its cleanup handler") {
    struct Shared {
        rondo_mutex_t mutex;
        rondo_cond_t cond = RONDO_COND_INITIALIZER;
        int rc_in_handler = -1;
    };
    for (bool timed : {false, true}) {
        Shared shared;
        rondo_mutexattr_t attr;
        rondo_mutexattr_init(&attr);
        rondo_mutexattr_settype(&attr, RONDO_MUTEX_ERRORCHECK);
        rondo_mutex_init(&shared.mutex, &attr);
        cancel_parked([&shared, timed] {
            rondo_mutex_lock(&shared.mutex);
            rondo_cleanup frame;
            rondo_cleanup_push(
                &frame,
                [](void* arg) {
                    auto* state = static_cast<Shared*>(arg);
                    state->rc_in_handler = rondo_mutex_unlock(&state->mutex);
                },
                &shared);
            timespec far = deadline_in(CLOCK_REALTIME, 1'000'000);
            while (timed) rondo_cond_timedwait(&shared.cond, &shared.mutex, &far);
            while (!timed) rondo_cond_wait(&shared.cond, &shared.mutex);
            rondo_cleanup_pop(&frame, 1);
        });
        CHECK(shared.rc_in_handler == 0);
        CHECK(rondo_mutex_trylock(&shared.mutex) == 0);
        CHECK(rondo_mutex_unlock(&shared.mutex) == 0);
        CHECK(rondo_cond_destroy(&shared.cond) == 0);
    }
}

TEST_CASE("a cancelled waiter does not swallow the signal meant for another") {
    for (int round = 0; round < 300; ++round) {
        rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
        rondo_cond_t cond = RONDO_COND_INITIALIZER;
        int waiting = 0, tokens = 0;
        auto wait = [&] {
            rondo_mutex_lock(&mutex);
            rondo_cleanup frame;
            rondo_cleanup_push(
                &frame, [](void* held) { rondo_mutex_unlock(static_cast<rondo_mutex_t*>(held)); }, &mutex);
            ++waiting;
            while (tokens == 0) rondo_cond_wait(&cond, &mutex);
            --tokens;
            rondo_cleanup_pop(&frame, 1);
        };
        Thread victim(wait), survivor(wait);
        CHECK(eventually([&] {
            rondo_mutex_lock(&mutex);
            bool both = waiting == 2;
            rondo_mutex_unlock(&mutex);
            return both;
        }));
        victim.cancel();
        rondo_mutex_lock(&mutex);
        tokens = 1;
        rondo_cond_signal(&cond);
        rondo_mutex_unlock(&mutex);
        bool took_it = victim.join() != RONDO_CANCELED;
        rondo_mutex_lock(&mutex);
        CHECK(tokens <= (took_it ? 0 : 1));
        if (took_it) tokens = 1;
        if (took_it) rondo_cond_signal(&cond);
        rondo_mutex_unlock(&mutex);
        survivor.join();
        CHECK(tokens == 0);
    }
}

TEST_CASE("locking a mutex and waiting at a barrier are no cancellation points") {
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    rondo_mutex_lock(&mutex);
    bool got_lock = false;
    Thread locker([&] {
        rondo_mutex_lock(&mutex);
        got_lock = true;
        rondo_mutex_unlock(&mutex);
    });
    locker.await_parked();
    locker.cancel();
    rondo_mutex_unlock(&mutex);
    locker.join();
    CHECK(got_lock);
    rondo_barrier_t barrier;
    rondo_barrier_init(&barrier, nullptr, 2);
    bool passed = false;
    Thread waiter([&] {
        rondo_barrier_wait(&barrier);
        passed = true;
    });
    waiter.await_parked();
    waiter.cancel();
    rondo_barrier_wait(&barrier);
    waiter.join();
    CHECK(passed);
    rondo_barrier_destroy(&barrier);
}

TEST_CASE("a disabled thread keeps the request until it is enabled again") {
    rondo_sem_t sem;
    rondo_sem_init(&sem, 0, 0);
    bool survived = false, after = false;
    int old_state = -1, bad = 0;
    Thread thread([&] {
        rondo_setcancelstate(RONDO_CANCEL_DISABLE, &old_state);
        rondo_sem_wait(&sem);
        rondo_testcancel();
        survived = true;
        int previous = -1;
        rondo_setcancelstate(RONDO_CANCEL_ENABLE, &previous);
        bad += previous != RONDO_CANCEL_DISABLE;
        rondo_testcancel();
        after = true;
    });
    thread.await_parked();
    thread.cancel();
    rondo_sem_post(&sem);
    CHECK(thread.join() == RONDO_CANCELED);
    CHECK(survived);
    CHECK(!after);
    CHECK(old_state == RONDO_CANCEL_ENABLE);
    CHECK(bad == 0);
    rondo_sem_destroy(&sem);
}

TEST_CASE("states and types are checked") {
    int old_type = -1;
    CHECK(rondo_setcancelstate(77, nullptr) == EINVAL);
    CHECK(rondo_setcanceltype(RONDO_CANCEL_DEFERRED, &old_type) == 0);
    CHECK(old_type == RONDO_CANCEL_DEFERRED);
    CHECK(rondo_setcanceltype(77, nullptr) == EINVAL);
    if (!kNptl) CHECK(rondo_setcanceltype(RONDO_CANCEL_ASYNCHRONOUS, nullptr) == ENOTSUP);
}

TEST_CASE("cleanup handlers run last pushed first, popped ones only when asked") {
    std::string log;
    Note a{&log, 'a'}, b{&log, 'b'}, c{&log, 'c'}, d{&log, 'd'};
    Thread thread([&] {
        rondo_cleanup first, second, third, fourth;
        rondo_cleanup_push(&first, append, &a);
        rondo_cleanup_push(&second, append, &b);
        rondo_cleanup_push(&third, append, &c);
        rondo_cleanup_pop(&third, 1);
        rondo_cleanup_push(&fourth, append, &d);
        rondo_cleanup_pop(&fourth, 0);
        rondo_cancel(rondo_self());
        rondo_testcancel();
    });
    CHECK(thread.join() == RONDO_CANCELED);
    CHECK(log == "cba");
}

TEST_CASE("destructors run when a parked thread is cancelled") {
    rondo_sem_t sem;
    rondo_sem_init(&sem, 0, 0);
    std::string log;
    cancel_parked([&] {
        Scope outer(&log, 'o');
        Scope inner(&log, 'i');
        rondo_sem_wait(&sem);
    });
    CHECK(log == "io");
    rondo_sem_destroy(&sem);
}

TEST_CASE("exit from nested frames runs their destructors and gives its value") {
    std::string log;
    Thread thread([&log] { nested_exit(&log, 4); });
    CHECK(thread.join() == &log);
    CHECK(log == "01234");
}

TEST_CASE("a catch-all that rethrows lets the cancellation pass") {
    bool seen = false;
    Thread thread([&seen] {
        try {
            rondo_cancel(rondo_self());
            rondo_testcancel();
        } catch (...) {
            seen = true;
            throw;
        }
    });
    CHECK(thread.join() == RONDO_CANCELED);
    CHECK(seen);
}

TEST_CASE("handlers may park, and a second cancel does not cut them short") {
    std::atomic<bool> in_handler{false};
    bool finished = false;
    struct State {
        std::atomic<bool>* entered;
        bool* done;
    } state{&in_handler, &finished};
    Thread thread([&] {
        rondo_cleanup frame;
        rondo_cleanup_push(
            &frame,
            [](void* arg) {
                auto* shared = static_cast<State*>(arg);
                shared->entered->store(true);
                timespec brief{0, 20'000'000};
                rondo_nanosleep(&brief, nullptr);
                *shared->done = true;
            },
            &state);
        rondo_cancel(rondo_self());
        rondo_testcancel();
        rondo_cleanup_pop(&frame, 0);
    });
    CHECK(eventually([&] { return in_handler.load(); }));
    thread.cancel();
    CHECK(thread.join() == RONDO_CANCELED);
    CHECK(finished);
}

TEST_CASE("cancelling a thread that has ended and is not yet joined is harmless") {
    std::atomic<bool> done{false};
    Thread thread([&done] {
        done.store(true);
        return reinterpret_cast<void*>(5);
    });
    CHECK(eventually([&] { return done.load(); }));
    for (int i = 0; i < 50; ++i) rondo_yield();
    thread.cancel();
    CHECK(thread.join() == reinterpret_cast<void*>(5));
}

TEST_CASE("a thread cancelled before it first runs is cancelled at its first call that waits") {
    for (int i = 0; i < 50; ++i) {
        bool ran_through = false;
        Thread thread([&ran_through] {
            timespec day{86'400, 0};
            rondo_nanosleep(&day, nullptr);
            ran_through = true;
        });
        thread.cancel();
        CHECK(thread.join() == RONDO_CANCELED);
        CHECK(!ran_through);
    }
}

TEST_CASE("many parked threads are cancelled at once") {
    rondo_sem_t sem;
    rondo_sem_init(&sem, 0, 0);
    std::vector<Thread> threads;
    for (int i = 0; i < 300; ++i) threads.emplace_back([&sem] { rondo_sem_wait(&sem); });
    for (Thread& thread : threads) thread.cancel();
    int canceled = 0;
    for (Thread& thread : threads) canceled += thread.join() == RONDO_CANCELED;
    CHECK(canceled == 300);
    rondo_sem_destroy(&sem);
}
