// SPDX-License-Identifier: Apache-2.0
//
// See signal_code.h. The mapped range of a whole library is taken, code and data alike. Signal handlers ask here first,
// so this file is not instrumented by the thread sanitizer (signal_entry.cpp).

#include "runtime/system/signal_code.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include <time.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/base/real.h"
#include "runtime/base/sanitizer.h"

// Something of the sanitizer's library: its copying of memory is called in the middle of the runtime.
#if defined(RONDO_TSAN)
extern "C" void __tsan_acquire(void*);
#define RONDO_SANITIZERS_OWN __tsan_acquire
#elif defined(RONDO_ASAN)
extern "C" void __asan_init();
#define RONDO_SANITIZERS_OWN __asan_init
#endif

namespace rondo {

namespace {

struct Range {
    std::atomic<uintptr_t> begin{0};
    std::atomic<uintptr_t> end{0};
};

constexpr unsigned kRanges = 16;
constinit Range ranges[kRanges];
constinit std::atomic<unsigned> range_count{0};

void add_range(const void* begin, const void* end) {
    unsigned index = range_count.fetch_add(1, std::memory_order_acq_rel);
    if (index >= kRanges) {
        range_count.store(kRanges, std::memory_order_relaxed);
        return;
    }
    ranges[index].end.store(reinterpret_cast<uintptr_t>(end), std::memory_order_relaxed);
    ranges[index].begin.store(reinterpret_cast<uintptr_t>(begin), std::memory_order_release);
}

// The library that holds the address.
int add_library(dl_phdr_info* info, size_t, void* inside) {
    auto wanted = reinterpret_cast<uintptr_t>(inside);
    uintptr_t low = UINTPTR_MAX;
    uintptr_t high = 0;
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const ElfW(Phdr)& part = info->dlpi_phdr[i];
        if (part.p_type == PT_LOAD) {
            uintptr_t begin = info->dlpi_addr + part.p_vaddr;
            low = begin < low ? begin : low;
            high = begin + part.p_memsz > high ? begin + part.p_memsz : high;
        }
    }
    if (wanted < low || wanted >= high) {
        return 0;
    }
    add_range(reinterpret_cast<void*>(low), reinterpret_cast<void*>(high));
    return 1;
}

#if defined(RONDO_SANITIZERS_OWN)
// libc's variant for this processor, to which the sanitizer hands our copying on: a local symbol of unknown size.
void add_around(const char* name, const char* version) {
    constexpr ptrdiff_t kMargin = 4096;
    if (auto* address = static_cast<const char*>(dlvsym(RTLD_DEFAULT, name, version))) {
        add_range(address - kMargin, address + kMargin);
    }
}
#endif

void add_function(const void* address) {
    Dl_info place;
    ElfW(Sym)* symbol = nullptr;
    if (dladdr1(address, &place, reinterpret_cast<void**>(&symbol), RTLD_DL_SYMENT) != 0 && symbol != nullptr) {
        add_range(address, static_cast<const char*>(address) + symbol->st_size);
    }
}

}  // namespace

void add_library_of(const void* inside) { dl_iterate_phdr(add_library, const_cast<void*>(inside)); }

void find_runtime_code() {
    static bool found = false;  // a forked child starts once more
    if (found) {
        return;
    }
    found = true;
    add_library_of(reinterpret_cast<const void*>(find_runtime_code));
    add_library_of(reinterpret_cast<const void*>(getauxval(AT_SYSINFO_EHDR)));
    add_function(reinterpret_cast<const void*>(real::functions().clock_gettime));
#if defined(RONDO_SANITIZERS_OWN)
    add_library_of(reinterpret_cast<const void*>(RONDO_SANITIZERS_OWN));
    add_around("memcpy", "GLIBC_2.14");
    add_around("memmove", "GLIBC_2.2.5");
    add_around("memset", "GLIBC_2.2.5");
#endif
}

bool in_runtime_code(const void* instruction) {
    auto at = reinterpret_cast<uintptr_t>(instruction);
    for (const Range& range : ranges) {
        uintptr_t begin = range.begin.load(std::memory_order_relaxed);
        if (begin != 0 && at >= begin && at < range.end.load(std::memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

}  // namespace rondo
