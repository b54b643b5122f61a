// SPDX-License-Identifier: Apache-2.0
//
// jump_fcontext hands the arriving side two words: the stack pointer of the side that left, and a pointer of our
// choice. We pass the pair {left, entered}, so that the arriving side can store the first in the context that left.

#include "runtime/core/context.h"

#include <boost/context/detail/fcontext.hpp>

#include "runtime/base/check.h"

#if defined(RONDO_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(RONDO_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

namespace rondo {

namespace fcontext = boost::context::detail;

struct ContextEntry {
#if defined(RONDO_ASAN)
    __attribute__((no_sanitize_address))
#endif
    static void
    start(fcontext::transfer_t transfer) {
        Context* self = static_cast<Context::Passage*>(transfer.data)->entered;
        Context::land(transfer);
        Context::after_jump(*self);
        self->entry_();
        panic("a context's entry function returned", __FILE__, __LINE__);
    }
};

void Context::make(void* low, void* top, void (*entry)()) {
    size_t bytes = static_cast<char*>(top) - static_cast<char*>(low);
    entry_ = entry;
    pointer_ = fcontext::make_fcontext(top, bytes, ContextEntry::start);
#if defined(RONDO_ASAN) || defined(RONDO_TSAN)
    low_ = low;
    bytes_ = bytes;
    fake_stack_ = nullptr;
#endif
#if defined(RONDO_TSAN)
    tsan_fiber_ = __tsan_create_fiber(0);
#endif
}

void Context::describe_running([[maybe_unused]] void* low, [[maybe_unused]] size_t bytes) {
#if defined(RONDO_ASAN) || defined(RONDO_TSAN)
    low_ = low;
    bytes_ = bytes;
#endif
#if defined(RONDO_TSAN)
    tsan_fiber_ = __tsan_get_current_fiber();
#endif
}

void Context::jump_last(Context& from, Context& to) {
    jump_tagged(from, to, true);
    panic("a finished context was resumed", __FILE__, __LINE__);
}

#if defined(RONDO_ASAN) || defined(RONDO_TSAN)
void Context::before_jump([[maybe_unused]] Context& from, Context& to, [[maybe_unused]] bool last) {
#if defined(RONDO_ASAN)
    __sanitizer_start_switch_fiber(last ? nullptr : &from.fake_stack_, to.low_, to.bytes_);
#endif
#if defined(RONDO_TSAN)
    __tsan_switch_to_fiber(to.tsan_fiber_, 0);
#endif
}

void Context::after_jump([[maybe_unused]] Context& now) {
#if defined(RONDO_ASAN)
    __sanitizer_finish_switch_fiber(now.fake_stack_, nullptr, nullptr);
#endif
}
#endif

void Context::forget([[maybe_unused]] void* low, [[maybe_unused]] size_t bytes) {
#if defined(RONDO_ASAN)
    __asan_unpoison_memory_region(low, bytes);
#endif
}

void Context::retire() {
#if defined(RONDO_ASAN)
    __asan_unpoison_memory_region(pointer_, static_cast<const char*>(low_) + bytes_ - static_cast<char*>(pointer_));
#endif
#if defined(RONDO_TSAN)
    __tsan_destroy_fiber(tsan_fiber_);
    tsan_fiber_ = nullptr;
#endif
}

}  // namespace rondo
