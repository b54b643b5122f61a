// SPDX-License-Identifier: Apache-2.0
//
// The heap of timers against a multimap, under random arming, disarming and firing; and what expire() may do.

#include "runtime/core/timers.h"

#include <map>
#include <random>

#include "system/faults.h"

namespace {

using rondo::Nanoseconds;
using rondo::Timer;
using rondo::Timers;

std::vector<Timer*> fired;

void note(Timer& timer) { fired.push_back(&timer); }

class Model {
   public:
    explicit Model(size_t count) : timers_(count) { REQUIRE(heap_.init()); }

    void toggle(size_t which, Nanoseconds deadline) {
        Timer& timer = timers_[which];
        if (timer.armed()) {
            heap_.disarm(timer);
            forget(timer);
        } else {
            timer.deadline = deadline;
            timer.expire = note;
            REQUIRE(heap_.arm(timer));
            armed_.emplace(deadline, &timer);
        }
    }

    void fire(Nanoseconds now) {
        fired.clear();
        heap_.fire(now);
        Nanoseconds before = 0;
        for (Timer* timer : fired) {
            REQUIRE_FALSE(timer->armed());
            REQUIRE(timer->deadline >= before);
            REQUIRE(timer->deadline <= now);
            before = timer->deadline;
            forget(*timer);
        }
        REQUIRE((armed_.empty() || armed_.begin()->first > now));
    }

    bool agrees() const {
        Nanoseconds next = armed_.empty() ? rondo::kNever : armed_.begin()->first;
        return heap_.count() == armed_.size() && heap_.empty() == armed_.empty() && heap_.next_deadline() == next;
    }

   private:
    void forget(Timer& timer) {
        auto range = armed_.equal_range(timer.deadline);
        for (auto at = range.first; at != range.second; ++at) {
            if (at->second == &timer) {
                armed_.erase(at);
                return;
            }
        }
        FAIL("a timer fired or was disarmed that was not armed");
    }

    Timers heap_;
    std::vector<Timer> timers_;
    std::multimap<Nanoseconds, Timer*> armed_;
};

struct Again : Timer {
    Timers* heap;
    Nanoseconds step;
    Nanoseconds until;
    int count = 0;
};

void arm_again(Timer& timer) {
    auto& again = static_cast<Again&>(timer);
    ++again.count;
    fired.push_back(&timer);
    again.deadline += again.step;
    if (again.deadline <= again.until) {
        CHECK(again.heap->arm(again));
    }
}

struct Killer : Timer {
    Timers* heap;
    Timer* victim;
};

}  // namespace

TEST_CASE("random operations agree with a multimap") {
    for (unsigned seed = 1; seed <= 4; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        Model model(seed == 1 ? 7 : 2000);
        Nanoseconds spread = seed % 2 == 0 ? 20 : 1000000;
        Nanoseconds now = 0;
        for (int step = 0; step < 100000; ++step) {
            if (random() % 64 == 0) {
                now += static_cast<Nanoseconds>(random() % (static_cast<unsigned>(spread) / 4));
                model.fire(now);
            } else {
                model.toggle(random() % (seed == 1 ? 7 : 2000), now + static_cast<Nanoseconds>(random() % spread));
            }
            REQUIRE(model.agrees());
        }
        model.fire(rondo::kNever);
        CHECK(model.agrees());
    }
}

TEST_CASE("a timer armed inside expire fires in the same pass if it is due, else later") {
    Timers heap;
    REQUIRE(heap.init());
    fired.clear();
    Again quick;
    quick.heap = &heap;
    quick.deadline = 10;
    quick.step = 10;
    quick.until = 60;
    quick.expire = arm_again;
    Timer other;
    other.deadline = 25;
    other.expire = note;
    REQUIRE(heap.arm(quick));
    REQUIRE(heap.arm(other));
    heap.fire(40);
    CHECK(quick.count == 4);
    CHECK(fired == std::vector<Timer*>{&quick, &quick, &other, &quick, &quick});
    CHECK(quick.armed());
    CHECK(heap.next_deadline() == 50);
    heap.fire(49);
    CHECK(quick.count == 4);
    heap.fire(1000);
    CHECK(quick.count == 6);
    CHECK(heap.empty());
}

TEST_CASE("a timer disarmed inside expire does not fire") {
    Timers heap;
    REQUIRE(heap.init());
    fired.clear();
    Timer victim;
    victim.deadline = 2;
    victim.expire = note;
    Killer killer;
    killer.heap = &heap;
    killer.victim = &victim;
    killer.deadline = 1;
    killer.expire = [](Timer& timer) {
        auto& self = static_cast<Killer&>(timer);
        self.heap->disarm(*self.victim);
    };
    REQUIRE(heap.arm(victim));
    REQUIRE(heap.arm(killer));
    heap.fire(5);
    CHECK(fired.empty());
    CHECK_FALSE(victim.armed());
    CHECK(heap.empty());
}

TEST_CASE("arming twice and disarming what is not armed panic") {
    rondo_test::panics_in_child(
        [] {
            Timers heap;
            Timer timer;
            CHILD_REQUIRE(heap.init() && heap.arm(timer));
            heap.arm(timer);
        },
        "broken invariant: !timer.armed()");
    rondo_test::panics_in_child(
        [] {
            Timers heap;
            Timer timer;
            CHILD_REQUIRE(heap.init());
            heap.disarm(timer);
        },
        "broken invariant: timer.armed()");
}
