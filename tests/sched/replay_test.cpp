// SPDX-License-Identifier: Apache-2.0
//
// The text of a trace as a source of choices.

#include "runtime/sched/replay.h"

#include <string>

#include "support/test.h"

namespace {

constexpr rondo::ChoiceKind kNext = rondo::ChoiceKind::next;
constexpr rondo::ChoiceKind kYield = rondo::ChoiceKind::yield;

std::string problem_of(std::string_view text) {
    char error[128] = "";
    rondo::Text message(error, sizeof error);
    rondo::Replay replay;
    bool good = replay.take(text, message);
    CHECK(good == (error[0] == '\0'));
    return error;
}

}  // namespace

TEST_CASE("what is listed is taken, the rest is 0") {
    const char* text = "rondo-trace 1 seed:42\n\n3 next 2  # thread 4\n# a remark\n5 yield 1\n  9   next   1";
    char error[128];
    rondo::Text message(error, sizeof error);
    rondo::Replay replay;
    REQUIRE(replay.take(text, message));
    for (int round = 0; round < 2; ++round) {
        CHECK(replay.answer(0, kNext, 8) == 0);
        CHECK(replay.answer(3, kNext, 8) == 2);
        CHECK(replay.answer(4, kYield, 2) == 0);
        CHECK(replay.answer(5, kYield, 2) == 1);
        CHECK(replay.answer(9, kNext, 2) == 1);
        CHECK(replay.answer(10, kNext, 2) == 0);
        replay.rewind();
    }
}

TEST_CASE("what does not fit any more is 0") {
    char error[128];
    rondo::Text message(error, sizeof error);
    rondo::Replay replay;
    REQUIRE(replay.take("rondo-trace 1 replay\n0 next 3\n1 next 1\n7 yield 1\n8 next 1\n", message));
    CHECK(replay.answer(0, kNext, 3) == 0);
    CHECK(replay.answer(1, kYield, 2) == 0);
    CHECK(replay.answer(8, kNext, 2) == 1);
}

TEST_CASE("a trace without choices, and none at all") {
    CHECK(problem_of("rondo-trace 1 seed:0\n") == "");
    rondo::Replay nothing;
    CHECK(nothing.answer(0, kNext, 5) == 0);
    CHECK(nothing.answer(1, kNext, 5) == 0);
}

TEST_CASE("what is no trace is refused with its line") {
    CHECK(problem_of("") == "no trace: it must begin with \"rondo-trace 1 \"");
    CHECK(problem_of("rondo-trace 1 \n1 next") == "not a choice: 1 next");
    CHECK(problem_of("rondo-trace 1 \n1 nxt 1") == "not a choice: 1 nxt 1");
    CHECK(problem_of("rondo-trace 1 \n1 next 1 x") == "not a choice: 1 next 1 x");
    CHECK(problem_of("rondo-trace 1 \n1 next -1") == "not a choice: 1 next -1");
    CHECK(problem_of("rondo-trace 1 \n4 next 1\n3 next 1") == "not in order: 3 next 1");
    CHECK(problem_of("rondo-trace 1 \n4 next 1\n4 next 1") == "not in order: 4 next 1");
}
