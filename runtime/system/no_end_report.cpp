// SPDX-License-Identifier: Apache-2.0
//
// See no_end_report.h. Of each group there are rows in the order of their calls, found by looking for the greatest of
// those that are left: a report has few rows.

#include "runtime/system/no_end_report.h"

#include <new>

#include "runtime/base/check.h"
#include "runtime/base/print.h"
#include "runtime/base/reserve.h"
#include "runtime/system/fiber_walk.h"
#include "runtime/system/thread_rows.h"

namespace rondo {

namespace {

constexpr size_t kTextBytes = 4 << 20;
constexpr unsigned kGroups = 3;
constexpr const char* kGroupNames[kGroups] = {"could run and did not", "ran", "the others"};

class Report {
   public:
    void compose(uint64_t choices);
    void send() const { send_report(text_room_); }

   private:
    void add_most_active(unsigned group);

    ThreadRows rows_;
    size_t threads_ = 0;
    uint64_t calls_[ThreadRows::kMost] = {};  // of the rows
    size_t group_ends_[kGroups] = {};
    char text_room_[kTextBytes];
    Text text_{text_room_, sizeof text_room_};
};

unsigned group_of(const Fiber& fiber) {
    if (fiber.rest->calls > 0) {
        return 1;
    }
    return fiber.state() == FiberState::parked ? 2 : 0;
}

bool lives(const Fiber& fiber) { return fiber.state() != FiberState::finished && fiber.state() != FiberState::none; }

// The thread of the group that made most calls, of those that have no row.
void Report::add_most_active(unsigned group) {
    for (bool found = true; found;) {
        const Fiber* most = nullptr;
        for_each_fiber([&](const Fiber& fiber) {
            bool more = most == nullptr || fiber.rest->calls > most->rest->calls;
            if (lives(fiber) && group_of(fiber) == group && more && !rows_.has(fiber)) {
                most = &fiber;
            }
            return true;
        });
        size_t row = rows_.count();
        found = most != nullptr && rows_.add(*most);
        if (found) {
            calls_[row] = most->rest->calls;
        }
    }
    group_ends_[group] = rows_.count();
}

void Report::compose(uint64_t choices) {
    for (unsigned group = 0; group < kGroups; ++group) {
        add_most_active(group);
    }
    for_each_fiber([this](const Fiber& fiber) {
        threads_ += lives(fiber) ? 1 : 0;
        return true;
    });
    text_ << "rondo: no end after " << choices << " choices; the threads' calls since choice " << choices / 2 << ":\n";
    if (!rows_.ask_tool()) {
        text_ << "  (no backtraces: " << rows_.problem() << ")\n";
    }
    size_t row = 0;
    for (unsigned group = 0; group < kGroups; ++group) {
        if (row < group_ends_[group]) {
            text_ << "  " << kGroupNames[group] << ":\n";
        }
        for (; row < group_ends_[group]; ++row) {
            char remark[40];
            Text(remark, sizeof remark) << " (" << calls_[row] << " calls)";
            rows_.describe(row, remark, text_);
        }
    }
    if (threads_ > rows_.count()) {
        text_ << "  and " << threads_ - rows_.count() << " more\n";
    }
}

}  // namespace

void end_without_end(uint64_t choices) {
    auto* room = reserve_array<Report>(1);
    if (room == nullptr) {
        Line line;
        line << "rondo: no end after " << choices << " choices, and no memory is left to say why";
        line.send(2);
        die();
    }
    auto* report = new (room) Report;
    report->compose(choices);
    report->send();
    die();
}

}  // namespace rondo
