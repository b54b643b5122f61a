// SPDX-License-Identifier: Apache-2.0
// The functions this library hides: the next definition after ours, looked up with RTLD_NEXT on first use.
//
// A family keeps one constant-initialised Real per hidden function, so a call works before any constructor has run,
// from an allocator's start, and on any stack. Two threads that resolve at once store the same address. RTLD_NEXT finds
// a sanitizer's interceptor where one is loaded, else libc. A function that is missing ends the process with one line:
// there is nothing to fall back to.
//
// dlsym takes libc's lock of the loader, which a constructor that parks inside dlopen holds for long. So all of them
// are resolved before the first dlopen: they stand in a section of their own, an array.
//
// Rejected: resolving the whole table in a constructor. Other libraries' constructors run before ours.
#ifndef RONDO_SHIM_REAL_H
#define RONDO_SHIM_REAL_H

#include <atomic>

#include "export.h"

namespace rondo::shim {

// The address of the next definition of a function or datum; never null.
void* resolve(const char* name);

// Resolves whatever has not been used yet and is there.
void resolve_all();

class RealAddress {
   protected:
    constexpr explicit RealAddress(const char* name) : name_(name) {}

    const char* name_;
    std::atomic<void*> address_{nullptr};

    friend void resolve_all();
};

template <typename F>
class Real : RealAddress {
   public:
    using Pointer = typename Signature<F>::Type*;

    constexpr explicit Real(const char* name) : RealAddress(name) {}

    template <typename... Arguments>
    auto operator()(Arguments... arguments) {
        return get()(arguments...);
    }

    Pointer get() {
        void* address = address_.load(std::memory_order_relaxed);
        if (address == nullptr) {
            address = resolve(name_);
            address_.store(address, std::memory_order_relaxed);
        }
        return reinterpret_cast<Pointer>(address);
    }
};

}  // namespace rondo::shim

#define RONDO_REGISTERED __attribute__((section("rondo_reals"), used))

// Defines real_NAME, of the type that libc's header gives NAME.
#define RONDO_REAL(name) RONDO_REGISTERED constinit rondo::shim::Real<decltype(::name)> real_##name(#name)

#endif
