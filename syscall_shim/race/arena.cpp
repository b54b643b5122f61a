// SPDX-License-Identifier: Apache-2.0
// See arena.h. Raw system calls, for mmap and write may be somebody else's here.
#include "arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include "../raw_call.h"

namespace rondo::race {
namespace {

using shim::raw_call;
using shim::to_arg;

constexpr size_t kReservation = 64UL << 30;
constexpr size_t kAlignment = 16;

constinit char* arena = nullptr;
constinit size_t used = 0;

[[noreturn]] void end_without_memory() {
    constexpr char kText[] = "rondo: no memory is left to look for data races; RONDO_RACE=off does not look\n";
    raw_call(SYS_write, STDERR_FILENO, to_arg(kText), sizeof kText - 1);
    raw_call(SYS_exit_group, 1);
    __builtin_unreachable();
}

char* reserve() {
    for (size_t bytes = kReservation; bytes >= kReservation >> 6; bytes /= 2) {
        long result = raw_call(SYS_mmap, 0, static_cast<long>(bytes), PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (result > 0) return reinterpret_cast<char*>(result);
    }
    end_without_memory();
}

}  // namespace

void* allocate(size_t bytes) {
    if (arena == nullptr) arena = reserve();
    bytes = (bytes + kAlignment - 1) & ~(kAlignment - 1);
    if (bytes > kReservation - used) end_without_memory();
    char* block = arena + used;
    used += bytes;
    return block;
}

}  // namespace rondo::race
