// SPDX-License-Identifier: Apache-2.0
//
// Bodies: where they end, in whatever cuts they come, and what of a chunked one is refused.

#include "knot/body.h"

#include <string>

#include "support/test.h"

namespace {

using knot::Body;
using knot::Limits;
using knot::Progress;
using std::string;

struct Result {
    Result(Progress how, size_t bytes, int said) : progress(how), used(bytes), status(said) {}

    Progress progress;
    size_t used;
    int status;

    bool operator==(const Result&) const = default;
};

Result feed(Body body, const string& data, size_t cut) {
    Result result(Progress::more, 0, 0);
    do {
        size_t used = 0;
        result.progress = body.consume(std::string_view(data).substr(result.used, cut), used);
        result.used += used;
    } while (result.progress == Progress::more && result.used < data.size());
    result.status = result.progress == Progress::refused ? body.status() : 0;
    return result;
}

Result read(const knot::Request& request, const string& data, const Limits& limits = {}) {
    Result whole = feed(Body(request, limits), data, data.size());
    for (size_t cut = 1; cut < 4; ++cut) {
        CHECK_MESSAGE(feed(Body(request, limits), data, cut) == whole, "cuts of " << cut << ": " << data);
    }
    return whole;
}

Result chunked(const string& data, const Limits& limits = {}) {
    knot::Request request;
    request.chunked = true;
    return read(request, data, limits);
}

}  // namespace

TEST_CASE("a body of a length ends there") {
    knot::Request request;
    request.content_length = 5;
    CHECK(read(request, "12345GET /") == Result(Progress::complete, 5, 0));
    CHECK(read(request, "1234") == Result(Progress::more, 4, 0));
    request.content_length = 0;
    CHECK(Body(request, {}).finished());
}

TEST_CASE("a chunked body ends behind its trailers") {
    for (const char* body : {"0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", "00A\r\n0123456789\r\n0\r\n\r\n",
                             "3;x=\"y\"\r\nabc\r\n0;z\r\n\r\n", "1\r\na\r\n1\r\nb\r\n0\r\nX: y\r\nZ:\r\n\r\n"}) {
        string text = body;
        CHECK_MESSAGE(chunked(text + "GET /") == Result(Progress::complete, text.size(), 0), text);
        CHECK(chunked(text.substr(0, text.size() - 1)).progress == Progress::more);
    }
}

TEST_CASE("a chunked body is held to its grammar") {
    for (const char* body : {"\r\n",
                             "g\r\n",
                             " 3\r\nabc\r\n",
                             "3 \r\nabc\r\n",
                             "+3\r\nabc\r\n",
                             "0x3\r\nabc\r\n",
                             "3\nabc\r\n",
                             "3\rabc",
                             "3\r\nabcd\r\n",
                             "3\r\nabc\n",
                             "3\r\nabc\rX",
                             "3\r\nabc0\r\n",
                             "3;a\nb\r\n",
                             "3;a\x01\r\n",
                             "0\r\nX\r\n\r\n",
                             "0\r\n X: y\r\n\r\n",
                             "0\r\nX : y\r\n\r\n",
                             "0\r\nX: y\n\r\n",
                             "0\r\n\n",
                             "-1\r\n",
                             "11111111111111111\r\n"}) {
        Result result = chunked(body);
        CHECK_MESSAGE(result.progress == Progress::refused, body);
        CHECK((result.status == 400 || result.status == 413));
    }
    CHECK(chunked("3;" + string(300, 'x')).status == 400);
    CHECK(chunked("0\r\nX: " + string(5000, 'x')).status == 431);
}

TEST_CASE("the limit counts every byte") {
    Limits limits;
    limits.body = 100;
    CHECK(chunked("ffff\r\n", limits).status == 413);
    string small;
    for (int i = 0; i < 30; ++i) {
        small += "1\r\nx\r\n";
    }
    CHECK(chunked(small, limits).status == 413);
}
