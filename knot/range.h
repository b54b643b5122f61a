// SPDX-License-Identifier: Apache-2.0
//
// The Range field of a request for bytes (RFC 9110 section 14.2).
//
// A field that is not understood is ignored, which the standard allows for every one. So is one that asks for more than
// kMostRanges ranges, or in sum for more bytes than the file has: it would make the server send a file many times over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace knot {

constexpr int kMostRanges = 16;

struct ByteRange {
    uint64_t first;
    uint64_t length;
};

// The number of satisfiable ranges in `out`, which has room for kMostRanges; 0: to be ignored; -1: none can be
// satisfied.
int parse_ranges(std::string_view field, uint64_t size, ByteRange* out);

}  // namespace knot
