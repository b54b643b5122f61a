// SPDX-License-Identifier: Apache-2.0
//
// Threads as a report shows them: each in a row, with what it waits for, who owns that, and where in the program it
// stands. Names of objects, functions and lines come from rondo-unwind, asked once about all rows; without it there are
// addresses. A backtrace that several threads have is shown once.
//
// Only while no thread runs, on a kernel thread's or a loop's stack. The object is large: it belongs into memory of its
// own (reserve_array), which must be zero.
#pragma once

#include "runtime/base/text.h"
#include "runtime/system/owners.h"
#include "runtime/system/unwinder.h"

namespace rondo {

// The thread's number and name.
void name_thread(const Fiber& fiber, Text& out);

class ThreadRows {
   public:
    static constexpr size_t kMost = 256;

    // False: there are kMost.
    bool add(const Fiber& fiber);
    bool has(const Fiber& fiber) const;
    size_t count() const { return count_; }

    // After the last add(). False: there are no backtraces, and problem() says why.
    bool ask_tool();
    std::string_view problem() const { return unwinder_.problem(); }

    // The row's lines: the thread, `remark`, what it waits for or that it can run, and its backtrace.
    void describe(size_t number, std::string_view remark, Text& out);

   private:
    static constexpr size_t kRequestBytes = 32 + kMost * 64;
    static constexpr size_t kAnswerBytes = 4 << 20;

    struct Row {
        const Fiber* fiber;
        bool waits;
        Wait wait;              // if it does
        std::string_view name;  // of the object; empty: not known
        int stack = -1;         // number of its backtrace
    };

    void take_answers(std::string_view lines);
    void describe_object(const Row& row, Text& out) const;
    void describe_owner(const Row& row, Text& out) const;
    void show_stack(const Row& row, Text& out);

    Row rows_[kMost];
    size_t count_ = 0;
    std::string_view stacks_[kMost];
    const Fiber* shown_by_[kMost] = {};  // the first thread with that stack
    size_t stack_count_ = 0;
    Unwinder unwinder_;
    char request_[kRequestBytes];
    char answer_[kAnswerBytes];
};

// Writes all of a report to standard error.
void send_report(std::string_view text);

}  // namespace rondo
