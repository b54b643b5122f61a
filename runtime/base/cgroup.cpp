// SPDX-License-Identifier: Apache-2.0
//
// /proc/self/cgroup has a line "ID:CONTROLLER,CONTROLLER:PATH" a hierarchy; v2's has ID 0 and no controllers.
// For each line that can hold the limit, PATH is walked up to the root. A file that is missing or says "max"
// or -1 sets no limit. cgroup v1 writes "no memory limit" as a huge number of whole pages, hence
// kV1Unlimited.

#include "runtime/base/cgroup.h"

#include <fcntl.h>
#include <limits.h>

#include <string_view>

#include "runtime/base/sys.h"
#include "runtime/base/text.h"

namespace rondo {

namespace {

using std::string_view;

constexpr uint64_t kV1Unlimited = 1ULL << 62;

// The beginning of a small file; empty if it cannot be read.
string_view read_small_file(const char* path, char* buffer, size_t size) {
    long fd = sys::call(SYS_openat, AT_FDCWD, sys::to_arg(path), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return {};
    }
    size_t used = 0;
    for (long got = 1; got > 0 && used<size; used += got> 0 ? static_cast<size_t>(got) : 0) {
        got = sys::read(static_cast<int>(fd), buffer + used, size - used);
    }
    sys::close(static_cast<int>(fd));
    return {buffer, used};
}

// Cuts text at the separator: returns what precedes it, leaves what follows.
string_view cut(string_view& text, char separator) {
    size_t end = text.find(separator);
    string_view head = first(text, end);
    text.remove_prefix(end == string_view::npos ? text.size() : end + 1);
    return head;
}

bool lists(string_view names, string_view wanted) {
    while (!names.empty()) {
        if (cut(names, ',') == wanted) {
            return true;
        }
    }
    return false;
}

// "max", "-1" and anything else that is no number: no limit.
uint64_t to_limit(string_view text) {
    uint64_t value = 0;
    for (char character : text) {
        if (character < '0' || character > '9' || value > kV1Unlimited / 10) {
            return kNoCgroupLimit;
        }
        value = value * 10 + static_cast<uint64_t>(character - '0');
    }
    return text.empty() ? kNoCgroupLimit : value;
}

uint64_t bandwidth(uint64_t quota, uint64_t period) {
    bool limited = quota != kNoCgroupLimit && period != kNoCgroupLimit && period != 0;
    return limited ? (quota * 1000 + period - 1) / period : kNoCgroupLimit;
}

// One group's directory, as text: mount, hierarchy, path.
struct Group {
    string_view mount;
    string_view hierarchy;
    string_view path;

    string_view read(string_view file, char* buffer, size_t size) const {
        char name[PATH_MAX];
        Text text(name, sizeof name);
        text << mount << "/" << hierarchy << path << "/" << file;
        return read_small_file(name, buffer, size);
    }

    uint64_t number(string_view file) const {
        char buffer[64];
        string_view text = read(file, buffer, sizeof buffer);
        return to_limit(cut(text, '\n'));
    }

    uint64_t v1_limit(CgroupLimit limit) const {
        switch (limit) {
            case CgroupLimit::memory_bytes:
                return number("memory.limit_in_bytes");
            case CgroupLimit::tasks:
                return number("pids.max");
            case CgroupLimit::milli_cpus:
                return bandwidth(number("cpu.cfs_quota_us"), number("cpu.cfs_period_us"));
        }
        return kNoCgroupLimit;
    }

    uint64_t v2_limit(CgroupLimit limit) const {
        if (limit != CgroupLimit::milli_cpus) {
            return number(limit == CgroupLimit::tasks ? "pids.max" : "memory.max");
        }
        char buffer[64];
        string_view text = read("cpu.max", buffer, sizeof buffer);
        string_view line = cut(text, '\n');
        uint64_t quota = to_limit(cut(line, ' '));
        return bandwidth(quota, to_limit(line));
    }
};

uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

uint64_t least_up_to_root(Group group, CgroupLimit limit, bool v2) {
    uint64_t found = kNoCgroupLimit;
    while (group.path.ends_with('/')) {
        group.path.remove_suffix(1);
    }
    for (;;) {
        found = least(found, v2 ? group.v2_limit(limit) : group.v1_limit(limit));
        if (group.path.empty()) {
            return found;
        }
        size_t slash = group.path.rfind('/');
        group.path = first(group.path, slash == string_view::npos ? 0 : slash);
    }
}

string_view v1_controller(CgroupLimit limit) {
    switch (limit) {
        case CgroupLimit::memory_bytes:
            return "memory";
        case CgroupLimit::tasks:
            return "pids";
        case CgroupLimit::milli_cpus:
            return "cpu";
    }
    return {};
}

}  // namespace

uint64_t cgroup_limit(CgroupLimit limit, const CgroupPaths& paths) {
    char buffer[PATH_MAX];
    string_view lines = read_small_file(paths.membership, buffer, sizeof buffer);
    string_view controller = v1_controller(limit);
    uint64_t found = kNoCgroupLimit;
    while (!lines.empty()) {
        string_view path = cut(lines, '\n');
        string_view id = cut(path, ':');
        string_view controllers = cut(path, ':');
        if (id == "0" && controllers.empty()) {
            found = least(found, least_up_to_root({paths.mount, "", path}, limit, true));
            found = least(found, least_up_to_root({paths.mount, "unified", path}, limit, true));
        } else if (lists(controllers, controller)) {
            found = least(found, least_up_to_root({paths.mount, controller, path}, limit, false));
        }
    }
    return found;
}

}  // namespace rondo
