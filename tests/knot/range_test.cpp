// SPDX-License-Identifier: Apache-2.0
//
// The Range field.

#include "knot/range.h"

#include <string>

#include "support/test.h"

namespace {

// The ranges as "first+length …", or "ignored" or "unsatisfiable".
std::string ranges(const std::string& field, uint64_t size) {
    knot::ByteRange out[knot::kMostRanges];
    int count = knot::parse_ranges(field, size, out);
    if (count <= 0) {
        return count == 0 ? "ignored" : "unsatisfiable";
    }
    std::string text;
    for (int i = 0; i < count; ++i) {
        text += (i > 0 ? " " : "") + std::to_string(out[i].first) + "+" + std::to_string(out[i].length);
    }
    return text;
}

}  // namespace

TEST_CASE("ranges") {
    const std::pair<const char*, const char*> cases[] = {
        {"bytes=0-9", "0+10"},
        {"bytes=0-0", "0+1"},
        {"Bytes=5-", "5+95"},
        {"bytes=-7", "93+7"},
        {"bytes=-700", "0+100"},
        {"bytes=90-200", "90+10"},
        {"bytes=99-99999999999999999999", "ignored"},
        {"bytes=0-1,4-5", "0+2 4+2"},
        {"bytes= 0-1 ,\t4-5, ", "0+2 4+2"},
        {"bytes=4-5,0-1", "4+2 0+2"},
        {"bytes=0-1,200-300", "0+2"},
        {"bytes=100-", "unsatisfiable"},
        {"bytes=100-,-0", "unsatisfiable"},
        {"bytes=-0", "unsatisfiable"},
        {"bytes=5-4", "ignored"},
        {"bytes=", "ignored"},
        {"bytes=,", "ignored"},
        {"bytes=-", "ignored"},
        {"bytes=a-b", "ignored"},
        {"bytes=1-2-3", "ignored"},
        {"bytes=+1-2", "ignored"},
        {"bytes 0-1", "ignored"},
        {"lines=0-1", "ignored"},
        {"", "ignored"},
        {"bytes=0-,0-", "ignored"},
        {"bytes=0-60,50-", "ignored"},
    };
    for (const auto& each : cases) {
        const auto& field = each.first;
        CHECK_MESSAGE(ranges(field, 100) == each.second, field);
    }
    CHECK(ranges("bytes=0-", 0) == "unsatisfiable");
    CHECK(ranges("bytes=-5", 0) == "unsatisfiable");
}

TEST_CASE("many ranges are ignored") {
    std::string field = "bytes=0-0";
    for (int i = 1; i < knot::kMostRanges; ++i) {
        field += "," + std::to_string(2 * i) + "-" + std::to_string(2 * i);
    }
    CHECK(ranges(field, 1000) != "ignored");
    CHECK(ranges(field + ",500-500", 1000) == "ignored");
}
