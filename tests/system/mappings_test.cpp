// SPDX-License-Identifier: Apache-2.0
//
// Addresses in this program's file, in a library, and in no file.

#include "runtime/system/mappings.h"

#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <string>

#include "support/test.h"

namespace {

std::string file_at(const void* address, uint64_t& offset) {
    char path[PATH_MAX];
    rondo::Text text(path, sizeof path);
    return rondo::find_mapped_file(reinterpret_cast<uint64_t>(address), text, offset) ? path : "";
}

const char kMarker[] = "a constant of this file";

}  // namespace

TEST_CASE("an address in the program and in libc") {
    char own[PATH_MAX] = {};
    REQUIRE(readlink("/proc/self/exe", own, sizeof own - 1) > 0);
    uint64_t offset = 0;
    CHECK(file_at(kMarker, offset) == own);
    FILE* file = fopen(own, "rb");
    REQUIRE(file != nullptr);
    char bytes[sizeof kMarker] = {};
    REQUIRE(fseek(file, static_cast<long>(offset), SEEK_SET) == 0);
    REQUIRE(fread(bytes, sizeof bytes, 1, file) == 1);
    fclose(file);
    CHECK(std::string(bytes) == kMarker);
}

TEST_CASE("an address in no file") {
    uint64_t offset = 0;
    int local = 0;
    CHECK(file_at(&local, offset).empty());
    CHECK(file_at(nullptr, offset).empty());
    char text[64];
    rondo::Text out(text, sizeof text);
    rondo::describe_address(0x10, out);
    CHECK(std::string(text) == "0x10");
}
