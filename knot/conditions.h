// SPDX-License-Identifier: Apache-2.0
//
// Conditional requests (RFC 9110 section 13): what a client's validators say about a file's present state.
#pragma once

#include <cstdint>
#include <string_view>

#include "knot/request.h"

namespace knot {

struct Validators {
    std::string_view etag;  // strong, with its quotes
    int64_t modified;       // seconds since 1970
};

// 200: go on; 304 or 412: that is the answer. In the order of section 13.2.2.
int evaluate_conditions(const Request& request, const Validators& current, int64_t now);

// Whether the request's ranges are of the present state: there is no If-Range, or it names that state.
bool ranges_apply(const Request& request, const Validators& current, int64_t now);

}  // namespace knot
