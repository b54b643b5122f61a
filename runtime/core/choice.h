// SPDX-License-Identifier: Apache-2.0
//
// What is left open by the rules of POSIX and decided by nobody: which ready thread runs next, whether a thread is
// interrupted at a call, whether a wait ends for no reason. With RONDO_SCHED=seed:N or replay:FILE a source answers
// these questions, one after the other, and a run is repeated by repeating its answers.
//
// Every question has a default, 0: what happens without a source (the longest waiting thread, no interruption). So a
// run is described by the answers that are not 0.
//
// Asked on worker 0's kernel thread alone: a source exists only where there is one worker. It is set before the first
// thread and stays. Where there is none, a question costs one test of a global, and the paths that are measured in
// nanoseconds have not even that: there the questions hang off a test that exists (Worker::spend_budget).
#pragma once

#include <cstdint>

namespace rondo {

enum class ChoiceKind : uint8_t {
    next,   // which of the ready threads runs, in the order in which they became ready
    yield,  // 1: others run before this call
    clock,  // 1: the clock has moved on to the next deadline, though threads are ready
    wake,   // 1: this wait ends for no reason
    piece,  // a read or write moves less than it could: 1 one byte, 2 half
    eintr,  // 1: this call is interrupted by a signal
    fail,   // 1: what this call needs is not to be had
    far,    // 1: what concerns a thread comes by message, as from another worker, or its message arrives later
};
constexpr unsigned kChoiceKinds = 8;

inline const char* choice_name(ChoiceKind kind) {
    static constexpr const char* kNames[kChoiceKinds] = {"next",  "yield", "clock", "wake",
                                                         "piece", "eintr", "fail",  "far"};
    return kNames[static_cast<unsigned>(kind)];
}

class ChoiceSource {
   public:
    // One of [0, alternatives). `call` says to a reader where the question came up.
    virtual unsigned choose(ChoiceKind kind, unsigned alternatives, const char* call) = 0;

    // A call at which nobody else could have run: there was nothing to choose. True: the thread is to yield all the
    // same.
    virtual bool nothing_to_choose() { return false; }

   protected:
    ~ChoiceSource() = default;
};

extern ChoiceSource* choice_source;  // null: everything is as by default

inline bool exploring() { return __builtin_expect(choice_source != nullptr, 0); }

// The answer for the calling thread; 0 on a kernel thread that is no worker.
unsigned choose_slowly(ChoiceKind kind, unsigned alternatives, const char* call);
inline unsigned choose(ChoiceKind kind, unsigned alternatives, const char* call) {
    return exploring() ? choose_slowly(kind, alternatives, call) : 0;
}

// A wait that something outside the process may end, or a kernel thread: until it is over, time passes as it does
// there.
extern unsigned outside_waits;  // worker 0's, which is the only one then; other workers leave it alone
class OutsideWait {
   public:
    OutsideWait() {
        if (exploring()) ++outside_waits;
    }
    ~OutsideWait() {
        if (exploring()) --outside_waits;
    }
    OutsideWait(const OutsideWait&) = delete;
    OutsideWait& operator=(const OutsideWait&) = delete;
};

// Here the calling thread may be interrupted by others: at the beginning of each call of the API.
void offer_yield(const char* call);
inline void choice_point(const char* call) {
    if (exploring()) {
        offer_yield(call);
    }
}

}  // namespace rondo
