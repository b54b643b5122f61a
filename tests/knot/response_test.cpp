// SPDX-License-Identifier: Apache-2.0
//
// Answers, as the bytes that a client would see.

#include "knot/response.h"

#include <string>

#include "site.h"

namespace {

using knot::Response;
using knot_test::text_of;
using std::string;

struct Answer {
    int status;
    bool keep_alive;
    string head, body;

    string field(const string& name) const {
        size_t at = head.find("\r\n" + name + ": ");
        if (at == string::npos) {
            return "";
        }
        at += name.size() + 4;
        return head.substr(at, head.find("\r\n", at) - at);
    }
};

class Server {
   public:
    Server() {
        folder_.write("index.html", "home");
        folder_.write("a.txt", "0123456789");
        folder_.make_folder("dir");
        folder_.write("dir/index.html", "in dir");
        folder_.make_folder("bad");
        folder_.make_folder("bad/index.html");
    }

    const knot_test::Folder& folder() const { return folder_; }

    Answer ask(const string& target, const string& fields = "", const string& method = "GET",
               const string& version = "1.1", bool closing = false) {
        const string text = method + " " + target + " HTTP/" + version + "\r\nHost: h\r\n" + fields + "\r\n";
        const knot::Limits limits;
        knot::RequestParser parser(limits);
        REQUIRE_MESSAGE(parser.parse(text) == knot::Progress::complete, text);
        return taken_apart(Response(parser.request(), site_, closing));
    }

    Answer refuse(int status) { return taken_apart(Response(status, site_)); }

   private:
    static Answer taken_apart(const Response& response) {
        const string text = text_of(response);
        size_t end = text.find("\r\n\r\n");
        REQUIRE(end != string::npos);
        Answer answer{response.status(), response.keep_alive(), text.substr(0, end + 2), text.substr(end + 4)};
        CHECK(answer.head.starts_with("HTTP/1.1 " + std::to_string(answer.status) + " "));
        CHECK(answer.field("Date").size() == knot::kDateLength);
        CHECK(answer.body.size() == response.body_length());
        CHECK((answer.field("Connection") == "close") == !answer.keep_alive);
        return answer;
    }

    knot_test::Folder folder_;
    knot::Clock clock_;
    knot::FileCache files_{folder_.root(), {}, clock_};
    knot::Site site_{files_, clock_};
};

}  // namespace

TEST_CASE_FIXTURE(Server, "GET, HEAD and OPTIONS") {
    Answer get = ask("/a.txt?x");
    CHECK(get.status == 200);
    CHECK(get.body == "0123456789");
    CHECK(get.field("Content-Length") == "10");
    CHECK(get.field("Content-Type") == "text/plain; charset=utf-8");
    CHECK(get.field("Accept-Ranges") == "bytes");
    Answer head = ask("/a.txt", "", "HEAD");
    CHECK(head.body.empty());
    CHECK(head.head == get.head);
    CHECK(ask("/").body == "home");
    CHECK(ask("/dir/").body == "in dir");
    CHECK(ask("/dir/../%61.txt").body == "0123456789");
    Answer options = ask("*", "", "OPTIONS");
    CHECK(options.status == 204);
    CHECK(options.field("Allow") == "GET, HEAD, OPTIONS");
    CHECK(options.field("Content-Length").empty());
}

TEST_CASE_FIXTURE(Server, "methods that are not served") {
    Answer post = ask("/a.txt", "", "POST");
    CHECK(post.status == 405);
    CHECK(post.field("Allow") == "GET, HEAD, OPTIONS");
    CHECK(post.keep_alive);
    CHECK(ask("/a.txt", "", "BREW").status == 501);
}

TEST_CASE_FIXTURE(Server, "what is not found") {
    Answer none = ask("/none");
    CHECK(none.status == 404);
    CHECK(none.body == "404 Not Found\r\n");
    CHECK(none.keep_alive);
    CHECK(ask("/none", "", "HEAD").field("Content-Length") == "15");
    CHECK(ask("/none", "", "HEAD").body.empty());
    CHECK(ask("/bad/").status == 404);
    CHECK(ask("/../x").status == 400);
    CHECK_FALSE(ask("/../x").keep_alive);
    folder().write("404.html", "not here");
    Answer page = ask("/none");
    CHECK(page.status == 404);
    CHECK(page.body == "not here");
    CHECK(page.field("Content-Type") == "text/html; charset=utf-8");
    CHECK(page.field("ETag").empty());
}

