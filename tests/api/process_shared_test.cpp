// SPDX-License-Identifier: Apache-2.0
//
// Mutexes, condition variables and semaphores in memory that a forked child shares, with threads on both sides. The
// child starts a runtime of its own; its threads have the addresses of its parent's.
//
// A child leaves by _exit: 0 is good. What it does ends by itself or by an alarm.
#include "child_support.h"

using namespace rondo::api_test;

namespace {

constexpr int kThreads = 4;
constexpr int kRounds = 300;

struct Shared {
    rondo_mutex_t mutex;
    rondo_cond_t changed;
    rondo_sem_t items;
    rondo_sem_t rooms;
    long sum;
    int turn;
    std::atomic<int> stage;
};

class SharedMemory {
   public:
    explicit SharedMemory(int kind = RONDO_MUTEX_NORMAL) {
        void* at = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        REQUIRE(at != MAP_FAILED);
        shared_ = static_cast<Shared*>(at);
        rondo_mutexattr_t mutex;
        rondo_condattr_t cond;
        rondo_mutexattr_init(&mutex);
        rondo_condattr_init(&cond);
        REQUIRE(rondo_mutexattr_settype(&mutex, kind) == 0);
        REQUIRE(rondo_mutexattr_setpshared(&mutex, RONDO_PROCESS_SHARED) == 0);
        REQUIRE(rondo_condattr_setpshared(&cond, RONDO_PROCESS_SHARED) == 0);
        REQUIRE(rondo_condattr_setclock(&cond, CLOCK_MONOTONIC) == 0);
        REQUIRE(rondo_mutex_init(&shared_->mutex, &mutex) == 0);
        REQUIRE(rondo_cond_init(&shared_->changed, &cond) == 0);
        REQUIRE(rondo_sem_init(&shared_->items, 1, 0) == 0);
        REQUIRE(rondo_sem_init(&shared_->rooms, 1, 1) == 0);
    }
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;
    ~SharedMemory() { munmap(static_cast<void*>(shared_), sizeof(Shared)); }
    Shared* operator->() const { return shared_; }
    Shared& operator*() const { return *shared_; }

   private:
    Shared* shared_;
};

// Threads of this process that run the body, in a child as well as in the parent.
template <class Body>
void run_threads(Body body) {
    rondo_t threads[kThreads];
    for (rondo_t& thread : threads) {
        auto run = [](void* what) -> void* {
            (*static_cast<Body*>(what))();
            return nullptr;
        };
        if (rondo_create(&thread, nullptr, run, &body) != 0) _exit(99);
    }
    for (rondo_t thread : threads) rondo_join(thread, nullptr);
}

void add_under_lock(Shared& shared, bool twice) {
    for (int i = 0; i < kRounds; ++i) {
        rondo_mutex_lock(&shared.mutex);
        if (twice) rondo_mutex_lock(&shared.mutex);
        long seen = shared.sum;
        if (i % 16 == 0) rondo_yield();
        shared.sum = seen + 1;
        if (twice) rondo_mutex_unlock(&shared.mutex);
        rondo_mutex_unlock(&shared.mutex);
    }
}

void play(Shared& shared, int side) {
    for (int i = 0; i < kRounds; ++i) {
        rondo_mutex_lock(&shared.mutex);
        while (shared.turn % 2 != side) rondo_cond_wait(&shared.changed, &shared.mutex);
        ++shared.turn;
        rondo_cond_broadcast(&shared.changed);
        rondo_mutex_unlock(&shared.mutex);
    }
}

}  // namespace

TEST_CASE("threads of several processes lock each other out") {
    RONDO_SKIP_UNDER_TSAN("its run-time makes no threads in a forked child");
    for (int kind : {RONDO_MUTEX_NORMAL, RONDO_MUTEX_RECURSIVE, RONDO_MUTEX_ERRORCHECK}) {
        SharedMemory shared(kind);
        bool twice = kind == RONDO_MUTEX_RECURSIVE;
        auto work = [&] { run_threads([&] { add_under_lock(*shared, twice); }); };
        pid_t first = fork_child([&] { return work(), 0; });
        pid_t second = fork_child([&] { return work(), 0; });
        work();
        CHECK(await_child(first) == 0);
        CHECK(await_child(second) == 0);
        CHECK(shared->sum == 3L * kThreads * kRounds);
        CHECK(rondo_mutex_destroy(&shared->mutex) == 0);
    }
}

TEST_CASE("the owner is one thread of one process") {
    SharedMemory shared(RONDO_MUTEX_ERRORCHECK);
    REQUIRE(rondo_mutex_lock(&shared->mutex) == 0);
    CHECK(rondo_mutex_lock(&shared->mutex) == EDEADLK);
    pid_t child = fork_child([&] {
        timespec soon = deadline_in(CLOCK_REALTIME, 20);
        if (rondo_mutex_unlock(&shared->mutex) != EPERM) return 1;
        if (rondo_mutex_trylock(&shared->mutex) != EBUSY) return 2;
        if (rondo_mutex_timedlock(&shared->mutex, &soon) != ETIMEDOUT) return 3;
        return 0;
    });
    CHECK(await_child(child) == 0);
    CHECK(rondo_mutex_unlock(&shared->mutex) == 0);
    CHECK(rondo_mutex_unlock(&shared->mutex) == EPERM);
}

