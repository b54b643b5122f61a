// SPDX-License-Identifier: Apache-2.0
//
// The parser of request heads: what it takes, what it refuses and with which status, and that neither depends on how
// the bytes were cut. The corpus beside this file holds many more refusals, sent to a running server.

#include "knot/request.h"

#include <string>

#include "support/test.h"

namespace {

using knot::Limits;
using knot::Method;
using knot::Progress;
using knot::RequestParser;
using std::string;

const Limits kLimits;

struct Result {
    Progress progress;
    int status;
    size_t length;
    string line, path;

    bool operator==(const Result&) const = default;
};

Result result_of(const RequestParser& parser, Progress progress) {
    bool complete = progress == Progress::complete;
    return {progress, parser.status(), complete ? parser.length() : 0, string(parser.request().line),
            complete ? string(parser.request().path) : ""};
}

Result parse_whole(const string& text, const Limits& limits = kLimits) {
    RequestParser parser(limits);
    Progress progress = parser.parse(text);
    return result_of(parser, progress);
}

// A byte more at each call, in memory of just that size.
Result parse_by_bytes(const string& text, const Limits& limits = kLimits) {
    RequestParser parser(limits);
    Progress progress = Progress::more;
    for (size_t length = 1; length <= text.size() && progress == Progress::more; ++length) {
        progress = parser.parse(std::string_view(text).substr(0, length));
    }
    return result_of(parser, progress);
}

int status_of(const string& text) {
    Result whole = parse_whole(text);
    CHECK_MESSAGE(whole == parse_by_bytes(text), "depends on the cuts: " << text);
    return whole.progress == Progress::complete ? 200 : whole.status;
}

string get(const string& fields, const string& target = "/", const string& version = "1.1") {
    return "GET " + target + " HTTP/" + version + "\r\n" + fields + "\r\n";
}

const string kHost = "Host: example.org\r\n";

}  // namespace

TEST_CASE("a usual request") {
    const string text =
        get("Host: example.org:8080\r\nUser-Agent: test/1 (x; y)\r\nReferer:  http://a/ \t\r\nX-Other:\r\n",
            "/a/b%20c?d=e&f");
    const string more = text + "GET /next";
    RequestParser parser(kLimits);
    REQUIRE(parser.parse(more) == Progress::complete);
    const knot::Request& request = parser.request();
    CHECK(parser.length() == text.size());
    CHECK(request.method == Method::get);
    CHECK(request.line == "GET /a/b%20c?d=e&f HTTP/1.1");
    CHECK(request.path == "/a/b%20c");
    CHECK(request.query == "?d=e&f");
    CHECK(request.host == "example.org:8080");
    CHECK(request.user_agent == "test/1 (x; y)");
    CHECK(request.referer == "http://a/");
    CHECK(request.keep_alive);
    CHECK_FALSE(request.has_body());
    CHECK_FALSE(request.plain_path);
}

TEST_CASE("a head is wanted until its empty line") {
    const string text = get(kHost);
    for (size_t length = 0; length < text.size(); ++length) {
        CHECK(parse_whole(text.substr(0, length)).progress == Progress::more);
    }
    CHECK(status_of(text) == 200);
    CHECK(status_of("\r\n" + text) == 200);
    CHECK(status_of("\r\n\r\n" + text) == 400);
}

TEST_CASE("methods") {
    const std::pair<const char*, Method> known[] = {
        {"GET", Method::get},      {"HEAD", Method::head},       {"OPTIONS", Method::options}, {"POST", Method::other},
        {"PUT", Method::other},    {"DELETE", Method::other},    {"TRACE", Method::other},     {"get", Method::unknown},
        {"GETT", Method::unknown}, {"M-SEARCH", Method::unknown}};
    for (const auto& each : known) {
        const auto& name = each.first;
        RequestParser parser(kLimits);
        REQUIRE(parser.parse(string(name) + " / HTTP/1.1\r\n" + kHost + "\r\n") == Progress::complete);
        CHECK_MESSAGE(parser.request().method == each.second, name);
    }
}

