// SPDX-License-Identifier: Apache-2.0
//
// Lines as they arrive at a descriptor: every kind of value, columns, and a line that is too long.

#include "runtime/base/print.h"

#include <cstdint>
#include <string>

#include "support/test.h"

namespace {

std::string sent(rondo::Line& line) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    line.send(ends[1]);
    close(ends[1]);
    char text[1024];
    ssize_t length = read(ends[0], text, sizeof text);
    close(ends[0]);
    REQUIRE(length >= 0);
    return {text, static_cast<size_t>(length)};
}

template <typename T>
std::string printed(T value) {
    rondo::Line line;
    line << value;
    return sent(line);
}

}  // namespace

TEST_CASE("values") {
    CHECK(printed("text") == "text\n");
    CHECK(printed("") == "\n");
    CHECK(printed('c') == "c\n");
    CHECK(printed(0) == "0\n");
    CHECK(printed(-1) == "-1\n");
    CHECK(printed(4294967295U) == "4294967295\n");
    CHECK(printed(uint64_t{UINT64_MAX}) == "18446744073709551615\n");
    CHECK(printed(int64_t{INT64_MIN}) == "-9223372036854775808\n");
    CHECK(printed(int64_t{INT64_MAX}) == "9223372036854775807\n");
    CHECK(printed(reinterpret_cast<const void*>(uintptr_t{0xfedcba9876543210})) == "0xfedcba9876543210\n");
    CHECK(printed(static_cast<const void*>(nullptr)) == "0x0\n");
}

TEST_CASE("columns pad, and never cut") {
    rondo::Line line;
    line << "ab";
    line.column(5) << "c";
    line.column(3) << "d";
    CHECK(sent(line) == "ab   cd\n");
}

TEST_CASE("a line that is too long is cut and ends in a newline") {
    rondo::Line line;
    std::string expected;
    for (int i = 0; i < 100; ++i) {
        line << "0123456789" << i;
        expected += "0123456789" + std::to_string(i);
    }
    CHECK(sent(line) == expected.substr(0, 255) + "\n");
}
