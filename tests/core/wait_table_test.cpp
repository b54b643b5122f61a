// SPDX-License-Identifier: Apache-2.0
//
// The wait table's two-level lists against a model: threads that queue at the front and the back of objects whose
// addresses share a bucket, wake-ups in every form, and waits that end by themselves.

#include "runtime/core/wait_table.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <thread>

#include "system/single_worker.h"

namespace {

using rondo::Deadline;
using rondo::now_ns;
using rondo::Waiter;
using rondo::WaitQueue;
using rondo::WakeCause;
using rondo::Worker;

const void* address(uint64_t value) { return reinterpret_cast<const void*>(value); }

// Addresses of one bucket, by the table's hash: the upper 16 bits of the product with 2^64 / phi.
std::vector<const void*> colliding(size_t count) {
    std::vector<const void*> found;
    auto bucket = [](uint64_t value) { return value * 0x9E3779B97F4A7C15ULL >> 48; };
    for (uint64_t value = 4096; found.size() < count; value += 8) {
        if (bucket(value) == bucket(4096)) {
            found.push_back(address(value));
        }
    }
    return found;
}

// A thread that waits for whatever object it is told to, again and again.
struct Sleeper {
    const void* object = nullptr;
    bool at_front = false;
    bool quit = false;
    Deadline deadline;
    Waiter* waiter = nullptr;
    WakeCause cause = WakeCause::pending;
    std::unique_ptr<rondo_test::Thread> thread;

    void run() {
        for (;;) {
            while (object == nullptr) {
                if (quit) {
                    return;
                }
                rondo_yield();
            }
            Waiter mine(rondo::WaitReason::futex, object);
            waiter = &mine;
            WaitQueue queue(object);
            cause = at_front ? queue.park_front(mine, deadline) : queue.park_back(mine, deadline);
            waiter = nullptr;
            object = nullptr;
        }
    }
};

class Crowd {
   public:
    explicit Crowd(size_t count) : worker_(rondo_test::single_worker()), sleepers_(count) {
        for (Sleeper& sleeper : sleepers_) {
            sleeper.thread = std::make_unique<rondo_test::Thread>([&sleeper] { sleeper.run(); });
        }
    }
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;
    ~Crowd() {
        for (Sleeper& sleeper : sleepers_) {
            sleeper.quit = true;
        }
    }

    Sleeper& operator[](size_t index) { return sleepers_[index]; }

    void settle() { rondo_test::let_others_park(worker_); }

    void park(Sleeper& sleeper, const void* object, bool at_front = false, Deadline deadline = {}) {
        REQUIRE(sleeper.object == nullptr);
        sleeper.at_front = at_front;
        sleeper.deadline = deadline;
        sleeper.cause = WakeCause::pending;
        sleeper.object = object;
        REQUIRE(rondo_test::wait_until([&sleeper] { return sleeper.waiter != nullptr; }));
    }

    Sleeper& of(const Waiter* waiter) {
        auto found = std::find_if(sleepers_.begin(), sleepers_.end(),
                                  [waiter](const Sleeper& sleeper) { return sleeper.waiter == waiter; });
        REQUIRE(found != sleepers_.end());
        return *found;
    }

    // Wakes the sleepers of a chain of claimed waiters; returns them in order.
    std::deque<Sleeper*> wake(Waiter* chain) {
        std::deque<Sleeper*> woken;
        for (Waiter* waiter = chain; waiter != nullptr; waiter = waiter->next) {
            woken.push_back(&of(waiter));
        }
        REQUIRE(rondo::release_all(chain) == static_cast<int>(woken.size()));
        settle();
        for (Sleeper* sleeper : woken) {
            REQUIRE(sleeper->cause == WakeCause::woken);
            REQUIRE(sleeper->object == nullptr);
        }
        return woken;
    }

    Worker& worker_;
    std::vector<Sleeper> sleepers_;
};

using Model = std::map<const void*, std::deque<Sleeper*>>;

void require_queue(const void* object, const std::deque<Sleeper*>& expected) {
    std::vector<const Waiter*> found;
    WaitQueue queue(object);
    for (Waiter* waiter = queue.first(); waiter != nullptr; waiter = queue.after(*waiter)) {
        found.push_back(waiter);
    }
    bool empty = queue.empty();
    queue.unlock();
    REQUIRE(empty == expected.empty());
    REQUIRE(found.size() == expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
        REQUIRE(found[i] == expected[i]->waiter);
    }
}

void wake_first(Crowd& crowd, const void* object, std::deque<Sleeper*>& model) {
    WaitQueue queue(object);
    Waiter* first = queue.claim_first();
    queue.unlock();
    REQUIRE((first == nullptr) == model.empty());
    if (first != nullptr) {
        first->next = nullptr;
        REQUIRE(crowd.wake(first).front() == model.front());
        model.pop_front();
    }
}

void wake_one_of(Crowd& crowd, const void* object, std::deque<Sleeper*>& model, size_t index) {
    Waiter& waiter = *model[index]->waiter;
    WaitQueue queue(object);
    bool claimed = queue.claim(waiter);
    queue.unlock();
    REQUIRE(claimed);
    waiter.next = nullptr;
    crowd.wake(&waiter);
    model.erase(model.begin() + static_cast<std::ptrdiff_t>(index));
}

void wake_all(Crowd& crowd, const void* object, std::deque<Sleeper*>& model) {
    WaitQueue queue(object);
    Waiter* all = queue.claim_all();
    queue.unlock();
    REQUIRE(crowd.wake(all) == model);
    model.clear();
}

void random_step(Crowd& crowd, std::mt19937& random, Model& model, const std::vector<const void*>& objects) {
    const void* object = objects[random() % objects.size()];
    Sleeper& sleeper = crowd[random() % crowd.sleepers_.size()];
    std::deque<Sleeper*>& queue = model[object];
    unsigned choice = random() % 16;
    if (choice < 9 && sleeper.object == nullptr) {
        bool at_front = choice < 3;
        crowd.park(sleeper, object, at_front);
        at_front ? queue.push_front(&sleeper) : queue.push_back(&sleeper);
    } else if (choice < 12) {
        wake_first(crowd, object, queue);
    } else if (choice < 15 && !queue.empty()) {
        wake_one_of(crowd, object, queue, random() % queue.size());
    } else if (choice == 15) {
        wake_all(crowd, object, queue);
    }
    crowd.settle();
}

}  // namespace

