// SPDX-License-Identifier: Apache-2.0
//
// See futex_call.h. FUTEX_WAKE_OP changes its second word here, by the same atomic operation as the kernel, and is then
// two wakes: whoever begins to wait in between sees the changed word.

#include "runtime/system/futex_call.h"

#include <linux/futex.h>

#include <cerrno>

#include "runtime/base/mapping.h"
#include "runtime/base/sys.h"
#include "runtime/core/blocking_call.h"
#include "runtime/core/worker.h"
#include "runtime/sync/futex.h"

namespace rondo {

namespace {

constexpr int kCommandMask = ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);

bool is_private(const FutexCall& call) { return (call.operation & FUTEX_PRIVATE_FLAG) != 0; }

// A count of 0 wakes one, as in the kernel.
int at_least_one(uint32_t count) {
    int wanted = static_cast<int>(count);
    return wanted < 1 ? 1 : wanted;
}

uint32_t second_count(const FutexCall& call) { return static_cast<uint32_t>(sys::to_arg(call.timeout)); }

long ask_kernel(const FutexCall& call) {
    return sys::call(SYS_futex, sys::to_arg(call.word), call.operation, call.value, sys::to_arg(call.timeout),
                     sys::to_arg(call.word2), call.value3);
}

Restart restart_of(const FutexCall& call) { return call.timeout != nullptr ? Restart::never : Restart::allowed; }

long wait_beside(const FutexCall& call) {
    BlockingCall blocking{{SYS_futex,
                           {sys::to_arg(call.word), call.operation, call.value, sys::to_arg(call.timeout),
                            sys::to_arg(call.word2), call.value3}}};
    blocking.cancellable = false;
    long result = finish_blocking_call(blocking, restart_of(call));
    return result == -ENOMEM ? -EAGAIN : result;
}

// FUTEX_WAIT takes a relative time, FUTEX_WAIT_BITSET an absolute one.
Deadline deadline_of(const FutexCall& call, bool relative) {
    if (call.timeout == nullptr) {
        return {};
    }
    if (!is_valid(*call.timeout) || call.timeout->tv_sec < 0) {
        return {Deadline::kInvalid, CLOCK_MONOTONIC};
    }
    Nanoseconds time = to_ns(*call.timeout);
    if (relative) {
        return {add_ns(now_ns(), time), CLOCK_MONOTONIC};
    }
    return {time, (call.operation & FUTEX_CLOCK_REALTIME) != 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC};
}

long wait(const FutexCall& call, bool relative, uint32_t bits) {
    Deadline deadline = deadline_of(call, relative);
    if (bits == 0 || deadline.invalid()) {
        return -EINVAL;
    }
    if (__atomic_load_n(call.word, __ATOMIC_SEQ_CST) != call.value) {
        return -EAGAIN;
    }
    if (choose(ChoiceKind::wake, 2, "futex") != 0) {
        self_->yield_current();
        return 0;
    }
    if (!is_private(call) && may_be_shared(call.word)) {
        return wait_beside(call);
    }
    return -futex_wait(call.word, call.value, deadline, bits, restart_of(call));
}

// What is still to be woken after ours may wait in the kernel.
long wake(uint32_t* word, bool is_private_word, int count, uint32_t bits) {
    if (bits == 0) {
        return -EINVAL;
    }
    long woken = futex_wake(word, count, bits);
    if (is_private_word || woken >= count) {
        return woken;
    }
    long others = sys::call(SYS_futex, sys::to_arg(word), FUTEX_WAKE_BITSET, count - woken, 0, 0, bits);
    return others > 0 ? woken + others : woken;
}

long requeue(const FutexCall& call, bool compare) {
    auto first = static_cast<int>(call.value);
    auto second = static_cast<int>(second_count(call));
    if (first < 0 || second < 0) {
        return -EINVAL;
    }
    if (call.word == call.word2) {
        return ask_kernel(call);
    }
    long ours = futex_requeue(call.word, call.word2, {first, second, compare ? &call.value3 : nullptr});
    if (ours < 0 || is_private(call)) {
        return ours;
    }
    FutexCall rest = call;
    long woken = ours < first ? ours : first;
    rest.value = static_cast<uint32_t>(first - woken);
    rest.timeout = reinterpret_cast<const timespec*>(second - (ours - woken));
    long others = ask_kernel(rest);
    return others > 0 ? ours + others : ours;
}

// The fields of FUTEX_WAKE_OP's third value; the two arguments are signed numbers of 12 bits.
struct WakeOperation {
    explicit WakeOperation(uint32_t encoded)
        : change(encoded >> 28 & 7),
          shifted((encoded >> 28 & FUTEX_OP_OPARG_SHIFT) != 0),
          comparison(encoded >> 24 & 15),
          operand(static_cast<int>(encoded << 8) >> 20),
          limit(static_cast<int>(encoded << 20) >> 20) {}

