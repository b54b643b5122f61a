// SPDX-License-Identifier: Apache-2.0
//
// Request handling under arbitrary bytes, for libFuzzer (`./dev test --fuzz`) and for replay.cpp.
//
// The input is what one client sends. It is driven through parser, body and answer as knot's connection does, three
// times: whole, in small pieces, and in pieces whose lengths the input itself decides. Every stretch of bytes that the
// code is given is an allocation of just its length, so that AddressSanitizer sees a read beyond it. What must hold:
//   - the three transcripts are equal, byte for byte (the clock stands still);
//   - a complete head stays what it is when it is parsed alone;
//   - an answer is well formed: a status line, fields without controls, one Content-Length that tells the body's
//   length;
//   - what is refused is answered once, with Connection: close, and nothing behind it is looked at;
//   - no answer holds the content of the file beside the root.
// Random pieces drawn by the fuzzer beside the data were the alternative; they would make every corpus case two inputs.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "knot/body.h"
#include "knot/characters.h"
#include "knot/request.h"
#include "knot/response.h"

#if defined(__has_feature)
#define KNOT_HAS_ASAN __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define KNOT_HAS_ASAN 1
#else
#define KNOT_HAS_ASAN 0
#endif
#if KNOT_HAS_ASAN
#include <sanitizer/asan_interface.h>
#define KNOT_POISON(at, length) __asan_poison_memory_region(at, length)
#define KNOT_UNPOISON(at, length) __asan_unpoison_memory_region(at, length)
#else
#define KNOT_POISON(at, length) static_cast<void>(at)
#define KNOT_UNPOISON(at, length) static_cast<void>(at)
#endif

namespace {

using knot::Progress;

constexpr std::string_view kSecret = "OUTSIDE";
constexpr size_t kMostPieces = 64;
constexpr size_t kMostInput = 1 << 16;
constexpr int kMostRequests = 256;

[[noreturn]] void fail(const char* what, std::string_view detail) {
    fprintf(stderr, "request_fuzz: %s:\n%.*s\n", what, static_cast<int>(detail.size()), detail.data());
    abort();
}

void require(bool holds, const char* what, std::string_view detail) {
    if (!holds) fail(what, detail);
}

// What has come and was not yet used. It stays where it is until something is taken.
class Pending {
   public:
    Pending() : data_(new char[kMostInput]) { KNOT_POISON(data_.get(), kMostInput); }
    ~Pending() { KNOT_UNPOISON(data_.get(), kMostInput); }

    std::string_view view() const { return {data_.get(), length_}; }

    void append(std::string_view piece) {
        KNOT_UNPOISON(data_.get(), length_ + piece.size());
        memcpy(data_.get() + length_, piece.data(), piece.size());
        length_ += piece.size();
    }

    void take(size_t count) {
        length_ -= count;
        memmove(data_.get(), data_.get() + count, length_);
        KNOT_POISON(data_.get() + length_, kMostInput - length_);
    }

   private:
    std::unique_ptr<char[]> data_;
    size_t length_ = 0;
};

void write_file(const std::string& path, std::string_view content) {
    FILE* file = fopen(path.c_str(), "w");
    require(file != nullptr, "cannot write", path);
    fwrite(content.data(), 1, content.size(), file);
    fclose(file);
}

// A folder with the corpus's files, their cache, and a clock that stands still.
class TestSite {
   public:
    TestSite() : descriptor_(make_root()), files_(descriptor_, limits(), clock_), site_{files_, clock_} {}

    const knot::Site& site() const { return site_; }

   private:
    static int make_root() {
        char folder[] = "/tmp/knot-fuzz-XXXXXX";
        require(mkdtemp(folder) != nullptr, "cannot make a folder", folder);
        const std::string base = folder, root = base + "/site";
        for (const std::string& name : {root, root + "/dir", root + "/evil", root + "/odd", root + "/odd/index.html"})
            mkdir(name.c_str(), 0755);
        write_file(base + "/outside.txt", kSecret);
        write_file(root + "/index.html", "home");
        write_file(root + "/a.txt", "abcdefghijklmnopqrstuvwxyz");
        write_file(root + "/empty", "");
        write_file(root + "/dir/index.html", "index of dir");
        write_file(root + "/large.bin", std::string(5000, 'l'));
        (void)!symlink("../outside.txt", (root + "/link-out").c_str());
        const int descriptor = open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        require(descriptor >= 0, "cannot open", root);
        return descriptor;
    }

    static knot::FileCache::Limits limits() {
        knot::FileCache::Limits limits;
        limits.small = 4096;
        return limits;
    }

