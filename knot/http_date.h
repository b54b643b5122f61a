// SPDX-License-Identifier: Apache-2.0
//
// Dates of HTTP (RFC 9110 section 5.6.7): written in the preferred form, read in all three. Arithmetic of the proleptic
// Gregorian calendar, for gmtime and strptime look at the locale and the time zone's file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace knot {

constexpr size_t kDateLength = 29;     // "Sun, 06 Nov 1994 08:49:37 GMT"
constexpr size_t kLogDateLength = 26;  // "06/Nov/1994:08:49:37 +0000"

// Writes kDateLength bytes, no NUL. `seconds` since 1970.
void write_http_date(int64_t seconds, char* out);
// Writes kLogDateLength bytes, no NUL, as access logs have it.
void write_log_date(int64_t seconds, char* out);
// Seconds since 1970, or -1 if it is no date. A year of two digits is taken as the last one less than 50 years ahead of
// `now`.
int64_t parse_http_date(std::string_view text, int64_t now);

}  // namespace knot
