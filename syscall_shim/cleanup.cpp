// SPDX-License-Identifier: Apache-2.0
// cleanup family: what pthread_cleanup_push and _pop call in C code.
//
// The macro of C (without -fexceptions) saves the frame with setjmp in a buffer on its stack, registers the buffer, and
// on the second return runs the handler and calls __pthread_unwind_next. Here the registered thing is a rondo_cleanup
// frame laid in the buffer's four spare words, with a routine that jumps into the saved frame. Unwinding reaches the
// frame, the routine abandons the unwinder by longjmp, the handler runs on the thread's own stack, and
// __pthread_unwind_next resumes the exit by rondo_exit, which keeps the result it already has. C++ and -fexceptions
// code use destructors instead and need nothing from here.
//
// The buffers are opaque to their users and tell us who registered them: ours hold enter_handler as routine (a jump
// buffer) or our mark as last word (the old _pthread_cleanup_push). The *_defer and *_restore forms differ from the
// plain ones only in the cancellation type, which is always deferred on a Rondo thread.
#include "cleanup.h"

#include <setjmp.h>
#include <unistd.h>

#include "export.h"
#include "guard.h"
#include "raw_call.h"
#include "real.h"
#include "thread_calls.h"

namespace {

using namespace rondo::shim;

using BufferCall = void(__pthread_unwind_buf_t*);
using OldBuffer = _pthread_cleanup_buffer;

RONDO_REGISTERED constinit Real<BufferCall> real_register("__pthread_register_cancel");
RONDO_REGISTERED constinit Real<BufferCall> real_unregister("__pthread_unregister_cancel");
RONDO_REGISTERED constinit Real<BufferCall> real_register_defer("__pthread_register_cancel_defer");
RONDO_REGISTERED constinit Real<BufferCall> real_unregister_restore("__pthread_unregister_cancel_restore");
RONDO_REGISTERED constinit Real<BufferCall> real_unwind_next("__pthread_unwind_next");
RONDO_REGISTERED constinit Real<void(OldBuffer*, void (*)(void*), void*)> real_old_push("_pthread_cleanup_push");
RONDO_REGISTERED constinit Real<void(OldBuffer*, int)> real_old_pop("_pthread_cleanup_pop");

RONDO_REGISTERED constinit Real<void(__jmp_buf_tag*, int)> real_longjmp("siglongjmp");

static_assert(sizeof(rondo_cleanup) <= sizeof(__pthread_unwind_buf_t::__pad));
static_assert(sizeof(rondo_cleanup) <= offsetof(OldBuffer, __prev));

// Newest first. Only main reads or writes it, and only before the start.
constinit rondo_cleanup* early_handlers = nullptr;
char old_buffer_mark;

bool is_early_main() { return !started() && raw_call(SYS_gettid) == getpid(); }

bool is_early(const rondo_cleanup* frame) {
    for (const rondo_cleanup* each = early_handlers; each != nullptr; each = each->previous) {
        if (each == frame) return true;
    }
    return false;
}

// False if the handler must be registered with libc.
bool push(rondo_cleanup* frame, void (*routine)(void*), void* arg) {
    if (is_thread()) {
        rondo_cleanup_push(frame, routine, arg);
        return true;
    }
    if (!is_early_main()) return false;
    *frame = {routine, arg, early_handlers};
    early_handlers = frame;
    return true;
}

void pop(rondo_cleanup* frame, int execute) {
    if (!is_early(frame)) {
        rondo_cleanup_pop(frame, execute);
        return;
    }
    early_handlers = frame->previous;
    if (execute != 0) frame->routine(frame->arg);
}

void enter_handler(void* arg) {
    auto* buffer = static_cast<__pthread_unwind_buf_t*>(arg);
    real_longjmp(reinterpret_cast<__jmp_buf_tag*>(buffer->__cancel_jmp_buf), 1);
}

rondo_cleanup* frame_in(__pthread_unwind_buf_t* buffer) { return reinterpret_cast<rondo_cleanup*>(buffer->__pad); }

rondo_cleanup* frame_in(OldBuffer* buffer) { return reinterpret_cast<rondo_cleanup*>(buffer); }

bool is_ours(__pthread_unwind_buf_t* buffer) { return frame_in(buffer)->routine == enter_handler; }

bool is_ours(const OldBuffer* buffer) { return reinterpret_cast<const char*>(buffer->__prev) == &old_buffer_mark; }

void push_oldest_first(rondo_cleanup* frame) {
    if (frame == nullptr) return;
    push_oldest_first(frame->previous);
    rondo_cleanup_push(frame, frame->routine, frame->arg);
}

}  // namespace

void rondo::shim::move_early_handlers() {
    push_oldest_first(early_handlers);
    early_handlers = nullptr;
}

void rondo::shim::run_early_handler() {
    if (!is_early_main()) return;
    while (early_handlers != nullptr) {
        rondo_cleanup* frame = early_handlers;
        early_handlers = frame->previous;
        frame->routine(frame->arg);
    }
}

RONDO_EXPORT_UNDECLARED(void, __pthread_register_cancel, (__pthread_unwind_buf_t * buffer)) {
    if (!push(frame_in(buffer), enter_handler, buffer)) real_register(buffer);
}

RONDO_EXPORT_UNDECLARED(void, __pthread_unregister_cancel, (__pthread_unwind_buf_t * buffer)) {
    if (is_ours(buffer)) {
        pop(frame_in(buffer), 0);
    } else {
        real_unregister(buffer);
    }
}

RONDO_EXPORT_UNDECLARED(void, __pthread_register_cancel_defer, (__pthread_unwind_buf_t * buffer)) {
    if (!push(frame_in(buffer), enter_handler, buffer)) real_register_defer(buffer);
}

RONDO_EXPORT_UNDECLARED(void, __pthread_unregister_cancel_restore, (__pthread_unwind_buf_t * buffer)) {
    if (is_ours(buffer)) {
        pop(frame_in(buffer), 0);
    } else {
        real_unregister_restore(buffer);
    }
}

RONDO_EXPORT_UNDECLARED(void, __pthread_unwind_next, (__pthread_unwind_buf_t * buffer)) {
    if (is_ours(buffer)) exit_thread(nullptr);
    real_unwind_next(buffer);
}

RONDO_EXPORT_UNDECLARED(void, _pthread_cleanup_push, (OldBuffer * buffer, void (*routine)(void*), void* arg)) {
    if (push(frame_in(buffer), routine, arg)) {
        buffer->__prev = reinterpret_cast<OldBuffer*>(&old_buffer_mark);
    } else {
        real_old_push(buffer, routine, arg);
    }
}
RONDO_ALIAS(_pthread_cleanup_push_defer, _pthread_cleanup_push);

RONDO_EXPORT_UNDECLARED(void, _pthread_cleanup_pop, (OldBuffer * buffer, int execute)) {
    if (is_ours(buffer)) {
        pop(frame_in(buffer), execute);
    } else {
        real_old_pop(buffer, execute);
    }
}
RONDO_ALIAS(_pthread_cleanup_pop_restore, _pthread_cleanup_pop);
