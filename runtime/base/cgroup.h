// SPDX-License-Identifier: Apache-2.0
//
// What this process's control groups allow it, under cgroup v1, v2 or both at once. The answer is the least
// of the limits set on the group and on every group above it, as the kernel applies them. In a container the
// path that the kernel names may lie outside what is mounted; then only its visible ancestors count, of which
// the mount's own root is the container's group.
//
// The hierarchies are looked for where every distribution mounts them: v2 at /sys/fs/cgroup or
// /sys/fs/cgroup/unified, v1 at /sys/fs/cgroup/CONTROLLER. Rejected: reading mountinfo, a parser as long as
// all of this for mounts nobody makes.
//
// Runs on any stack; allocates nothing.
#pragma once

#include <cstdint>

namespace rondo {

enum class CgroupLimit {
    memory_bytes,
    tasks,       // kernel threads and processes
    milli_cpus,  // CPU bandwidth in thousandths of a processor
};

constexpr uint64_t kNoCgroupLimit = UINT64_MAX;

// Where to look; tests give their own.
struct CgroupPaths {
    const char* membership = "/proc/self/cgroup";
    const char* mount = "/sys/fs/cgroup";
};

// kNoCgroupLimit when none is set, or none can be read.
uint64_t cgroup_limit(CgroupLimit limit, const CgroupPaths& paths = {});

}  // namespace rondo