TEST_CASE("request lines") {
    CHECK(status_of("GET  / HTTP/1.1\r\n" + kHost + "\r\n") == 400);
    CHECK(status_of("GET /  HTTP/1.1\r\n" + kHost + "\r\n") == 400);
    CHECK(status_of(" GET / HTTP/1.1\r\n" + kHost + "\r\n") == 400);
    CHECK(status_of("GET / HTTP/1.1 \r\n" + kHost + "\r\n") == 400);
    CHECK(status_of("GET\t/\tHTTP/1.1\r\n" + kHost + "\r\n") == 400);
    CHECK(status_of("GET /\r\n") == 400);
    CHECK(status_of("GET HTTP/1.1\r\n" + kHost + "\r\n") == 400);
    CHECK(status_of("G(T / HTTP/1.1\r\n" + kHost + "\r\n") == 400);
    for (const char* version : {"2.0", "0.9", "3.1"}) {
        CHECK(status_of(get(kHost, "/", version)) == 505);
    }
    for (const char* version : {"1", "1.10", "1,1", "a.1", "", "11"}) {
        CHECK(status_of(get(kHost, "/", version)) == 400);
    }
    CHECK(status_of(get(kHost, "/", "1.7")) == 200);
    CHECK(status_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 505);
}

TEST_CASE("targets") {
    for (const char* target : {"/", "/a?", "/%41", "/a;b=c,d", "/~!$&'()*+:@", "/?a/b?c", "http://h/x", "HTTP://h:80",
                               "http://[::1]:8/", "http://h?q"}) {
        CHECK_MESSAGE(status_of(get(kHost, target)) == 200, target);
    }
    for (const char* target : {"a",
                               "*",
                               "/%",
                               "/%4",
                               "/%4g",
                               "/a#b",
                               "/a\\b",
                               "/\"",
                               "/<",
                               "/{",
                               "/\x80",
                               "https://h/",
                               "http://",
                               "http:///x",
                               "http://u@h/",
                               "http://h:x/",
                               "http://h:70000/",
                               "http://[::1/",
                               "//h\x7f",
                               "h:80"}) {
        CHECK_MESSAGE(status_of(get(kHost, target)) == 400, target);
    }
    const string absolute = get(kHost, "http://other/x?y");
    RequestParser parser(kLimits);
    REQUIRE(parser.parse(absolute) == Progress::complete);
    CHECK(parser.request().path == "/x");
    CHECK(parser.request().query == "?y");
    CHECK(status_of("OPTIONS * HTTP/1.1\r\n" + kHost + "\r\n") == 200);
    CHECK(status_of("CONNECT h:80 HTTP/1.1\r\n" + kHost + "\r\n") == 200);
    CHECK(status_of("CONNECT /x HTTP/1.1\r\n" + kHost + "\r\n") == 400);
}

TEST_CASE("which paths are plain") {
    const std::pair<const char*, bool> paths[] = {{"/", true},   {"/a/b.c", true}, {"/a/", true},  {"/a..b", true},
                                                  {"//", false}, {"/%61", false},  {"/.a", false}, {"/a/../b", false}};
    for (const auto& each : paths) {
        const auto& path = each.first;
        RequestParser parser(kLimits);
        REQUIRE(parser.parse(get(kHost, path)) == Progress::complete);
        CHECK_MESSAGE(parser.request().plain_path == each.second, path);
    }
}

TEST_CASE("fields that no two servers must read differently") {
    for (const char* fields : {"Host : a\r\n", " Host: a\r\n", "Host: a\r\n b\r\n", "Host: a\nX: y\r\n",
                               "Host: a\rX: y\r\n", "Host: a\x01\r\n", "Host: a\r\nX\r\n", "Host: a\r\n: x\r\n",
                               "Host: a\r\nX(: y\r\n", "", "Host: a\r\nHost: a\r\n", "Host:\r\n", "Host: a b\r\n",
                               "Host: a@b\r\n", "Host: a/b\r\n", "Host: a:b\r\n", "Host: a,b\r\n x\r\n"}) {
        CHECK_MESSAGE(status_of(get(fields)) == 400, fields);
    }
    CHECK(status_of(get(kHost + string("X: \0\r\n", 6))) == 400);
    CHECK(status_of(get(kHost + "X: \x7f\r\n")) == 400);
    CHECK(status_of(get(kHost + "X: \t a\tb \xfc\r\n")) == 200);
    CHECK(status_of(get("", "/", "1.0")) == 200);
    CHECK(status_of(get("Host: a\r\nhost: b\r\n", "/", "1.0")) == 400);
    CHECK(status_of(get(kHost + "Range: bytes=0-1\r\nRange: bytes=2-3\r\n")) == 400);
}