TEST_CASE("a thread that waits for another process's mutex leaves its worker to the others") {
    SharedMemory shared;
    pid_t child = fork_child([&] {
        rondo_mutex_lock(&shared->mutex);
        shared->stage = 1;
        while (shared->stage < 2) usleep(100);
        rondo_mutex_unlock(&shared->mutex);
        return 0;
    });
    REQUIRE(eventually([&] { return shared->stage == 1; }));
    std::vector<Thread> waiting;
    for (int i = 0; i < kThreads; ++i) {
        waiting.emplace_back([&] {
            rondo_mutex_lock(&shared->mutex);
            ++shared->sum;
            rondo_mutex_unlock(&shared->mutex);
        });
    }
    for (Thread& thread : waiting) thread.await_parked();
    CHECK(rondo_mutex_trylock(&shared->mutex) == EBUSY);
    shared->stage = 2;
    for (Thread& thread : waiting) thread.join();
    CHECK(shared->sum == kThreads);
    CHECK(await_child(child) == 0);
}

TEST_CASE("a condition variable makes two processes take turns") {
    SharedMemory shared;
    pid_t child = fork_child([&] { return play(*shared, 1), 0; });
    play(*shared, 0);
    CHECK(await_child(child) == 0);
    CHECK(shared->turn == 2 * kRounds);
}

TEST_CASE("one signal wakes one waiter, a broadcast wakes all, in both processes") {
    RONDO_SKIP_UNDER_TSAN("its run-time makes no threads in a forked child");
    SharedMemory shared;
    auto wait_for_stage = [&] {
        rondo_mutex_lock(&shared->mutex);
        ++shared->turn;
        while (shared->stage == 0) rondo_cond_wait(&shared->changed, &shared->mutex);
        ++shared->sum;
        rondo_mutex_unlock(&shared->mutex);
    };
    pid_t child = fork_child([&] { return run_threads(wait_for_stage), 0; });
    std::vector<Thread> here;
    for (int i = 0; i < kThreads; ++i) here.emplace_back(wait_for_stage);
    auto all_wait = [&] {
        rondo_mutex_lock(&shared->mutex);
        bool all = shared->turn == 2 * kThreads;
        rondo_mutex_unlock(&shared->mutex);
        return all;
    };
    REQUIRE(eventually(all_wait));
    rondo_mutex_lock(&shared->mutex);
    shared->stage = 1;
    CHECK(rondo_cond_signal(&shared->changed) == 0);
    rondo_mutex_unlock(&shared->mutex);
    CHECK(rondo_cond_broadcast(&shared->changed) == 0);
    for (Thread& thread : here) thread.join();
    CHECK(await_child(child) == 0);
    CHECK(shared->sum == 2 * kThreads);
}

TEST_CASE("timed and cancelled waits on shared objects give everything back") {
    SharedMemory shared;
    timespec soon = deadline_in(CLOCK_MONOTONIC, 20);
    REQUIRE(rondo_mutex_lock(&shared->mutex) == 0);
    CHECK(rondo_cond_timedwait(&shared->changed, &shared->mutex, &soon) == ETIMEDOUT);
    CHECK(rondo_mutex_unlock(&shared->mutex) == 0);
    soon = deadline_in(CLOCK_REALTIME, 20);
    errno = 0;
    CHECK(rondo_sem_timedwait(&shared->items, &soon) == -1);
    CHECK(errno == ETIMEDOUT);
    Thread on_sem([&] { rondo_sem_wait(&shared->items); });
    Thread on_cond([&] {
        rondo_cleanup frame;
        rondo_mutex_lock(&shared->mutex);
        rondo_cleanup_push(
            &frame, [](void* mutex) { rondo_mutex_unlock(static_cast<rondo_mutex_t*>(mutex)); }, &shared->mutex);
        rondo_cond_wait(&shared->changed, &shared->mutex);
        rondo_cleanup_pop(&frame, 1);
    });
    on_sem.await_parked();
    on_cond.await_parked();
    on_sem.cancel();
    on_cond.cancel();
    CHECK(on_sem.join() == RONDO_CANCELED);
    CHECK(on_cond.join() == RONDO_CANCELED);
    CHECK(rondo_mutex_trylock(&shared->mutex) == 0);
    CHECK(rondo_sem_post(&shared->items) == 0);
    CHECK(rondo_sem_trywait(&shared->items) == 0);
    CHECK(rondo_sem_trywait(&shared->items) == -1);
}

TEST_CASE("semaphores pass items between processes") {
    SharedMemory shared;
    pid_t child = fork_child([&] {
        for (int i = 0; i < kRounds; ++i) {
            rondo_sem_wait(&shared->rooms);
            shared->sum += i;
            rondo_sem_post(&shared->items);
        }
        return 0;
    });
    long expected = 0;
    for (int i = 0; i < kRounds; ++i) {
        rondo_sem_wait(&shared->items);
        expected += i;
        CHECK(shared->sum == expected);
        rondo_sem_post(&shared->rooms);
    }
    CHECK(await_child(child) == 0);
    int value = -1;
    CHECK(rondo_sem_getvalue(&shared->rooms, &value) == 0);
    CHECK(value == 1);
}
