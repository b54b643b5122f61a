// SPDX-License-Identifier: Apache-2.0
//
// Probing and installing stack guards. Any thread, at most once a stack: a guard survives the stack's reuse.

#include "runtime/core/guard.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "runtime/base/reserve.h"
#include "runtime/base/sys.h"

namespace rondo {

namespace {

constexpr int kMadvGuardInstall = 102;
constexpr size_t kDefaultMapCount = 65530;

size_t read_max_map_count() {
    long fd = sys::call(SYS_openat, AT_FDCWD, sys::to_arg("/proc/sys/vm/max_map_count"), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return kDefaultMapCount;
    }
    char text[24];
    long length = sys::read(static_cast<int>(fd), text, sizeof text);
    sys::close(static_cast<int>(fd));
    size_t value = 0;
    for (long i = 0; i < length && text[i] >= '0' && text[i] <= '9'; ++i) {
        value = value * 10 + static_cast<size_t>(text[i] - '0');
    }
    return value > 0 ? value : kDefaultMapCount;
}

}  // namespace

const char* guard_kind_name(GuardKind kind) {
    switch (kind) {
        case GuardKind::madvise:
            return "madvise";
        case GuardKind::mprotect:
            return "mprotect";
        case GuardKind::check:
            break;
    }
    return "check";
}

GuardKind probe_guard_kind() {
    void* page = reserve_bytes(kGuardBytes);
    if (page == nullptr) {
        return GuardKind::mprotect;
    }
    long result = install_guard(GuardKind::madvise, page);
    sys::munmap(page, kGuardBytes);
    return result == 0 ? GuardKind::madvise : GuardKind::mprotect;
}

size_t mprotect_guard_budget() { return read_max_map_count() / 4; }

long install_guard(GuardKind kind, void* low) {
    if (kind == GuardKind::madvise) {
        return sys::madvise(low, kGuardBytes, kMadvGuardInstall);
    }
    return sys::call(SYS_mprotect, sys::to_arg(low), kGuardBytes, PROT_NONE);
}

}  // namespace rondo
