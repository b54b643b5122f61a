// SPDX-License-Identifier: Apache-2.0
//
// See deadlock_report.h. First the rows are collected, a thread each, then the tool is asked about all of them, in two
// lines for each, and then text is made of both.

#include "runtime/system/deadlock_report.h"

#include <cerrno>
#include <new>

#include "runtime/base/print.h"
#include "runtime/base/proc_file.h"
#include "runtime/base/reserve.h"
#include "runtime/base/text.h"
#include "runtime/system/fiber_walk.h"
#include "runtime/system/unwinder.h"
#include "runtime/system/wait_graph.h"

namespace rondo {

namespace {

using std::string_view;

constexpr size_t kMostCycles = 8;
constexpr size_t kMostRows = 256;
constexpr size_t kRequestBytes = 32 + kMostRows * 64;
constexpr size_t kAnswerBytes = 4 << 20;
constexpr size_t kTextBytes = 4 << 20;

struct Row {
    const Fiber* fiber;
    Wait wait;
    string_view name;  // of the object; empty: not known
    int stack = -1;    // number of its backtrace
};

class Report {
   public:
    // Whether there are circles.
    bool collect();
    void ask_tool();
    void compose(bool may_be_woken);
    void send() const;

   private:
    void add(const Fiber& fiber);
    bool has(const Fiber& fiber) const;
    void take_answers(string_view lines);
    void describe(const Row& row);
    void describe_object(const Row& row);
    void describe_owner(const Row& row);
    void show_stack(const Row& row);

