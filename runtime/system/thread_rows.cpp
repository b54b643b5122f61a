// SPDX-License-Identifier: Apache-2.0
//
// See thread_rows.h. The tool gets two lines a row, where the thread's context is saved and for what object it waits,
// and answers each with a line; behind these stand the backtraces.

#include "runtime/system/thread_rows.h"

#include <cerrno>

#include "runtime/base/proc_file.h"

namespace rondo {

namespace {

using std::string_view;

string_view take_whole_line(string_view& lines) {
    size_t end = lines.find('\n');
    string_view line = first(lines, end);
    lines.remove_prefix(end == string_view::npos ? lines.size() : end + 1);
    return line;
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

}  // namespace

void name_thread(const Fiber& fiber, Text& out) {
    out << "thread " << fiber.id;
    if (fiber.rest->name[0] != '\0') {
        out << " \"";
        out.quote(first(fiber.rest->name, sizeof fiber.rest->name)) << "\"";
    }
}

bool ThreadRows::has(const Fiber& fiber) const {
    for (size_t i = 0; i < count_; ++i) {
        if (rows_[i].fiber == &fiber) {
            return true;
        }
    }
    return false;
}

bool ThreadRows::add(const Fiber& fiber) {
    if (count_ == kMost) {
        return false;
    }
    Row& row = rows_[count_++];
    row.fiber = &fiber;
    row.stack = -1;
    row.waits = read_wait(fiber, row.wait);
    return true;
}

bool ThreadRows::ask_tool() {
    Text request(request_, sizeof request_);
    request << static_cast<uint64_t>(sys::getpid()) << " parked\n";
    for (size_t i = 0; i < count_; ++i) {
        request << "stack " << rows_[i].fiber->context.saved() << "\nname " << rows_[i].wait.object << "\n";
    }
    request << "\n";
    unwinder_.find_tool();
    bool answered = unwinder_.ask(request_, answer_, sizeof answer_);
    if (answered) {
        take_answers(unwinder_.lines());
    }
    unwinder_.end();
    return answered;
}

// Two lines a row, then the stacks: "stack NUMBER PLACE" and a line a frame.
void ThreadRows::take_answers(string_view lines) {
    for (size_t i = 0; i < count_; ++i) {
        string_view number = take_whole_line(lines);
        string_view name = take_whole_line(lines);
        rows_[i].stack = number.empty() || number[0] == '-' ? -1 : static_cast<int>(to_number(number, 10));
        rows_[i].name = name == "-" ? string_view() : name;
    }
    constexpr string_view kHead = "stack ";
    while (!lines.empty() && stack_count_ < kMost) {
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

void ThreadRows::describe_object(const Row& row, Text& out) const {
    if (row.wait.reason == WaitReason::join) {
        out << " waits for the end of ";
        row.wait.owner.thread != nullptr ? name_thread(*row.wait.owner.thread, out) : void(out << "a thread");
        return;
    }
    out << waits_how(row.wait.reason);
    if (!row.name.empty()) {
        out << " " << row.name;
    }
    out << " at " << row.wait.object;
}

void ThreadRows::describe_owner(const Row& row, Text& out) const {
    Crowd crowd = crowd_at(row.wait.reason, row.wait.object);
    if (crowd.wanted != 0) {
        out << ", to which " << uint64_t{crowd.present} << " of " << uint64_t{crowd.wanted} << " have come";
    } else if (crowd.present != 0) {
        out << ", held for reading by " << uint64_t{crowd.present};
    }
    Owner owner = row.wait.owner;
    if (!owner || row.wait.reason == WaitReason::join) {
        return;
    }
    bool runs = row.wait.reason == WaitReason::once;
    if (owner.thread == row.fiber) {
        out << (runs ? ", which it runs itself" : ", which it owns itself");
        return;
    }
    out << ", which ";
    if (owner.thread == nullptr) {
        out << "a thread that is no more";
    } else {
        name_thread(*owner.thread, out);
    }
    out << (runs ? " runs" : " owns");
    if (owner.thread != nullptr && owner.thread->state() == FiberState::finished) {
        out << "; it has ended";
    }
}

void ThreadRows::show_stack(const Row& row, Text& out) {
    if (row.stack < 0 || static_cast<size_t>(row.stack) >= stack_count_) {
        return;
    }
    const Fiber*& shown = shown_by_[row.stack];
    if (shown != nullptr) {
        out << "    where thread " << shown->id << " stands\n";
        return;
    }
    shown = row.fiber;
    for (string_view lines = stacks_[row.stack]; !lines.empty();) {
        out << "  " << take_whole_line(lines) << "\n";
    }
}

void ThreadRows::describe(size_t number, string_view remark, Text& out) {
    const Row& row = rows_[number];
    out << "  ";
    name_thread(*row.fiber, out);
    out << remark;
    if (row.waits) {
        describe_object(row, out);
        describe_owner(row, out);
    } else {
        out << " can run";
    }
    out << "\n";
    show_stack(row, out);
}

void send_report(string_view left) {
    while (!left.empty()) {
        long written = sys::write(2, left.data(), left.size());
        if (written <= 0 && written != -EINTR) {
            return;
        }
        left.remove_prefix(written > 0 ? static_cast<size_t>(written) : 0);
    }
}

}  // namespace rondo