    bool known() const { return change <= FUTEX_OP_XOR && comparison <= FUTEX_OP_CMP_GE; }

    uint32_t apply(uint32_t* word) const {
        uint32_t by = shifted ? 1U << (operand & 31) : static_cast<uint32_t>(operand);
        switch (change) {
            case FUTEX_OP_SET:
                return __atomic_exchange_n(word, by, __ATOMIC_SEQ_CST);
            case FUTEX_OP_ADD:
                return __atomic_fetch_add(word, by, __ATOMIC_SEQ_CST);
            case FUTEX_OP_OR:
                return __atomic_fetch_or(word, by, __ATOMIC_SEQ_CST);
            case FUTEX_OP_ANDN:
                return __atomic_fetch_and(word, ~by, __ATOMIC_SEQ_CST);
            default:
                return __atomic_fetch_xor(word, by, __ATOMIC_SEQ_CST);
        }
    }

    bool holds(uint32_t before) const {
        int old = static_cast<int>(before);
        switch (comparison) {
            case FUTEX_OP_CMP_EQ:
                return old == limit;
            case FUTEX_OP_CMP_NE:
                return old != limit;
            case FUTEX_OP_CMP_LT:
                return old < limit;
            case FUTEX_OP_CMP_LE:
                return old <= limit;
            case FUTEX_OP_CMP_GT:
                return old > limit;
            default:
                return old >= limit;
        }
    }

    uint32_t change;
    bool shifted;
    uint32_t comparison;
    int operand;
    int limit;
};

long wake_with_operation(const FutexCall& call) {
    WakeOperation operation(call.value3);
    if (!operation.known()) {
        return -ENOSYS;
    }
    uint32_t before = operation.apply(call.word2);
    long woken = wake(call.word, is_private(call), at_least_one(call.value), kEveryBit);
    if (operation.holds(before)) {
        woken += wake(call.word2, is_private(call), at_least_one(second_count(call)), kEveryBit);
    }
    return woken;
}

long dispatch(const FutexCall& call) {
    switch (call.operation & kCommandMask) {
        case FUTEX_WAIT:
            return wait(call, true, kEveryBit);
        case FUTEX_WAIT_BITSET:
            return wait(call, false, call.value3);
        case FUTEX_WAKE:
            return wake(call.word, is_private(call), at_least_one(call.value), kEveryBit);
        case FUTEX_WAKE_BITSET:
            return wake(call.word, is_private(call), at_least_one(call.value), call.value3);
        case FUTEX_REQUEUE:
            return requeue(call, false);
        case FUTEX_CMP_REQUEUE:
            return requeue(call, true);
        case FUTEX_WAKE_OP:
            return wake_with_operation(call);
        default:
            return ask_kernel(call);
    }
}

}  // namespace

long futex_call(const FutexCall& call) {
    if (sys::to_arg(call.word) % sizeof(uint32_t) != 0) {
        return -EINVAL;
    }
    choice_point("futex");
    long result = dispatch(call);
    if (self_ != nullptr) {
        self_->spend_budget_cheaply("futex");
    }
    return result;
}

}  // namespace rondo