    size_t cycles_ = 0;
    size_t cycle_ends_[kMostCycles] = {};  // in rows_
    Row rows_[kMostRows];
    size_t count_ = 0;
    size_t threads_ = 0;  // those without a row, too
    string_view stacks_[kMostRows];
    const Fiber* shown_by_[kMostRows] = {};  // the first thread with that stack
    size_t stack_count_ = 0;
    Unwinder unwinder_;
    bool unwound_ = false;
    char request_[kRequestBytes];
    char answer_[kAnswerBytes];
    char text_room_[kTextBytes];
    Text text_{text_room_, sizeof text_room_};
};

void name_thread(const Fiber& fiber, Text& out) {
    out << "thread " << fiber.id;
    if (fiber.rest->name[0] != '\0') {
        out << " \"";
        out.quote(first(fiber.rest->name, sizeof fiber.rest->name)) << "\"";
    }
}

bool Report::has(const Fiber& fiber) const {
    for (size_t i = 0; i < count_; ++i) {
        if (rows_[i].fiber == &fiber) {
            return true;
        }
    }
    return false;
}

void Report::add(const Fiber& fiber) {
    Row& row = rows_[count_];
    if (count_ < kMostRows && read_wait(fiber, row.wait)) {
        row.fiber = &fiber;
        ++count_;
    }
}

// Those of a circle stand in the order in which they wait for each other.
bool Report::collect() {
    const Fiber* heads[kMostCycles];
    cycles_ = find_cycles(heads, kMostCycles);
    for (size_t i = 0; i < cycles_; ++i) {
        const Fiber* at = heads[i];
        do {
            add(*at);
            at = blocker_of(*at);
        } while (at != heads[i] && at != nullptr);
        cycle_ends_[i] = count_;
    }
    const size_t in_circles = count_;
    for_each_fiber([this, in_circles](const Fiber& fiber) {
        bool waits = fiber.state() == FiberState::parked;
        threads_ += waits ? 1 : 0;
        if (waits && count_ < kMostRows && !(in_circles > 0 && has(fiber))) {
            add(fiber);
        }
        return true;
    });
    return cycles_ > 0;
}

void Report::ask_tool() {
    Text request(request_, sizeof request_);
    request << static_cast<uint64_t>(sys::getpid()) << " parked\n";
    for (size_t i = 0; i < count_; ++i) {
        request << "stack " << rows_[i].fiber->context.saved() << "\nname " << rows_[i].wait.object << "\n";
    }
    request << "\n";
    unwinder_.find_tool();
    unwound_ = unwinder_.ask(request_, answer_, sizeof answer_);
    if (unwound_) {
        take_answers(unwinder_.lines());
    }
    unwinder_.end();
}

string_view take_whole_line(string_view& lines) {
    size_t end = lines.find('\n');
    string_view line = first(lines, end);
    lines.remove_prefix(end == string_view::npos ? lines.size() : end + 1);
    return line;
}

// Two lines a row, then the stacks: "stack NUMBER PLACE" and a line a frame.
void Report::take_answers(string_view lines) {
    for (size_t i = 0; i < count_; ++i) {
        string_view number = take_whole_line(lines);
        string_view name = take_whole_line(lines);
        rows_[i].stack = number.empty() || number[0] == '-' ? -1 : static_cast<int>(to_number(number, 10));
        rows_[i].name = name == "-" ? string_view() : name;
    }
    constexpr string_view kHead = "stack ";
    while (!lines.empty() && stack_count_ < kMostRows) {
        take_whole_line(lines);
        size_t length = 0;
        string_view rest = lines;
        while (!rest.empty() && first(rest, kHead.size()) != kHead) {
            length += take_whole_line(rest).size() + 1;
        }
        stacks_[stack_count_++] = first(lines, length);
        lines = rest;
    }
}

const char* waits_how(WaitReason reason) {
    switch (reason) {
        case WaitReason::mutex:
            return " waits for mutex";
        case WaitReason::condvar:
            return " waits for condition variable";
        case WaitReason::rwlock_read:
            return " waits to read under rwlock";
        case WaitReason::rwlock_write:
            return " waits to write under rwlock";
        case WaitReason::barrier:
            return " waits for barrier";
        case WaitReason::once:
            return " waits for once routine";
        case WaitReason::semaphore:
            return " waits for semaphore";
        default:
            return " waits for futex";
    }
}

void Report::describe_object(const Row& row) {
    if (row.wait.reason == WaitReason::join) {
        text_ << " waits for the end of ";
        row.wait.owner.thread != nullptr ? name_thread(*row.wait.owner.thread, text_) : void(text_ << "a thread");
        return;
    }
    text_ << waits_how(row.wait.reason);
    if (!row.name.empty()) {
        text_ << " " << row.name;
    }
    text_ << " at " << row.wait.object;
}

void Report::describe_owner(const Row& row) {
    Crowd crowd = crowd_at(row.wait.reason, row.wait.object);
    if (crowd.wanted != 0) {
        text_ << ", to which " << uint64_t{crowd.present} << " of " << uint64_t{crowd.wanted} << " have come";
    } else if (crowd.present != 0) {
        text_ << ", held for reading by " << uint64_t{crowd.present};
    }
    Owner owner = row.wait.owner;
    if (!owner || row.wait.reason == WaitReason::join) {
        return;
    }
    bool runs = row.wait.reason == WaitReason::once;
    if (owner.thread == row.fiber) {
        text_ << (runs ? ", which it runs itself" : ", which it owns itself");
        return;
    }
    text_ << ", which ";
    if (owner.thread == nullptr) {
        text_ << "a thread that is no more";
    } else {
        name_thread(*owner.thread, text_);
    }
    text_ << (runs ? " runs" : " owns");
    if (owner.thread != nullptr && owner.thread->state() == FiberState::finished) {
        text_ << "; it has ended";
    }
}

void Report::show_stack(const Row& row) {
    if (row.stack < 0 || static_cast<size_t>(row.stack) >= stack_count_) {
        return;
    }
    const Fiber*& shown = shown_by_[row.stack];
    if (shown != nullptr) {
        text_ << "    where thread " << shown->id << " waits\n";
        return;
    }
    shown = row.fiber;
    for (string_view lines = stacks_[row.stack]; !lines.empty();) {
        text_ << "  " << take_whole_line(lines) << "\n";
    }
}

void Report::describe(const Row& row) {
    text_ << "  ";
    name_thread(*row.fiber, text_);
    describe_object(row);
    describe_owner(row);
    text_ << "\n";
    show_stack(row);
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
    if (!unwound_) {
        text_ << "  (no backtraces: " << unwinder_.problem() << ")\n";
    }
    size_t row = 0;
    for (size_t i = 0; i < cycles_; ++i) {
        text_ << "  in a circle:\n";
        for (; row < cycle_ends_[i]; ++row) {
            describe(rows_[row]);
        }
    }
    if (cycles_ > 0 && row < count_) {
        text_ << "  the others:\n";
    }
    for (; row < count_; ++row) {
        describe(rows_[row]);
    }
    if (threads_ > count_) {
        text_ << "  and " << threads_ - count_ << " more\n";
    }
}

void Report::send() const {
    string_view left = text_room_;
    while (!left.empty()) {
        long written = sys::write(2, left.data(), left.size());
        if (written <= 0 && written != -EINTR) {
            return;
        }
        left.remove_prefix(written > 0 ? static_cast<size_t>(written) : 0);
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
    report->ask_tool();
    report->compose(may_be_woken);
    report->send();
    sys::munmap(room, sizeof *room);
    return cycles;
}

}  // namespace rondo
