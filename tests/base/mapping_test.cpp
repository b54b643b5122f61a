// SPDX-License-Identifier: Apache-2.0
//
// Private and shared memory are told apart, by every way of asking the kernel.

#include "runtime/base/mapping.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <memory>

#include "support/test.h"

namespace {

using rondo::may_be_shared;

constexpr size_t kBytes = 3 * 4096;

class Mapping {
   public:
    Mapping(int flags, int fd) : start_(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, flags, fd, 0)) {
        REQUIRE(start_ != MAP_FAILED);
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() { munmap(start_, kBytes); }
    const char* at(size_t offset) const { return static_cast<const char*>(start_) + offset; }

   private:
    void* start_;
};

int global = 1;

}  // namespace

TEST_CASE("the process's own memory is not shared") {
    int local = 0;
    auto heap = std::make_unique<int>(0);
    CHECK_FALSE(may_be_shared(&local));
    CHECK_FALSE(may_be_shared(heap.get()));
    CHECK_FALSE(may_be_shared(&global));
    CHECK_FALSE(may_be_shared(Mapping(MAP_PRIVATE | MAP_ANONYMOUS, -1).at(5000)));
}

TEST_CASE("shared memory is, from its first byte to its last") {
    Mapping anonymous(MAP_SHARED | MAP_ANONYMOUS, -1);
    CHECK(may_be_shared(anonymous.at(0)));
    CHECK(may_be_shared(anonymous.at(5000)));
    CHECK(may_be_shared(anonymous.at(kBytes - 1)));
}

TEST_CASE("a file is shared or not by how it is mapped") {
    char name[] = "/tmp/rondo_mapping_XXXXXX";
    rondo_test::Fd fd(mkstemp(name));
    REQUIRE(fd.get() >= 0);
    unlink(name);
    REQUIRE(ftruncate(fd.get(), kBytes) == 0);
    CHECK(may_be_shared(Mapping(MAP_SHARED, fd.get()).at(64)));
    CHECK_FALSE(may_be_shared(Mapping(MAP_PRIVATE, fd.get()).at(64)));
}

TEST_CASE("the lines of the maps say the same") {
    Mapping shared(MAP_SHARED | MAP_ANONYMOUS, -1);
    Mapping own(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    int local = 0;
    CHECK(rondo::may_be_shared_by_lines(shared.at(kBytes - 1)));
    CHECK_FALSE(rondo::may_be_shared_by_lines(own.at(0)));
    CHECK_FALSE(rondo::may_be_shared_by_lines(&local));
    CHECK_FALSE(rondo::may_be_shared_by_lines(nullptr));
}

TEST_CASE("where nothing can be learnt, memory may be shared") {
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit none{0, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    int local = 0;
    bool shared = may_be_shared(&local);
    REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(shared);
}
