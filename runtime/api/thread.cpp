// SPDX-License-Identifier: Apache-2.0
//
// Threads: the C façade. A handle that names no fiber is a kernel thread's own (of main before the start, or of a
// thread that libc made): it can be asked about itself, not joined or cancelled here.

#include <sys/prctl.h>

#include <cerrno>
#include <cstring>

#include "runtime/api/attributes.h"
#include "runtime/api/deadline.h"
#include "runtime/base/real.h"
#include "runtime/core/cancel.h"
#include "runtime/core/interrupt.h"
#include "runtime/system/diagnostics.h"
#include "runtime/system/fork.h"
#include "runtime/system/runtime.h"

using namespace rondo;

namespace {

int join(rondo_t thread, void** result, Deadline deadline, bool try_only) {
    choice_point("join");
    cancellation_point();
    Fiber* fiber = Fiber::from_handle(thread);
    if (fiber == nullptr) {
        return thread == rondo_self() ? EDEADLK : ESRCH;
    }
    if (deadline.invalid()) {
        return EINVAL;
    }
    return fiber->join(result, deadline, try_only);
}

bool is_callers_kernel_thread(rondo_t thread) { return calling_thread() == nullptr && thread == rondo_self(); }

}  // namespace

extern "C" {

int rondo_create(rondo_t* thread, const rondo_attr_t* attr, void* (*start)(void*), void* arg) {
    size_t stack_bytes = 0;
    bool detached = false;
    if (attr != nullptr) {
        const auto& wanted = as<ThreadAttr>(attr);
        if ((wanted.flags & ThreadAttr::kStackAddr) != 0) {
            return EINVAL;
        }
        stack_bytes = wanted.stack_bytes;
        detached = (wanted.flags & ThreadAttr::kDetached) != 0;
    }
    uint64_t handle = 0;
    int error = spawn(handle, start, arg, stack_bytes, detached);
    if (error == 0) {
        *thread = handle;
        choice_point("create");
    }
    return error;
}

int rondo_join(rondo_t thread, void** result) { return join(thread, result, {}, false); }

int rondo_tryjoin_np(rondo_t thread, void** result) { return join(thread, result, {}, true); }

int rondo_timedjoin_np(rondo_t thread, void** result, const struct timespec* realtime_deadline) {
    return rondo_clockjoin_np(thread, result, CLOCK_REALTIME, realtime_deadline);
}

int rondo_clockjoin_np(rondo_t thread, void** result, clockid_t clock, const struct timespec* deadline) {
    return join(thread, result, deadline != nullptr ? deadline_of(clock, deadline) : Deadline{}, false);
}

int rondo_detach(rondo_t thread) {
    choice_point("detach");
    Fiber* fiber = Fiber::from_handle(thread);
    return fiber != nullptr ? fiber->detach() : ESRCH;
}

void rondo_exit(void* result) { exit_fiber(result); }

rondo_t rondo_self(void) { return current_owner(); }

int rondo_equal(rondo_t a, rondo_t b) { return a == b ? 1 : 0; }

int rondo_yield(void) {
    if (self_ != nullptr) {
        if (__builtin_expect(self_->current()->signal_due.load(std::memory_order_relaxed), 0)) {
            interrupted(Restart::always);
        }
        return self_->yield_current();
    }
    sys::yield_cpu();
    return 0;
}

void rondo_choice_point(const char* call) { choice_point(call); }

void rondo_spend(void) {
    if (self_ != nullptr) {
        self_->spend_budget_cheaply("call");
    }
}

int rondo_setname_np(rondo_t thread, const char* name) {
    Fiber* fiber = Fiber::from_handle(thread);
    size_t length = strlen(name);
    if (length >= sizeof FiberRest::name) {
        return ERANGE;
    }
    if (fiber == nullptr && !is_callers_kernel_thread(thread)) {
        return ESRCH;
    }
    if (fiber == nullptr || fiber->adopted) {
        sys::call(SYS_prctl, PR_SET_NAME, sys::to_arg(name));
    }
    if (fiber != nullptr) {
        SpinGuard hold(fiber->rest->name_lock);
        memcpy(fiber->rest->name, name, length + 1);
    }
    return 0;
}

int rondo_getname_np(rondo_t thread, char* buffer, size_t size) {
    Fiber* fiber = Fiber::from_handle(thread);
    char name[16] = {};
    if (fiber != nullptr) {
        SpinGuard hold(fiber->rest->name_lock);
        memcpy(name, fiber->rest->name, sizeof name);
    } else if (is_callers_kernel_thread(thread)) {
        sys::call(SYS_prctl, PR_GET_NAME, sys::to_arg(name));
    } else {
        return ESRCH;
    }
    if (size <= strlen(name)) {
        return ERANGE;
    }
    memcpy(buffer, name, strlen(name) + 1);
    return 0;
}

int rondo_cancel(rondo_t thread) {
    choice_point("cancel");
    Fiber* fiber = Fiber::from_handle(thread);
    if (fiber == nullptr && is_callers_kernel_thread(thread) && ensure_runtime() == 0) {
        fiber = Fiber::from_handle(thread);
    }
    if (fiber == nullptr) {
        return ESRCH;
    }
    request_cancel(*fiber);
    return 0;
}

int rondo_setcancelstate(int state, int* old_state) {
    if (state != RONDO_CANCEL_ENABLE && state != RONDO_CANCEL_DISABLE) {
        return EINVAL;
    }
    Fiber* fiber = calling_thread();
    std::atomic<uint32_t> nowhere{0};
    bool main_thread = fiber == nullptr && sys::gettid() == sys::getpid();
    std::atomic<uint32_t>& bits =
        fiber != nullptr ? fiber->cancel_bits : (main_thread ? cancel_bits_before_start : nowhere);
    uint32_t before = state == RONDO_CANCEL_DISABLE ? bits.fetch_or(kCancelDisabled) : bits.fetch_and(~kCancelDisabled);
    if (old_state != nullptr) {
        *old_state = (before & kCancelDisabled) != 0 ? RONDO_CANCEL_DISABLE : RONDO_CANCEL_ENABLE;
    }
    return 0;
}

int rondo_setcanceltype(int type, int* old_type) {
    if (type == RONDO_CANCEL_ASYNCHRONOUS) {
        return ENOTSUP;
    }
    if (type != RONDO_CANCEL_DEFERRED) {
        return EINVAL;
    }
    if (old_type != nullptr) {
        *old_type = RONDO_CANCEL_DEFERRED;
    }
    return 0;
}

void rondo_testcancel(void) {
    choice_point("testcancel");
    cancellation_point();
}

void rondo_cleanup_push(struct rondo_cleanup* frame, void (*routine)(void*), void* arg) {
    Fiber* fiber = calling_thread();
    frame->routine = routine;
    frame->arg = arg;
    frame->previous = fiber != nullptr ? fiber->rest->cleanups : nullptr;
    if (fiber != nullptr) {
        fiber->rest->cleanups = frame;
    }
}

// The frame's contents were read before the call, in case the routine ends the thread.
void rondo_cleanup_pop(struct rondo_cleanup* frame, int execute) {
    Fiber* fiber = calling_thread();
    if (fiber != nullptr) {
        fiber->rest->cleanups = frame->previous;
    }
    if (execute != 0) {
        frame->routine(frame->arg);
    }
}

int rondo_key_create(rondo_key_t* key, void (*destructor)(void*)) {
    choice_point("key_create");
    return create_key(*key, destructor);
}

int rondo_key_delete(rondo_key_t key) { return delete_key(key); }

void* rondo_getspecific(rondo_key_t key) {
    const LocalSlots* slots = current_local_slots(false);
    return slots != nullptr ? slots->get(key) : nullptr;
}

int rondo_setspecific(rondo_key_t key, const void* value) {
    LocalSlots* slots = current_local_slots(true);
    return slots != nullptr ? slots->set(key, value) : ENOMEM;
}

int rondo_on_thread(void) { return current_fiber() != nullptr ? 1 : 0; }

int rondo_is_thread(void) { return calling_thread() != nullptr ? 1 : 0; }

void rondo_before_fork(void) { before_fork(); }

void rondo_after_fork(int in_child) { in_child != 0 ? after_fork_in_child() : after_fork_in_parent(); }

int rondo_started(void) { return runtime_started() ? 1 : 0; }

void rondo_dump(int fd) { dump_threads(fd); }

void rondo_get_stats(struct rondo_stats* stats) { fill_stats(*stats); }

const char* rondo_version(void) { return "rondo 0.1.0"; }

}  // extern "C"
