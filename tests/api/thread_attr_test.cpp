// SPDX-License-Identifier: Apache-2.0
//
// Thread attributes and names: what is asked for is what the thread gets. A requested stack is usable to four fifths
// by real recursion, measured in addresses, so that the frame size a compiler or sanitizer chooses does not matter.
#include "api_test.h"

using namespace rondo::api_test;

namespace {

class Attr {
   public:
    Attr() { REQUIRE(rondo_attr_init(&attr_) == 0); }
    Attr(const Attr&) = delete;
    Attr& operator=(const Attr&) = delete;
    ~Attr() { rondo_attr_destroy(&attr_); }
    rondo_attr_t* get() { return &attr_; }

   private:
    rondo_attr_t attr_;
};

uintptr_t address_of(const volatile void* object) { return reinterpret_cast<uintptr_t>(object); }

// Returns the depth reached, so that the compiler keeps the frames.
[[gnu::noinline]] int recurse_to(uintptr_t lowest) {
    volatile char frame[512];
    frame[0] = 1;
    if (address_of(frame) <= lowest) return frame[0];
    return recurse_to(lowest) + frame[0];
}

int use_stack(size_t bytes) {
    Attr attr;
    REQUIRE(rondo_attr_setstacksize(attr.get(), bytes) == 0);
    int depth = 0;
    Thread thread(
        [&depth, bytes] {
            char here = 0;
            depth = recurse_to(address_of(&here) - bytes * 8 / 10);
        },
        attr.get());
    thread.join();
    return depth;
}

}  // namespace

TEST_CASE("attributes start at the defaults and keep what is set") {
    Attr attr;
    int state = -1;
    CHECK(rondo_attr_getdetachstate(attr.get(), &state) == 0);
    CHECK(state == RONDO_CREATE_JOINABLE);
    size_t bytes = 0;
    CHECK(rondo_attr_getstacksize(attr.get(), &bytes) == 0);
    CHECK(bytes >= 65536);
    CHECK(rondo_attr_setdetachstate(attr.get(), RONDO_CREATE_DETACHED) == 0);
    CHECK(rondo_attr_getdetachstate(attr.get(), &state) == 0);
    CHECK(state == RONDO_CREATE_DETACHED);
    CHECK(rondo_attr_setstacksize(attr.get(), 1 << 20) == 0);
    CHECK(rondo_attr_getstacksize(attr.get(), &bytes) == 0);
    CHECK(bytes == 1 << 20);
    CHECK(rondo_attr_setguardsize(attr.get(), 8192) == 0);
    CHECK(rondo_attr_getguardsize(attr.get(), &bytes) == 0);
    CHECK(bytes == 8192);
}

TEST_CASE("attributes refuse what cannot be") {
    Attr attr;
    CHECK(rondo_attr_setdetachstate(attr.get(), 77) == EINVAL);
    CHECK(rondo_attr_setstacksize(attr.get(), 16383) == EINVAL);
    CHECK(rondo_attr_setstacksize(attr.get(), 16384) == 0);
    char small[64];
    CHECK(rondo_attr_setstack(attr.get(), small, sizeof small) == EINVAL);
}

TEST_CASE("an address space that cannot hold the stack is an error, not a crash") {
    Attr attr;
    REQUIRE(rondo_attr_setstacksize(attr.get(), size_t{1} << 50) == 0);
    rondo_t id;
    int rc = rondo_create(
        &id, attr.get(), [](void*) -> void* { return nullptr; }, nullptr);
    CHECK((rc == EAGAIN || rc == ENOMEM || rc == EINVAL));
}

TEST_CASE("four fifths of the requested stack can be used") {
    CHECK(use_stack(64 << 10) > 10);
    CHECK(use_stack(256 << 10) > 10);
    CHECK(use_stack(1 << 20) > 10);
    CHECK(use_stack(5'000'000) > 10);
    CHECK(use_stack(16 << 20) > 10);
}

TEST_CASE("the default stack holds four megabytes of frames") {
    int depth = 0;
    Thread([&depth] {
        char here = 0;
        depth = recurse_to(address_of(&here) - (4 << 20));
    }).join();
    CHECK(depth > 10);
}

