// SPDX-License-Identifier: Apache-2.0
//
// The process's number, cached in a page that the kernel empties in a forked child (MADV_WIPEONFORK): right after any
// way to fork, and without a system call each time. For owners of locks that several processes share. Any stack.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstdint>

#include "runtime/base/sys.h"

namespace rondo {

class ProcessId {
   public:
    static uint32_t get() {
        std::atomic<uint32_t>* cached = page_.load(std::memory_order_acquire);
        if (cached == nullptr) {
            cached = map_page();
        }
        uint32_t id = cached != nullptr ? cached->load(std::memory_order_relaxed) : 0;
        if (id == 0) {
            id = static_cast<uint32_t>(sys::getpid());
        }
        if (cached != nullptr) {
            cached->store(id, std::memory_order_relaxed);
        }
        return id;
    }

   private:
    static constexpr size_t kPageBytes = 4096;
    static constexpr int kWipeOnFork = 18;  // MADV_WIPEONFORK

    // Null: no page can be had, or the kernel does not empty it.
    static std::atomic<uint32_t>* map_page() {
        void* fresh = sys::mmap(kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
        if (sys::is_error(fresh)) {
            return nullptr;
        }
        auto* mine = static_cast<std::atomic<uint32_t>*>(fresh);
        std::atomic<uint32_t>* theirs = nullptr;
        bool kept = sys::madvise(fresh, kPageBytes, kWipeOnFork) == 0 && page_.compare_exchange_strong(theirs, mine);
        if (!kept) {
            sys::munmap(fresh, kPageBytes);
        }
        return kept ? mine : theirs;
    }

    inline static constinit std::atomic<std::atomic<uint32_t>*> page_{nullptr};
};

}  // namespace rondo
