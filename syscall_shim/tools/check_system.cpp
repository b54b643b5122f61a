// SPDX-License-Identifier: Apache-2.0
//
// Section of --check: the kernel and C library, the I/O backend and why it is that one, and how many workers.

#include <gnu/libc-version.h>
#include <sched.h>
#include <sys/utsname.h>

#include "runtime/base/cgroup.h"
#include "syscall_shim/tools/check.h"
#include "syscall_shim/tools/kernel.h"

namespace rondo {

namespace {

void check_kernel() {
    utsname name;
    uname(&name);
    report("kernel",
           std::string(name.sysname) + " " + name.release + " " + name.machine + ", glibc " + gnu_get_libc_version());
}

void check_backend(const Settings& settings) {
    std::string missing = missing_from_kernel();
    if (!missing.empty()) {
        return report("I/O backend", "none: " + missing);
    }
    report("I/O backend", settings.io == IoChoice::epoll ? "epoll, as RONDO_IO asks"
                                                         : "epoll: the one backend of this version; the kernel has it");
}

void check_workers(const Settings& settings) {
    if (settings.workers != 0) {
        return report("workers", std::to_string(settings.workers) + ", as RONDO_WORKERS asks");
    }
    cpu_set_t mask;
    int allowed = sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 0;
    uint64_t quota = cgroup_limit(CgroupLimit::milli_cpus);
    std::string why = "CPUs it may run on: " + std::to_string(allowed) + "; ";
    if (quota == kNoCgroupLimit) {
        why += "no cgroup CPU quota";
    } else {
        std::string thousandths = std::to_string(1000 + quota % 1000).substr(1);
        why += "the cgroup's CPU quota is " + std::to_string(quota / 1000) + "." + thousandths + " CPUs";
    }
    report("workers", std::to_string(default_workers()) + ": " + why);
}

}  // namespace

void check_system(const Settings& settings) {
    check_kernel();
    check_backend(settings);
    check_workers(settings);
}

}  // namespace rondo
