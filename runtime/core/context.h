// SPDX-License-Identifier: Apache-2.0
//
// A suspended computation: its stack pointer, with the live registers saved on its own stack by Boost.Context's
// jump_fcontext. This file and context.cpp are the only ones that name Boost, and the only place where the sanitizers
// learn that the stack changes (ASan needs the bounds of the stack we enter, TSan a "fiber" object for each).
//
// A context is resumed by exactly one jump() after the jump() that suspended it. The party that arrives stores the
// stack pointer of the party that left: until then the one that left is not yet resumable. That is why whatever makes
// it resumable (an unlock) has to run on the arriving side.
//
// Rejected: hand-written switch code. It would save 5 ns a switch and cost an architecture-specific file that every
// reader must trust; ucontext makes two system calls a switch.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>

#include "runtime/base/sanitizer.h"

namespace rondo {

class Context {
   public:
    // Prepares a context that runs entry() on the stack [low, top) at the first jump. entry never returns.
    void make(void* low, void* top, void (*entry)());

    // Declares the bounds of a stack that already runs (a kernel thread's own).
    void describe_running(void* low, size_t bytes);

    // Suspends the caller in `from` and resumes `to`. Returns when somebody jumps to `from`.
    [[gnu::always_inline]] static void jump(Context& from, Context& to) { jump_tagged(from, to, false); }

    // The same for a caller that never comes back.
    [[noreturn]] static void jump_last(Context& from, Context& to);

    // Of a suspended context: its stack pointer, at which a SavedContext (saved_context.h) lies. Any thread.
    const void* saved() const { return __atomic_load_n(&pointer_, __ATOMIC_RELAXED); }

    // The context will not run again: frees what the sanitizers keep about it. Not called on the context itself.
    void retire();

    // Says that whoever ran there is gone, without a context of theirs: nothing on that memory is poisoned any more.
    static void forget(void* low, size_t bytes);

   private:
    struct Passage {
        Context* left;
        Context* entered;
    };

    [[gnu::always_inline]] static void jump_tagged(Context& from, Context& to, bool last) {
        Passage passage{&from, &to};
        before_jump(from, to, last);
        land(jump_without_call(to.pointer_, &passage));
        after_jump(from);
    }

    // jump_fcontext leaves by a jump, so a call of it puts an address on the processor's stack of return addresses that
    // no return ever takes off, and each return after a switch would be mispredicted. Entered by a jump as well, it
    // leaves that stack as it was, and threads that wait in the same place even find their own addresses there. (Its
    // caller must not be a leaf function: the address is pushed where such a one may keep its variables.)
    [[gnu::always_inline]] static boost::context::detail::transfer_t jump_without_call(void* to, void* data) {
        boost::context::detail::transfer_t back;
        asm volatile(
            "lea 1f(%%rip), %%rcx\n\t"
            "push %%rcx\n\t"
            "jmp jump_fcontext@PLT\n"
            "1:"
            : "=a"(back.fctx), "=d"(back.data), "+D"(to), "+S"(data)
            :
            : "rcx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
              "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory");
        return back;
    }

    [[gnu::always_inline]] static void land(boost::context::detail::transfer_t transfer) {
        static_cast<Passage*>(transfer.data)->left->pointer_ = transfer.fctx;
    }
#if defined(RONDO_ASAN) || defined(RONDO_TSAN)
    static void before_jump(Context& from, Context& to, bool last);
    static void after_jump(Context& now);
#else
    static void before_jump(Context&, Context&, bool) {}
    static void after_jump(Context&) {}
#endif
    friend struct ContextEntry;

    void* pointer_ = nullptr;
    void (*entry_)() = nullptr;
#if defined(RONDO_ASAN) || defined(RONDO_TSAN)
    const void* low_ = nullptr;
    size_t bytes_ = 0;
    void* fake_stack_ = nullptr;
    void* tsan_fiber_ = nullptr;
#endif
};

}  // namespace rondo
