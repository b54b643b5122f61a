// SPDX-License-Identifier: Apache-2.0
//
// Dates and conditional requests.

#include "knot/conditions.h"

#include <string>

#include "knot/http_date.h"
#include "support/test.h"

namespace {

using knot::Request;

constexpr int64_t kThen = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr int64_t kNow = 1800000000;
const knot::Validators kCurrent{"\"a,b\"", kThen};

std::string date(int64_t seconds) {
    char text[knot::kDateLength];
    knot::write_http_date(seconds, text);
    return {text, sizeof text};
}

int evaluate(std::string_view Request::*field, std::string_view value, std::string_view Request::*other = nullptr,
             std::string_view other_value = {}) {
    Request request;
    request.*field = value;
    if (other != nullptr) {
        request.*other = other_value;
    }
    return knot::evaluate_conditions(request, kCurrent, kNow);
}

}  // namespace

TEST_CASE("dates are written") {
    CHECK(date(kThen) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(date(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(date(951782400) == "Tue, 29 Feb 2000 00:00:00 GMT");
    char log[knot::kLogDateLength];
    knot::write_log_date(kThen, log);
    CHECK(std::string(log, sizeof log) == "06/Nov/1994:08:49:37 +0000");
}

TEST_CASE("dates are read as they were written") {
    for (int64_t seconds = 0; seconds < 8000000000; seconds += 86400 * 13 + 3601) {
        REQUIRE(knot::parse_http_date(date(seconds), kNow) == seconds);
    }
}

TEST_CASE("dates in three forms, and none") {
    CHECK(knot::parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow) == kThen);
    CHECK(knot::parse_http_date("Sun Nov  6 08:49:37 1994", kNow) == kThen);
    CHECK(knot::parse_http_date("Wednesday, 01-Jan-70 00:00:00 GMT", kNow) == 3155760000);
    for (const char* text :
         {"", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 6 Nov 1994 08:49:37 GMT",
          "Sun, 06 Nom 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
          "Sun, 06 Nov 1869 08:49:37 GMT", "Sun Nov 06 08:49:37 1994 "}) {
        CHECK_MESSAGE(knot::parse_http_date(text, kNow) == -1, text);
    }
}

TEST_CASE("If-None-Match and If-Match") {
    auto none = &Request::if_none_match;
    auto match = &Request::if_match;
    CHECK(knot::evaluate_conditions({}, kCurrent, kNow) == 200);
    for (const char* list : {"\"a,b\"", "W/\"a,b\"", "*", "\"x\", \"a,b\"", "\"x\",,W/\"a,b\" "}) {
        CHECK_MESSAGE(evaluate(none, list) == 304, list);
    }
    for (const char* list : {"\"a\"", "a,b", "\"a,b", "", "\"x\" \"y\"", "w/\"a,b\""}) {
        CHECK_MESSAGE(evaluate(none, list) == 200, list);
    }
    CHECK(evaluate(match, "\"x\", \"a,b\"") == 200);
    CHECK(evaluate(match, "*") == 200);
    CHECK(evaluate(match, "W/\"a,b\"") == 412);
    CHECK(evaluate(match, "\"x\"") == 412);
}

TEST_CASE("dates count where there is no tag") {
    auto modified = &Request::if_modified_since;
    auto unmodified = &Request::if_unmodified_since;
    const std::string before = date(kThen - 1), same = date(kThen), after = date(kThen + 1);
    CHECK(evaluate(modified, before) == 200);
    CHECK(evaluate(modified, same) == 304);
    CHECK(evaluate(modified, after) == 304);
    CHECK(evaluate(modified, "yesterday") == 200);
    CHECK(evaluate(unmodified, before) == 412);
    CHECK(evaluate(unmodified, same) == 200);
    CHECK(evaluate(unmodified, "yesterday") == 200);
    CHECK(evaluate(modified, after, &Request::if_none_match, "\"x\"") == 200);
    CHECK(evaluate(unmodified, before, &Request::if_match, "*") == 200);
}

TEST_CASE("If-Range") {
    auto applies = [](std::string_view value, int64_t now) {
        Request request;
        request.if_range = value;
        return knot::ranges_apply(request, kCurrent, now);
    };
    CHECK(knot::ranges_apply({}, kCurrent, kNow));
    CHECK(applies("\"a,b\"", kNow));
    CHECK_FALSE(applies("\"x\"", kNow));
    CHECK_FALSE(applies("W/\"a,b\"", kNow));
    CHECK(applies(date(kThen), kNow));
    CHECK_FALSE(applies(date(kThen), kThen + 1));
    CHECK_FALSE(applies(date(kThen + 1), kNow));
    CHECK_FALSE(applies("nonsense", kNow));
}
