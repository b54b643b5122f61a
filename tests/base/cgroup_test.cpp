// SPDX-License-Identifier: Apache-2.0
//
// Limits of control groups, read from trees of files made for each case: v1, v2, both, nested, hidden by a
// container.

#include "runtime/base/cgroup.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/test.h"

namespace {

using rondo::cgroup_limit;
using rondo::CgroupLimit;
using rondo::kNoCgroupLimit;

class Tree {
   public:
    explicit Tree(const std::string& membership) {
        char pattern[] = "/tmp/rondo_cgroup_XXXXXX";
        root_ = mkdtemp(pattern);
        write("membership", membership);
    }
    ~Tree() { std::filesystem::remove_all(root_); }
    Tree(const Tree&) = delete;
    Tree& operator=(const Tree&) = delete;

    void write(const std::string& file, const std::string& text) const {
        std::filesystem::path path = root_ + "/" + file;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }

    uint64_t limit(CgroupLimit which) const {
        std::string membership = root_ + "/membership";
        std::string mount = root_ + "/mount";
        return cgroup_limit(which, {membership.c_str(), mount.c_str()});
    }

   private:
    std::string root_;
};

}  // namespace

TEST_CASE("nothing mounted, nothing readable") {
    Tree tree("0::/a/b\n4:memory:/c\n");
    CHECK(tree.limit(CgroupLimit::memory_bytes) == kNoCgroupLimit);
    CHECK(tree.limit(CgroupLimit::milli_cpus) == kNoCgroupLimit);
    CHECK(cgroup_limit(CgroupLimit::tasks, {"/nonexistent", "/nonexistent"}) == kNoCgroupLimit);
}

TEST_CASE("v2: the least on the way up") {
    Tree tree("0::/a/b\n");
    tree.write("mount/a/b/cpu.max", "max 100000\n");
    tree.write("mount/a/cpu.max", "150000 100000\n");
    tree.write("mount/a/b/memory.max", "1000000\n");
    tree.write("mount/a/memory.max", "2000000\n");
    tree.write("mount/a/pids.max", "64\n");
    CHECK(tree.limit(CgroupLimit::milli_cpus) == 1500);
    CHECK(tree.limit(CgroupLimit::memory_bytes) == 1000000);
    CHECK(tree.limit(CgroupLimit::tasks) == 64);
}

TEST_CASE("v1: one hierarchy a controller") {
    Tree tree("9:name=systemd:/\n4:memory:/x\n2:cpu,cpuacct:/y\n1:pids:/\n");
    tree.write("mount/cpu/y/cpu.cfs_quota_us", "25000\n");
    tree.write("mount/cpu/y/cpu.cfs_period_us", "100000\n");
    tree.write("mount/cpu/cpu.cfs_quota_us", "-1\n");
    tree.write("mount/cpu/cpu.cfs_period_us", "100000\n");
    tree.write("mount/memory/x/memory.limit_in_bytes", "9223372036854771712\n");
    tree.write("mount/memory/memory.limit_in_bytes", "4096\n");
    tree.write("mount/pids/pids.max", "max\n");
    CHECK(tree.limit(CgroupLimit::milli_cpus) == 250);
    CHECK(tree.limit(CgroupLimit::memory_bytes) == 4096);
    CHECK(tree.limit(CgroupLimit::tasks) == kNoCgroupLimit);
}

TEST_CASE("v1 and v2 together, v2 under unified") {
    Tree tree("4:memory:/\n0::/s\n");
    tree.write("mount/memory/memory.limit_in_bytes", "9223372036854771712\n");
    tree.write("mount/unified/s/pids.max", "12\n");
    CHECK(tree.limit(CgroupLimit::memory_bytes) == kNoCgroupLimit);
    CHECK(tree.limit(CgroupLimit::tasks) == 12);
}

TEST_CASE("a container sees its own group as the root of the mount") {
    Tree tree("0::/../../docker/0123\n2:cpu:/docker/0123\n");
    tree.write("mount/cpu/cpu.cfs_quota_us", "200001\n");
    tree.write("mount/cpu/cpu.cfs_period_us", "100000\n");
    CHECK(tree.limit(CgroupLimit::milli_cpus) == 2001);
}

TEST_CASE("nonsense is no limit") {
    Tree tree("garbage\n::::\n0::\n0::relative/a\n");
    tree.write("mount/pids.max", "twelve\n");
    tree.write("mount/cpu.max", "100 0\n");
    tree.write("mount/memory.max", "999999999999999999999999999\n");
    CHECK(tree.limit(CgroupLimit::tasks) == kNoCgroupLimit);
    CHECK(tree.limit(CgroupLimit::milli_cpus) == kNoCgroupLimit);
    CHECK(tree.limit(CgroupLimit::memory_bytes) == kNoCgroupLimit);
}
