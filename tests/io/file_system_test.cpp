// SPDX-License-Identifier: Apache-2.0
//
// What is learnt of an open descriptor: its type, and whether its file system is local. (A remote one is mounted by
// tests/syscall_shim/files_test.py.)

#include "runtime/io/file_system.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include "runtime/io/path_ops.h"
#include "support/test.h"

namespace {

using rondo::look_at_file;
using rondo::SeenFile;
using rondo_test::Fd;

SeenFile look(const char* path, int flags = O_RDONLY) {
    Fd fd(open(path, flags | O_CLOEXEC));
    REQUIRE(fd.get() >= 0);
    return look_at_file(fd.get());
}

}  // namespace

TEST_CASE("the kernel's own file systems are local") {
    CHECK(look("/proc/self/status").local);
    CHECK(S_ISREG(look("/proc/self/status").type));
    CHECK(S_ISDIR(look("/proc").type));
    SeenFile null = look("/dev/null");
    CHECK(S_ISCHR(null.type));
    CHECK(null.device_major == 1);
}

TEST_CASE("a file in memory is seen as a file") {
    Fd fd(memfd_create("seen", MFD_CLOEXEC));
    CHECK(S_ISREG(look_at_file(fd.get()).type));
}

TEST_CASE("of what is no descriptor nothing is learnt") {
    SeenFile seen = look_at_file(-1);
    CHECK(seen.type == 0);
    CHECK_FALSE(seen.local);
}

TEST_CASE("a look at a path that was just used does not wait, nor one that is none") {
    struct stat status;
    REQUIRE(stat("/proc", &status) == 0);
    CHECK_FALSE(rondo::path_waits(AT_FDCWD, "/proc", true));
    CHECK_FALSE(rondo::path_waits(AT_FDCWD, "", true));
}

TEST_CASE("a look at a FIFO or a device may wait") {
    struct stat status;
    REQUIRE(stat("/dev/null", &status) == 0);
    CHECK(rondo::path_waits(AT_FDCWD, "/dev/null", true));
}
