// SPDX-License-Identifier: Apache-2.0
//
// The access log: its lines, that no client can forge one, and that a disk that does not take them holds nobody up.

#include "knot/access_log.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "site.h"

namespace {

using knot::AccessLog;
using std::string;

string read_file(const string& path) {
    string text;
    FILE* file = fopen(path.c_str(), "r");
    REQUIRE(file != nullptr);
    for (int c; (c = getc(file)) != EOF;) {
        text += static_cast<char>(c);
    }
    fclose(file);
    return text;
}

knot::Request request_of(std::string_view line, std::string_view agent = {}) {
    knot::Request request;
    request.line = line;
    request.user_agent = agent;
    return request;
}

}  // namespace

TEST_CASE("lines in the combined format") {
    knot_test::Folder folder;
    knot::Clock clock;
    AccessLog log(clock);
    REQUIRE(log.open(folder.path("log")) == 0);
    REQUIRE(log.start() == 0);
    log.add("127.0.0.1", request_of("GET /a HTTP/1.1", "test/1"), 200, 1234);
    log.add("::1", request_of("GET /\"\\\x80\n HTTP/1.1"), 404, 0);
    log.add("::1", request_of({}), 400, 7);
    log.add("::1", request_of(string(5000, '"'), string(5000, 'x')), 414, 7);
    log.stop();
    const string when(clock.log_date());
    const string text = read_file(folder.path("log"));
    CHECK(text.find("127.0.0.1 - - [" + when + "] \"GET /a HTTP/1.1\" 200 1234 \"-\" \"test/1\"\n") == 0);
    CHECK(text.find("::1 - - [" + when + "] \"GET /\\x22\\x5C\\x80\\x0A HTTP/1.1\" 404 0 \"-\" \"-\"\n") !=
          string::npos);
    CHECK(text.find("::1 - - [" + when + "] \"-\" 400 7 \"-\" \"-\"\n") != string::npos);
    CHECK(std::count(text.begin(), text.end(), '\n') == 4);
}

TEST_CASE("off is off") {
    knot::Clock clock;
    AccessLog log(clock);
    REQUIRE(log.open("off") == 0);
    CHECK_FALSE(log.enabled());
    CHECK(log.start() == 0);
    log.stop();
    AccessLog nowhere(clock);
    CHECK(nowhere.open("/nowhere/log") == ENOENT);
}

TEST_CASE("after a rename the file is opened anew") {
    knot_test::Folder folder;
    knot::Clock clock;
    AccessLog log(clock);
    REQUIRE(log.open(folder.path("log")) == 0);
    REQUIRE(log.start() == 0);
    log.add("a", request_of("first"), 200, 0);
    REQUIRE(rename(folder.path("log").c_str(), folder.path("log.1").c_str()) == 0);
    log.reopen();
    struct stat found {};
    REQUIRE(rondo_test::wait_until([&] { return stat(folder.path("log").c_str(), &found) == 0; }));
    log.add("a", request_of("second"), 200, 0);
    log.stop();
    CHECK(read_file(folder.path("log.1")).find("first") != string::npos);
    CHECK(read_file(folder.path("log")).find("second") != string::npos);
}

TEST_CASE("a writer that is held up holds up nobody, and what is lost is counted") {
    knot_test::Folder folder;
    knot::Clock clock;
    std::optional<AccessLog> log(std::in_place, clock);
    REQUIRE(mkfifo(folder.path("pipe").c_str(), 0600) == 0);
    int reader = ::open(folder.path("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(log->open(folder.path("pipe")) == 0);
    REQUIRE(log->start() == 0);
    constexpr uint64_t kLines = 40000;
    for (uint64_t i = 0; i < kLines; ++i) {
        log->add("a", request_of("GET /" + string(100, 'x')), 200, 0);
    }
    CHECK(log->dropped() > 0);
    REQUIRE(fcntl(reader, F_SETFL, 0) == 0);
    pthread_t drainer;
    std::pair<int, uint64_t> count{reader, 0};
    auto drain = [](void* argument) -> void* {
        auto& [fd, lines] = *static_cast<std::pair<int, uint64_t>*>(argument);
        char bytes[65536];
        for (ssize_t got; (got = ::read(fd, bytes, sizeof bytes)) > 0;) {
            lines += static_cast<uint64_t>(std::count(bytes, bytes + got, '\n'));
        }
        return nullptr;
    };
    REQUIRE(pthread_create(&drainer, nullptr, drain, &count) == 0);
    log->stop();
    const uint64_t dropped = log->dropped();
    log.reset();
    pthread_join(drainer, nullptr);
    CHECK(count.second + dropped == kLines);
    ::close(reader);
}
