// SPDX-License-Identifier: Apache-2.0
//
// Jumps between contexts: there and back, among many, with exceptions in flight in each, with a floating-point mode of
// its own; and the two misuses that panic.

#include "runtime/core/context.h"

#include <pthread.h>

#include <cfenv>
#include <exception>
#include <memory>
#include <stdexcept>

#include "runtime/base/reserve.h"
#include "runtime/core/tls.h"
#include "system/faults.h"

namespace {

using rondo::Context;

constexpr size_t kStack = 256 * 1024;

Context main_context;
Context* running = nullptr;

// The sanitizers want to know the stack that a jump returns to.
void describe_main() {
    pthread_attr_t attr;
    void* low = nullptr;
    size_t bytes = 0;
    REQUIRE(pthread_getattr_np(pthread_self(), &attr) == 0);
    pthread_attr_getstack(&attr, &low, &bytes);
    pthread_attr_destroy(&attr);
    main_context.describe_running(low, bytes);
}

struct Side {
    explicit Side(void (*entry)()) {
        low = static_cast<char*>(rondo::reserve_bytes(kStack));
        REQUIRE(low != nullptr);
        context.make(low, low + kStack, entry);
    }
    Side(const Side&) = delete;
    Side& operator=(const Side&) = delete;
    ~Side() {
        context.retire();
        rondo::sys::munmap(low, kStack);
    }

    void enter() {
        running = &context;
        Context::jump(main_context, context);
    }

    char* low;
    Context context;
};

void back() { Context::jump(*running, main_context); }

[[noreturn]] void leave() { Context::jump_last(*running, main_context); }

int visits = 0;
long sums[200];

void count_visits() {
    for (int i = 0; i < 1000; ++i) {
        ++visits;
        back();
    }
    leave();
}

void sum_up() {
    static int started = 0;
    int mine = started++;
    volatile long local[64];
    for (long i = 0; i < 64; ++i) {
        local[i] = mine * 64 + i;
    }
    for (long i = 0; i < 64; ++i) {
        sums[mine] += local[i];
        back();
    }
    leave();
}

std::string caught[3];
bool kept_errno = true;

void throw_and_catch() {
    static int started = 0;
    int mine = started++;
    rondo::ThreadStatePlaces places;
    places.find();
    places.clear();
    for (int depth = 0; depth < 20; ++depth) {
        errno = 1000 + mine;
        try {
            throw std::runtime_error(std::to_string(mine));
        } catch (const std::runtime_error&) {
            rondo::SavedThreadState saved(places);
            back();
            saved.restore(places);
            kept_errno = kept_errno && errno == 1000 + mine;
            try {
                throw;
            } catch (const std::exception& again) {
                caught[mine] += again.what();
            }
        }
    }
    leave();
}

int rounding_seen = -1;

void round_upward() {
    fesetround(FE_UPWARD);
    back();
    rounding_seen = fegetround();
    leave();
}

void return_at_once() {}

}  // namespace

TEST_CASE("there and back a thousand times") {
    describe_main();
    Side side(count_visits);
    for (int i = 1; i <= 1000; ++i) {
        side.enter();
        REQUIRE(visits == i);
    }
    side.enter();
    CHECK(visits == 1000);
}

TEST_CASE("many contexts keep their own frames") {
    describe_main();
    std::vector<std::unique_ptr<Side>> sides;
    for (int i = 0; i < 200; ++i) {
        sides.push_back(std::make_unique<Side>(sum_up));
    }
    for (int round = 0; round < 65; ++round) {
        for (auto& side : sides) {
            side->enter();
        }
    }
    for (long i = 0; i < 200; ++i) {
        CHECK(sums[i] == 64 * 64 * i + 63 * 32);
    }
}

TEST_CASE("errno and exceptions in flight in several contexts do not mix") {
    describe_main();
    Side first(throw_and_catch);
    Side second(throw_and_catch);
    Side third(throw_and_catch);
    rondo::ThreadStatePlaces places;
    places.find();
    REQUIRE(places.eh != nullptr);
    errno = EXDEV;
    rondo::SavedThreadState ours(places);
    for (int round = 0; round < 21; ++round) {
        for (Side* side : {&first, &second, &third}) {
            side->enter();
        }
    }
    ours.restore(places);
    CHECK(errno == EXDEV);
    CHECK(caught[0] == std::string(20, '0'));
    CHECK(caught[1] == std::string(20, '1'));
    CHECK(caught[2] == std::string(20, '2'));
    CHECK(kept_errno);
    CHECK(std::uncaught_exceptions() == 0);
}

TEST_CASE("the floating-point mode belongs to the context") {
    describe_main();
    Side side(round_upward);
    int before = fegetround();
    REQUIRE(before != FE_UPWARD);
    side.enter();
    CHECK(fegetround() == before);
    side.enter();
    CHECK(rounding_seen == FE_UPWARD);
}

TEST_CASE("an entry function that returns, and a finished context that is resumed, panic") {
    rondo_test::panics_in_child(
        [] {
            describe_main();
            Side side(return_at_once);
            side.enter();
        },
        "a context's entry function returned");
    rondo_test::panics_in_child(
        [] {
            describe_main();
            Side side([] { leave(); });
            side.enter();
            side.enter();
        },
        "a finished context was resumed");
}
