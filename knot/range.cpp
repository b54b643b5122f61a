// SPDX-License-Identifier: Apache-2.0
//
// See range.h.

#include "knot/range.h"

#include <algorithm>

#include "knot/characters.h"
#include "knot/request.h"

namespace knot {

namespace {

constexpr size_t kMostDigits = 18;

// False: not a number. An empty text is kNone.
constexpr uint64_t kNone = UINT64_MAX;

bool parse_number(std::string_view text, uint64_t& value) {
    value = text.empty() ? kNone : 0;
    for (char c : text) {
        if (!is(c, kDigit)) {
            return false;
        }
        value = value * 10 + static_cast<uint64_t>(c - '0');
    }
    return text.size() <= kMostDigits;
}

enum class Kind { wrong, outside, inside };

Kind parse_range(std::string_view text, uint64_t size, ByteRange& range) {
    size_t dash = text.find('-');
    uint64_t first = 0, last = 0;
    if (dash == std::string_view::npos || !parse_number(text.substr(0, dash), first) ||
        !parse_number(text.substr(dash + 1), last) || (first == kNone && last == kNone)) {
        return Kind::wrong;
    }
    if (first == kNone) {
        range = {size - std::min(last, size), std::min(last, size)};
        return range.length > 0 ? Kind::inside : Kind::outside;
    }
    if (last < first) {
        return Kind::wrong;
    }
    if (first >= size) {
        return Kind::outside;
    }
    range = {first, std::min(last, size - 1) - first + 1};
    return Kind::inside;
}

}  // namespace

int parse_ranges(std::string_view field, uint64_t size, ByteRange* out) {
    constexpr std::string_view kUnit = "bytes=";
    if (!equals_ignoring_case(field.substr(0, kUnit.size()), kUnit)) {
        return 0;
    }
    field.remove_prefix(kUnit.size());
    std::string_view text;
    uint64_t sum = 0;
    int count = 0, seen = 0;
    while (next_element(field, text)) {
        if (text.empty()) {
            continue;
        }
        ByteRange range{};
        Kind kind = parse_range(text, size, range);
        if (kind == Kind::wrong || ++seen > kMostRanges) {
            return 0;
        }
        if (kind == Kind::inside) {
            out[count++] = range;
            sum += range.length;
        }
    }
    return seen == 0 || sum > size ? 0 : count > 0 ? count : -1;
}

}  // namespace knot
