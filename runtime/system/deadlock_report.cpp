// SPDX-License-Identifier: Apache-2.0
//
// See deadlock_report.h.

#include "runtime/system/deadlock_report.h"

#include <new>

#include "runtime/base/print.h"
#include "runtime/base/reserve.h"
#include "runtime/system/fiber_walk.h"
#include "runtime/system/thread_rows.h"
#include "runtime/system/wait_graph.h"

namespace rondo {

namespace {

constexpr size_t kMostCycles = 8;
constexpr size_t kTextBytes = 4 << 20;

class Report {
   public:
    // Whether there are circles.
    bool collect();
    void compose(bool may_be_woken);
    void send() const { send_report(text_room_); }

   private:
    size_t cycles_ = 0;
    size_t cycle_ends_[kMostCycles] = {};  // numbers of rows
    size_t threads_ = 0;                   // those without a row, too
    ThreadRows rows_;
    char text_room_[kTextBytes];
    Text text_{text_room_, sizeof text_room_};
};

// Those of a circle stand in the order in which they wait for each other.
bool Report::collect() {
    const Fiber* heads[kMostCycles];
    cycles_ = find_cycles(heads, kMostCycles);
    for (size_t i = 0; i < cycles_; ++i) {
        const Fiber* at = heads[i];
        do {
            rows_.add(*at);
            at = blocker_of(*at);
        } while (at != heads[i] && at != nullptr);
        cycle_ends_[i] = rows_.count();
    }
    for_each_fiber([this](const Fiber& fiber) {
        bool waits = fiber.state() == FiberState::parked;
        threads_ += waits ? 1 : 0;
        if (waits && rows_.count() < ThreadRows::kMost && !(cycles_ > 0 && rows_.has(fiber))) {
            rows_.add(fiber);
        }
        return true;
    });
    return cycles_ > 0;
}

void Report::compose(bool may_be_woken) {
    const bool alone = threads_ == 1;
    text_ << "rondo: deadlock: ";
    alone ? text_ << "the only thread waits" : text_ << "all " << threads_ << " threads wait";
    if (may_be_woken) {
        text_ << "; only a signal that the program handles could change that\n";
    } else {
        text_ << ", and nothing can wake " << (alone ? "it\n" : "them\n");
    }
    if (!rows_.ask_tool()) {
        text_ << "  (no backtraces: " << rows_.problem() << ")\n";
    }
    size_t row = 0;
    for (size_t i = 0; i < cycles_; ++i) {
        text_ << "  in a circle:\n";
        for (; row < cycle_ends_[i]; ++row) {
            rows_.describe(row, "", text_);
        }
    }
    if (cycles_ > 0 && row < rows_.count()) {
        text_ << "  the others:\n";
    }
    for (; row < rows_.count(); ++row) {
        rows_.describe(row, "", text_);
    }
    if (threads_ > rows_.count()) {
        text_ << "  and " << threads_ - rows_.count() << " more\n";
    }
}

}  // namespace

bool report_deadlock(bool may_be_woken) {
    auto* room = reserve_array<Report>(1);
    if (room == nullptr) {
        Line line;
        line << "rondo: deadlock: all threads wait, and no memory is left to say for what";
        line.send(2);
        return false;
    }
    auto* report = new (room) Report;
    bool cycles = report->collect();
    report->compose(may_be_woken);
    report->send();
    sys::munmap(room, sizeof *room);
    return cycles;
}

}  // namespace rondo