TEST_CASE("random queueing and waking over colliding addresses") {
    for (unsigned seed = 1; seed <= 3; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        std::vector<const void*> objects = colliding(seed == 1 ? 2 : 6);
        objects.push_back(address(64));
        Crowd crowd(24);
        Model model;
        for (int step = 0; step < 2000; ++step) {
            random_step(crowd, random, model, objects);
            for (const void* object : objects) {
                require_queue(object, model[object]);
            }
        }
        for (const void* object : objects) {
            wake_all(crowd, object, model[object]);
        }
    }
}

TEST_CASE("a wait that ends by timeout leaves the queue, wherever it stood") {
    std::vector<const void*> objects = colliding(3);
    Crowd crowd(9);
    for (size_t leaver = 0; leaver < 3; ++leaver) {
        CAPTURE(leaver);
        Model model;
        for (size_t i = 0; i < 9; ++i) {
            bool leaves = i / 3 == leaver;
            Deadline soon{now_ns() + rondo::kMillisecond, CLOCK_MONOTONIC};
            crowd.park(crowd[i], objects[i % 3], false, leaves ? soon : Deadline{});
            if (!leaves) {
                model[objects[i % 3]].push_back(&crowd[i]);
            }
        }
        for (size_t i = 0; i < 3; ++i) {
            Sleeper& sleeper = crowd[leaver * 3 + i];
            CHECK(rondo_test::wait_until([&sleeper] { return sleeper.object == nullptr; }));
            CHECK(sleeper.cause == WakeCause::timed_out);
        }
        for (const void* object : objects) {
            require_queue(object, model[object]);
            wake_all(crowd, object, model[object]);
        }
    }
}

TEST_CASE("who timed out and has not run yet is passed over") {
    const void* object = address(128);
    Crowd crowd(3);
    crowd.park(crowd[0], object, false, {now_ns() + rondo::kMillisecond, CLOCK_MONOTONIC});
    crowd.park(crowd[1], object);
    crowd.park(crowd[2], object, false, {now_ns() + rondo::kSecond * 1000, CLOCK_MONOTONIC});
    Waiter& gone = *crowd[0].waiter;
    while (gone.outcome() == WakeCause::pending) {
        crowd.worker_.timers().fire(now_ns());
    }
    WaitQueue queue(object);
    Waiter* claimed = queue.claim_all();
    CHECK(queue.empty());
    queue.unlock();
    REQUIRE(claimed == crowd[1].waiter);
    CHECK(claimed->next == crowd[2].waiter);
    CHECK(crowd.wake(claimed).size() == 2);
    CHECK(crowd[0].cause == WakeCause::timed_out);
    CHECK(crowd.worker_.timers().empty());
}

TEST_CASE("kernel threads wait in the same queue") {
    const void* object = address(256);
    Crowd crowd(1);
    std::atomic<int> outcome{-1};
    std::thread kernel_thread([&] {
        Waiter waiter(rondo::WaitReason::futex, object);
        WaitQueue queue(object);
        outcome = static_cast<int>(queue.park_back(waiter, {}));
    });
    auto waiting = [object] {
        WaitQueue queue(object);
        bool somebody = !queue.empty();
        queue.unlock();
        return somebody;
    };
    REQUIRE(rondo_test::wait_until(waiting));
    crowd.park(crowd[0], object);
    WaitQueue queue(object);
    Waiter* chain = queue.claim_all();
    queue.unlock();
    CHECK(chain->fiber == nullptr);
    CHECK(chain->next == crowd[0].waiter);
    CHECK(rondo::release_all(chain) == 2);
    kernel_thread.join();
    CHECK(outcome == static_cast<int>(WakeCause::woken));
    crowd.settle();
    CHECK(crowd[0].cause == WakeCause::woken);
}

TEST_CASE("a kernel thread's wait ends by timeout") {
    const void* object = address(512);
    Waiter waiter(rondo::WaitReason::futex, object);
    WakeCause cause = WakeCause::pending;
    std::thread kernel_thread([&] {
        WaitQueue queue(object);
        cause = queue.park_back(waiter, {now_ns() + rondo::kMillisecond, CLOCK_MONOTONIC});
    });
    kernel_thread.join();
    CHECK(cause == WakeCause::timed_out);
    CHECK_FALSE(waiter.queued);
    require_queue(object, {});
}
