// SPDX-License-Identifier: Apache-2.0
//
// How the 64 KB below a stack are made untouchable. 64 KB, because code built without -fstack-clash-protection may jump
// over a single page with one large frame.
//   madvise   MADV_GUARD_INSTALL (Linux 6.13): page-table markers, no mapping is split, any number of stacks.
//   mprotect  PROT_NONE: two mappings a stack, as many as half of vm.max_map_count allows.
//   check     none in memory: each switch compares the stack pointer with the stack's low end. Said once on stderr.
#pragma once

#include <cstddef>

namespace rondo {

enum class GuardKind : unsigned char { madvise, mprotect, check };

constexpr size_t kGuardBytes = 64 * 1024;

const char* guard_kind_name(GuardKind kind);

// The best kind this kernel has; asked once, at the runtime's start.
GuardKind probe_guard_kind();

// How many PROT_NONE guards the process may install without starving its own mappings.
size_t mprotect_guard_budget();

// 0 or -errno. Not called with GuardKind::check.
long install_guard(GuardKind kind, void* low);

}  // namespace rondo