TEST_CASE("a stack of the caller's own is kept in the attributes, and refused" * doctest::skip(kNptl)) {
    constexpr size_t kBytes = 256 << 10;
    void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    Attr attr;
    REQUIRE(rondo_attr_setstack(attr.get(), memory, kBytes) == 0);
    void* lowest = nullptr;
    size_t bytes = 0;
    CHECK(rondo_attr_getstack(attr.get(), &lowest, &bytes) == 0);
    CHECK(lowest == memory);
    CHECK(bytes == kBytes);
    rondo_t id;
    CHECK(rondo_create(
              &id, attr.get(), [](void*) -> void* { return nullptr; }, nullptr) == EINVAL);
    CHECK(munmap(memory, kBytes) == 0);
}

TEST_CASE("getattr_np tells a running thread's stack and state") {
    Attr wanted;
    REQUIRE(rondo_attr_setstacksize(wanted.get(), 512 << 10) == 0);
    void* lowest = nullptr;
    size_t bytes = 0;
    uintptr_t inside = 0;
    int rc = -1;
    int state = -1;
    Thread(
        [&] {
            char here = 0;
            rondo_attr_t got;
            rc = rondo_getattr_np(rondo_self(), &got);
            rondo_attr_getstack(&got, &lowest, &bytes);
            rondo_attr_getdetachstate(&got, &state);
            rondo_attr_destroy(&got);
            inside = address_of(&here);
        },
        wanted.get())
        .join();
    CHECK(rc == 0);
    CHECK(state == RONDO_CREATE_JOINABLE);
    CHECK(bytes >= 400 << 10);
    CHECK(inside >= address_of(lowest));
    CHECK(inside < address_of(lowest) + bytes);
}

TEST_CASE("main's own stack is told too") {
    Thread([] {}).join();
    char here = 0;
    rondo_attr_t got;
    REQUIRE(rondo_getattr_np(rondo_self(), &got) == 0);
    void* lowest = nullptr;
    size_t bytes = 0;
    CHECK(rondo_attr_getstack(&got, &lowest, &bytes) == 0);
    rondo_attr_destroy(&got);
    CHECK(address_of(&here) >= address_of(lowest));
    CHECK(address_of(&here) < address_of(lowest) + bytes);
}

TEST_CASE("a thread created detached cannot be joined") {
    static Gate gate;
    static std::atomic<bool> done{false};
    Attr attr;
    REQUIRE(rondo_attr_setdetachstate(attr.get(), RONDO_CREATE_DETACHED) == 0);
    rondo_t id;
    REQUIRE(rondo_create(
                &id, attr.get(),
                [](void*) -> void* {
                    gate.pass();
                    done.store(true);
                    return nullptr;
                },
                nullptr) == 0);
    CHECK(rondo_join(id, nullptr) == EINVAL);
    gate.open();
    CHECK(eventually([] { return done.load(); }));
}

TEST_CASE("names are kept per thread, up to fifteen bytes") {
    Gate gate;
    Thread thread([&gate] { gate.pass(); });
    char name[32] = "";
    CHECK(rondo_setname_np(thread.id(), "fifteen-bytes-x") == 0);
    CHECK(rondo_getname_np(thread.id(), name, sizeof name) == 0);
    CHECK(std::string(name) == "fifteen-bytes-x");
    CHECK(rondo_setname_np(thread.id(), "sixteen-bytes-xy") == ERANGE);
    CHECK(rondo_getname_np(thread.id(), name, 3) == ERANGE);
    std::string own;
    Thread([&own] {
        char mine[32];
        rondo_setname_np(rondo_self(), "own");
        rondo_yield();
        rondo_getname_np(rondo_self(), mine, sizeof mine);
        own = mine;
    }).join();
    CHECK(own == "own");
    CHECK(rondo_getname_np(thread.id(), name, sizeof name) == 0);
    CHECK(std::string(name) == "fifteen-bytes-x");
    gate.open();
}
