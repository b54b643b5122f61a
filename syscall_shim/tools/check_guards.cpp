// SPDX-License-Identifier: Apache-2.0
//
// Section of --check: what lies below each stack to stop an overflow. The runtime's own probe decides.

#include "runtime/core/guard.h"
#include "syscall_shim/tools/check.h"

namespace rondo {

void check_guards() {
    if (probe_guard_kind() == GuardKind::madvise) {
        return report("stack guards",
                      "madvise: this kernel has MADV_GUARD_INSTALL, so guards cost no memory mappings "
                      "and every thread has one");
    }
    report("stack guards",
           "mprotect: this kernel lacks MADV_GUARD_INSTALL (Linux 6.13), so a guard costs two memory "
           "mappings; " +
               grouped(mprotect_guard_budget()) +
               " threads have one, and stacks beyond that are checked at each switch");
}

}  // namespace rondo