TEST_CASE("framing") {
    const std::pair<const char*, int> cases[] = {
        {"Content-Length: 0\r\n", 200},
        {"Content-Length: 7\r\n", 200},
        {"Content-Length: 007\r\n", 200},
        {"Content-Length:\r\n", 400},
        {"Content-Length: +7\r\n", 400},
        {"Content-Length: -7\r\n", 400},
        {"Content-Length: 7 7\r\n", 400},
        {"Content-Length: 7, 7\r\n", 400},
        {"Content-Length: 0x7\r\n", 400},
        {"Content-Length: 7\r\nContent-Length: 7\r\n", 400},
        {"Content-Length: 7\r\nContent-Length: 8\r\n", 400},
        {"Content-Length: 1048577\r\n", 413},
        {"Content-Length: 18446744073709551617\r\n", 413},
        {"Transfer-Encoding: chunked\r\n", 200},
        {"Transfer-Encoding: CHUNKED\r\n", 200},
        {"Transfer-Encoding: chunked\r\nContent-Length: 7\r\n", 400},
        {"Content-Length: 7\r\nTransfer-Encoding: chunked\r\n", 400},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
        {"Transfer-Encoding: chunked, chunked\r\n", 400},
        {"Transfer-Encoding: chunked, gzip\r\n", 400},
        {"Transfer-Encoding: gzip, chunked\r\n", 501},
        {"Transfer-Encoding: gzip\r\n", 501},
        {"Transfer-Encoding: xchunked\r\n", 501},
        {"Transfer-Encoding: \r\n", 400},
        {"Transfer-Encoding: ,chunked\r\n", 400},
        {"Transfer-Encoding: \"chunked\"\r\n", 400},
        {"Expect: 100-continue\r\n", 200},
        {"Expect: 200-ok\r\n", 417},
    };
    for (const auto& each : cases) {
        const auto& fields = each.first;
        CHECK_MESSAGE(status_of(get(kHost + fields)) == each.second, fields);
    }
    CHECK(status_of(get("Transfer-Encoding: chunked\r\n", "/", "1.0")) == 400);
    CHECK(status_of(get("Expect: anything\r\n", "/", "1.0")) == 200);
}

TEST_CASE("limits") {
    Limits limits;
    limits.request_line = 100;
    limits.head = 300;
    limits.fields = 4;
    auto status = [&limits](const string& text) {
        Result whole = parse_whole(text, limits);
        CHECK(whole == parse_by_bytes(text, limits));
        return whole.progress == Progress::more ? 0 : whole.progress == Progress::complete ? 200 : whole.status;
    };
    const string shortest = "GET / HTTP/1.1";
    CHECK(status(get(kHost, "/" + string(100 - shortest.size(), 'x'))) == 200);
    CHECK(status(get(kHost, "/" + string(101 - shortest.size(), 'x'))) == 414);
    CHECK(status(string(101, 'x')) == 414);
    CHECK(status(string(100, 'x')) == 0);
    const size_t rest = get("Host: a\r\nX: \r\n").size();
    CHECK(status(get("Host: a\r\nX: " + string(300 - rest, 'x') + "\r\n")) == 200);
    CHECK(status(get("Host: a\r\nX: " + string(301 - rest, 'x') + "\r\n")) == 431);
    CHECK(status(get("Host: a\r\nX: " + string(400, 'x'))) == 431);
    CHECK(status(get("Host: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n")) == 200);
    CHECK(status(get("Host: a\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n")) == 431);
}

TEST_CASE("whether the connection goes on") {
    auto goes_on = [](const string& fields, const char* version) {
        RequestParser parser(kLimits);
        REQUIRE(parser.parse(get(kHost + fields, "/", version)) == Progress::complete);
        return parser.request().keep_alive;
    };
    CHECK(goes_on("", "1.1"));
    CHECK_FALSE(goes_on("", "1.0"));
    CHECK(goes_on("Connection: Keep-Alive\r\n", "1.0"));
    CHECK_FALSE(goes_on("Connection: close\r\n", "1.1"));
    CHECK_FALSE(goes_on("Connection: upgrade ,  CLOSE\r\n", "1.1"));
    CHECK_FALSE(goes_on("Connection: keep-alive\r\nConnection: close\r\n", "1.1"));
    CHECK(goes_on("Connection: closed, notclose\r\n", "1.1"));
}

TEST_CASE("a parser is used again") {
    RequestParser parser(kLimits);
    CHECK(parser.parse(get(kHost + "Content-Length: 3\r\nConnection: close\r\n")) == Progress::complete);
    parser.reset();
    CHECK_FALSE(parser.begun());
    REQUIRE(parser.parse(get(kHost + "Transfer-Encoding: chunked\r\n")) == Progress::complete);
    CHECK(parser.request().content_length == 0);
    CHECK(parser.request().keep_alive);
}
