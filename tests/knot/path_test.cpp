// SPDX-License-Identifier: Apache-2.0
//
// From paths of requests to names of files.

#include "knot/path.h"

#include <string>

#include "support/test.h"

namespace {

using std::string;

// The name, or the status as text.
string name_of(const string& path) {
    char name[knot::kMostPath + 1];
    int length = knot::file_name(path, name);
    if (length < 0) {
        return std::to_string(-length);
    }
    CHECK(strlen(name) == static_cast<size_t>(length));
    return name;
}

}  // namespace

TEST_CASE("names") {
    const std::pair<const char*, const char*> paths[] = {
        {"/", "index.html"},
        {"/a", "a"},
        {"/a/", "a/index.html"},
        {"/a/b.c", "a/b.c"},
        {"//a///b", "a/b"},
        {"/%61%2Eb", "a.b"},
        {"/./a/.", "a/index.html"},
        {"/a/../b", "b"},
        {"/a/b/..", "a/index.html"},
        {"/a/b/../", "a/index.html"},
        {"/a/%2e%2E/b", "b"},
        {"/a/..", "index.html"},
        {"/...", "..."},
        {"/.well-known/x", ".well-known/x"},
        {"/a%5cb", "a\\b"},
        {"/%c3%bc", "\xc3\xbc"},
    };
    for (const auto& each : paths) {
        const auto& path = each.first;
        CHECK_MESSAGE(name_of(path) == each.second, path);
    }
}

TEST_CASE("paths that lead nowhere") {
    for (const char* path : {"/..", "/../a", "/a/../..", "/%2e%2e/a", "/a/../../b", "/a%00", "/%0a", "/%7f"}) {
        CHECK_MESSAGE(name_of(path) == "400", path);
    }
    for (const char* path : {"/a%2fb", "/..%2f..%2fetc", "/%2F"}) {
        CHECK_MESSAGE(name_of(path) == "404", path);
    }
}

TEST_CASE("a name fits its array") {
    for (size_t length = knot::kMostPath - 20; length < knot::kMostPath + 20; ++length) {
        for (const char* end : {"", "/", "/.", "//x"}) {
            string name = name_of("/" + string(length, 'x') + end);
            CHECK((name == "404" || name.size() <= knot::kMostPath));
        }
    }
    string segments;
    for (int i = 0; i < 2000; ++i) {
        segments += "/a";
    }
    CHECK(name_of(segments) == "404");
    CHECK(name_of(segments + "/") == "404");
    CHECK(name_of(string(5000, '/')) == "index.html");
}
