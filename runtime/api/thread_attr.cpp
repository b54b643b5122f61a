// SPDX-License-Identifier: Apache-2.0
//
// Thread attributes: the C façade over ThreadAttr.

#include <cerrno>
#include <climits>
#include <cstring>

#include "runtime/api/attributes.h"
#include "runtime/base/real.h"
#include "runtime/core/fiber.h"

using namespace rondo;

namespace {

constexpr size_t kPage = 4096;

void set_flag(ThreadAttr& attr, int flag, bool on) { attr.flags = on ? attr.flags | flag : attr.flags & ~flag; }

void describe(const Fiber& fiber, ThreadAttr& attr) {
    bool detached = fiber.join_state.load(std::memory_order_relaxed) == JoinState::detached;
    set_flag(attr, ThreadAttr::kDetached, detached);
    set_flag(attr, ThreadAttr::kStackAddr, true);
    attr.guard_bytes = kGuardBytes;
    attr.stack_top = fiber.stack.top();
    attr.stack_bytes = fiber.stack.bytes();
}

// libc's answer, without the memory that it hangs on its own attributes.
int describe_kernel_thread(rondo_t thread, rondo_attr_t& attr) {
    const real::Functions& libc = real::functions();
    pthread_attr_t theirs;
    if (int error = libc.getattr(thread, &theirs); error != 0) {
        return error;
    }
    memcpy(&attr, &theirs, sizeof attr);
    as<ThreadAttr>(&attr).extension = nullptr;
    libc.attr_destroy(&theirs);
    return 0;
}

}  // namespace

extern "C" {

int rondo_attr_init(rondo_attr_t* attr) {
    memset(attr, 0, sizeof *attr);
    as<ThreadAttr>(attr).guard_bytes = kPage;
    return 0;
}

int rondo_attr_destroy(rondo_attr_t*) { return 0; }

int rondo_attr_setdetachstate(rondo_attr_t* attr, int state) {
    if (state != RONDO_CREATE_JOINABLE && state != RONDO_CREATE_DETACHED) {
        return EINVAL;
    }
    set_flag(as<ThreadAttr>(attr), ThreadAttr::kDetached, state == RONDO_CREATE_DETACHED);
    return 0;
}

int rondo_attr_getdetachstate(const rondo_attr_t* attr, int* state) {
    bool detached = (as<ThreadAttr>(attr).flags & ThreadAttr::kDetached) != 0;
    *state = detached ? RONDO_CREATE_DETACHED : RONDO_CREATE_JOINABLE;
    return 0;
}

int rondo_attr_setstacksize(rondo_attr_t* attr, size_t bytes) {
    if (bytes < static_cast<size_t>(PTHREAD_STACK_MIN)) {
        return EINVAL;
    }
    as<ThreadAttr>(attr).stack_bytes = bytes;
    return 0;
}

int rondo_attr_getstacksize(const rondo_attr_t* attr, size_t* bytes) {
    size_t wanted = as<ThreadAttr>(attr).stack_bytes;
    *bytes = wanted != 0 ? wanted : StackPool::instance().default_bytes();
    return 0;
}

int rondo_attr_setguardsize(rondo_attr_t* attr, size_t bytes) {
    as<ThreadAttr>(attr).guard_bytes = bytes;
    return 0;
}

int rondo_attr_getguardsize(const rondo_attr_t* attr, size_t* bytes) {
    *bytes = as<ThreadAttr>(attr).guard_bytes;
    return 0;
}

int rondo_attr_setstack(rondo_attr_t* attr, void* lowest, size_t bytes) {
    if (bytes < static_cast<size_t>(PTHREAD_STACK_MIN)) {
        return EINVAL;
    }
    auto& wanted = as<ThreadAttr>(attr);
    wanted.stack_top = static_cast<char*>(lowest) + bytes;
    wanted.stack_bytes = bytes;
    set_flag(wanted, ThreadAttr::kStackAddr, true);
    return 0;
}

int rondo_attr_getstack(const rondo_attr_t* attr, void** lowest, size_t* bytes) {
    const auto& wanted = as<ThreadAttr>(attr);
    *bytes = wanted.stack_bytes;
    *lowest = wanted.stack_top - wanted.stack_bytes;
    return 0;
}

int rondo_getattr_np(rondo_t thread, rondo_attr_t* attr) {
    const Fiber* fiber = Fiber::from_handle(thread);
    if (fiber == nullptr || fiber->adopted) {
        return describe_kernel_thread(thread, *attr);
    }
    rondo_attr_init(attr);
    describe(*fiber, as<ThreadAttr>(attr));
    return 0;
}

}  // extern "C"