    int descriptor_;
    knot::Clock clock_;
    knot::FileCache files_;
    knot::Site site_;
};

std::string text_of(const knot::Piece& piece) {
    if (piece.data != nullptr) return {piece.data, piece.length};
    std::string text(piece.length, '\0');
    const ssize_t got = pread(piece.descriptor, text.data(), piece.length, static_cast<off_t>(piece.offset));
    require(got == static_cast<ssize_t>(piece.length), "a piece beyond its file", std::to_string(piece.offset));
    return text;
}

void check_line(std::string_view line) {
    const size_t colon = line.find(':');
    require(colon != std::string_view::npos && colon > 0, "a field without a name", line);
    for (char c : line.substr(0, colon)) require(knot::is(c, knot::kToken), "a field's name", line);
    require(knot::find_control(line.data(), line.data() + line.size()) == line.data() + line.size(),
            "a control in a field", line);
}

size_t count_of(std::string_view text, std::string_view what) {
    size_t count = 0;
    for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++count;
    return count;
}

void check_lines(std::string_view head) {
    require(head.starts_with("HTTP/1.1 "), "no status line", head);
    for (size_t at = head.find("\r\n") + 2; at < head.size();) {
        const size_t end = head.find("\r\n", at);
        check_line(head.substr(at, end - at));
        at = end + 2;
    }
}

// The answer's bytes, after a look at them.
std::string render(const knot::Response& response, bool has_content) {
    std::string text;
    for (size_t i = 0; i < response.count(); ++i) text += text_of(response.pieces()[i]);
    const size_t end = text.find("\r\n\r\n");
    require(end != std::string::npos, "no end of the head", text);
    const std::string_view head = std::string_view(text).substr(0, end + 2);
    check_lines(head);
    require(text.size() - end - 4 == response.body_length(), "body_length() is wrong", text);
    require(response.keep_alive() != (head.find("\r\nConnection: close\r\n") != std::string::npos),
            "Connection is wrong", text);
    const std::string length = "\r\nContent-Length: " + std::to_string(response.body_length()) + "\r\n";
    const bool may_lack = !has_content || response.status() == 204 || response.status() == 304;
    require(may_lack || head.find(length) != std::string::npos, "Content-Length is wrong", text);
    require(count_of(head, "\r\nContent-Length:") <= 1, "several Content-Length", text);
    // In the body: a Location repeats what the client sent.
    require(text.find(kSecret, end) == std::string::npos, "a file outside the root", text);
    return text;
}

// One connection: bytes in, transcript out.
class Session {
   public:
    explicit Session(const knot::Site& site) : site_(site), parser_(limits_) {}

    void receive(std::string_view piece) {
        pending_.append(piece);
        while (!closed_ && requests_ < kMostRequests && advance()) {
        }
    }

    const std::string& transcript() const { return transcript_; }

   private:
    // False: more bytes are needed.
    bool advance() { return body_ != nullptr ? advance_body() : advance_head(); }

    bool advance_head() {
        const Progress progress = parser_.parse(pending_.view());
        if (progress == Progress::refused) return refuse(parser_.status());
        return progress == Progress::complete && begin_request(parser_.length());
    }

    bool begin_request(size_t length) {
        require(length <= pending_.view().size(), "a head longer than what came", pending_.view());
        head_ = std::make_unique<Pending>();
        head_->append(pending_.view().substr(0, length));
        pending_.take(length);
        parser_.reset();
        const bool same = parser_.parse(head_->view()) == Progress::complete && parser_.length() == length;
        require(same, "a complete head is not when parsed alone", head_->view());
        body_ = std::make_unique<knot::Body>(parser_.request(), limits_);
        return true;
    }

    bool advance_body() {
        size_t used = 0;
        const size_t came = pending_.view().size();
        const Progress progress = body_->finished() ? Progress::complete : body_->consume(pending_.view(), used);
        require(used <= came, "a body longer than what came", pending_.view());
        if (progress == Progress::refused) return refuse(body_->status());
        require(progress == Progress::complete || used == came, "bytes left of an incomplete body", pending_.view());
        pending_.take(used);
        return progress == Progress::complete && answer();
    }

    bool answer() {
        const knot::Response response(parser_.request(), site_, false);
        transcript_ += render(response, parser_.request().method != knot::Method::head);
        closed_ = !response.keep_alive();
        body_.reset();
        parser_.reset();
        ++requests_;
        return !closed_;
    }

    bool refuse(int status) {
        require(status >= 400 && status < 600, "no status for what is refused", std::to_string(status));
        const knot::Method method = parser_.request().method;
        const knot::Response response(status, site_, method);
        require(!response.keep_alive(), "what is refused does not close", std::to_string(status));
        transcript_ += render(response, method != knot::Method::head);
        closed_ = true;
        return false;
    }

    const knot::Site& site_;
    const knot::Limits limits_{};
    knot::RequestParser parser_;
    Pending pending_;
    std::string transcript_;
    std::unique_ptr<Pending> head_;
    std::unique_ptr<knot::Body> body_;
    int requests_ = 0;
    bool closed_ = false;
};

std::string converse(std::string_view data, const std::function<size_t()>& next_length) {
    static const TestSite site;
    Session session(site.site());
    while (!data.empty()) {
        const std::string_view piece = data.substr(0, next_length());
        session.receive(piece);
        data.remove_prefix(piece.size());
    }
    return session.transcript();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t length) {
    if (length > kMostInput) return 0;
    const std::string_view data(reinterpret_cast<const char*>(bytes), length);
    const size_t small = length / kMostPieces + 1;
    uint64_t seed = length;
    for (char c : data) seed = (seed ^ static_cast<uint8_t>(c)) * 1099511628211u;
    const std::string whole = converse(data, [length] { return length; });
    const std::string in_small = converse(data, [small] { return small; });
    const std::string in_random = converse(data, [&seed, small] {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        return 1 + (seed >> 33) % (4 * small);
    });
    require(whole == in_small && whole == in_random, "the answers depend on the pieces", data);
    return 0;
}
