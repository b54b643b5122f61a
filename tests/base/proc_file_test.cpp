// SPDX-License-Identifier: Apache-2.0
//
// Lines and numbers of /proc: lines that end, that do not, and that are longer than the buffer.

#include "runtime/base/proc_file.h"

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "support/test.h"

namespace {

std::vector<std::string> lines_of(const std::string& content) {
    char path[] = "/tmp/rondo-proc-file-XXXXXX";
    int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    REQUIRE(write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
    close(fd);
    std::vector<std::string> lines;
    {
        rondo::ProcFile file(path);
        std::string_view line;
        while (file.next_line(line)) {
            lines.emplace_back(line);
        }
    }
    unlink(path);
    return lines;
}

}  // namespace

TEST_CASE("lines") {
    using Lines = std::vector<std::string>;
    CHECK(lines_of("").empty());
    CHECK(lines_of("one") == Lines{"one"});
    CHECK(lines_of("one\ntwo\n") == Lines{"one", "two"});
    CHECK(lines_of("\n\nthree") == Lines{"", "", "three"});
}

TEST_CASE("lines across the buffer's end stay whole") {
    std::string content;
    for (int i = 0; i < 2000; ++i) {
        content += std::to_string(i) + std::string(static_cast<size_t>(i % 50), 'x') + "\n";
    }
    std::vector<std::string> lines = lines_of(content);
    REQUIRE(lines.size() == 2000);
    CHECK(lines[1999] == "1999" + std::string(49, 'x'));
}

TEST_CASE("a line longer than the buffer comes in parts") {
    std::string content(20000, 'y');
    std::string joined;
    for (const std::string& line : lines_of(content + "\nz\n")) {
        joined += line;
    }
    CHECK(joined == content + "z");
}

TEST_CASE("a file that is not there has no lines") {
    rondo::ProcFile file("/nonexistent");
    std::string_view line;
    CHECK_FALSE(file.next_line(line));
}

TEST_CASE("words and numbers") {
    std::string_view text = "  12 0xff ab-cd";
    CHECK(rondo::to_number(rondo::take_word(text), 10) == 12);
    CHECK(rondo::to_number(rondo::take_word(text), 16) == 255);
    CHECK(rondo::take_word(text, '-') == " ab");
    CHECK(rondo::take_word(text, '-') == "cd");
    CHECK(rondo::take_word(text).empty());
    CHECK(rondo::to_number("cd", 16) == 0xcd);
    CHECK(rondo::to_number("7x", 10) == 7);
}