TEST_CASE_FIXTURE(Server, "a directory is led to its slash") {
    for (const char* method : {"GET", "HEAD"}) {
        Answer moved = ask("/dir?a=b", "", method);
        CHECK(moved.status == 301);
        CHECK(moved.field("Location") == "/dir/?a=b");
        CHECK(moved.body.empty());
    }
    CHECK(ask("//dir").field("Location") == "/dir/");
    CHECK(ask("///x/..//dir").field("Location") == "/x/..//dir/");
}

TEST_CASE_FIXTURE(Server, "validators") {
    const string tag = ask("/a.txt").field("ETag"), date = ask("/a.txt").field("Last-Modified");
    Answer same = ask("/a.txt", "If-None-Match: " + tag + "\r\n");
    CHECK(same.status == 304);
    CHECK(same.body.empty());
    CHECK(same.field("ETag") == tag);
    CHECK(same.field("Content-Length").empty());
    CHECK(ask("/a.txt", "If-Modified-Since: " + date + "\r\n").status == 304);
    CHECK(ask("/a.txt", "If-Match: \"x\"\r\n").status == 412);
    CHECK(ask("/none", "If-Match: \"x\"\r\n").status == 404);
    CHECK(ask("/a.txt", "If-None-Match: " + tag + "\r\nRange: bytes=0-1\r\n").status == 304);
}

TEST_CASE_FIXTURE(Server, "one range") {
    const string tag = ask("/a.txt").field("ETag");
    Answer part = ask("/a.txt", "Range: bytes=2-4\r\n");
    CHECK(part.status == 206);
    CHECK(part.body == "234");
    CHECK(part.field("Content-Range") == "bytes 2-4/10");
    CHECK(part.field("Content-Length") == "3");
    CHECK(part.field("ETag") == tag);
    CHECK(ask("/a.txt", "Range: bytes=2-4\r\nIf-Range: " + tag + "\r\n").status == 206);
    CHECK(ask("/a.txt", "Range: bytes=2-4\r\nIf-Range: \"x\"\r\n").body == "0123456789");
    CHECK(ask("/a.txt", "Range: bytes=2-4\r\n", "HEAD").status == 200);
    Answer beyond = ask("/a.txt", "Range: bytes=10-\r\n");
    CHECK(beyond.status == 416);
    CHECK(beyond.field("Content-Range") == "bytes */10");
}

TEST_CASE_FIXTURE(Server, "several ranges") {
    for (const char* name : {"/a.txt", "/large"}) {
        string content = "0123456789";
        if (string(name) == "/large") {
            content += string(300000, 'x');
            folder().write("large", content);
        }
        Answer parts = ask(name, "Range: bytes=0-1,-1\r\n");
        CHECK(parts.status == 206);
        CHECK(parts.field("Content-Length") == std::to_string(parts.body.size()));
        string type = parts.field("Content-Type"), boundary = "--" + type.substr(type.find('=') + 1);
        CHECK(type.starts_with("multipart/byteranges; boundary="));
        string size = std::to_string(content.size()), last = std::to_string(content.size() - 1);
        string of_file = ask(name, "", "HEAD").field("Content-Type");
        CHECK(parts.body == "\r\n" + boundary + "\r\nContent-Type: " + of_file + "\r\nContent-Range: bytes 0-1/" +
                                size + "\r\n\r\n01\r\n" + boundary + "\r\nContent-Type: " + of_file +
                                "\r\nContent-Range: bytes " + last + "-" + last + "/" + size + "\r\n\r\n" +
                                content.back() + "\r\n" + boundary + "--\r\n");
    }
}

TEST_CASE_FIXTURE(Server, "the connection's end is said") {
    CHECK(ask("/").field("Connection").empty());
    CHECK_FALSE(ask("/", "Connection: close\r\n").keep_alive);
    CHECK_FALSE(ask("/", "", "GET", "1.0").keep_alive);
    CHECK(ask("/", "Connection: keep-alive\r\n", "GET", "1.0").field("Connection") == "keep-alive");
    CHECK_FALSE(ask("/", "", "GET", "1.1", true).keep_alive);
    for (int status : {400, 408, 413, 414, 417, 431, 501, 503, 505}) {
        Answer refused = refuse(status);
        CHECK(refused.status == status);
        CHECK(refused.body.starts_with(std::to_string(status) + " "));
        CHECK_FALSE(refused.keep_alive);
    }
}
