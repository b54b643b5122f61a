// SPDX-License-Identifier: Apache-2.0
//
// Echo: the answer is the request, byte for byte; expected bytes are generated beside those received. One
// byte too many is as wrong as a different one. HTTP/1.1 keep-alive: status 200, Content-Length required, the
// body compared with its reference: the file under
// --docroot, or the first body seen on that path. With several paths, connection and sequence choose, so an
// answer that reaches the wrong connection is seen. Chunked bodies are counted as malformed: the servers
// under test serve files of known length, and a decoder would be the larger half of this program.
#include "protocol.h"

#include <strings.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include "content.h"

namespace loadgen {

void Protocol::count_differences(const char* got, const char* expected, size_t length) {
    for (size_t i = 0; i < length; ++i) wrong_bytes_ += got[i] != expected[i];
}

namespace {

constexpr size_t kBuffer = 64 * 1024;
constexpr size_t kMaxHeader = 16 * 1024;

class EchoProtocol final : public Protocol {
   public:
    explicit EchoProtocol(size_t size) : size_(size) {}

    std::string_view pending(const Exchange& e) override {
        const size_t length = std::min(size_ - e.sent, kBuffer);
        if (length == 0) return {};
        Content(e.connection, e.sequence, size_).fill(e.sent, out_, length);
        return {out_, length};
    }

    Verdict consume(Exchange& e, std::string_view bytes) override {
        const size_t expected = std::min(bytes.size(), size_ - e.received);
        const uint64_t before = wrong_bytes_;
        if (expected > 0) {
            Content(e.connection, e.sequence, size_).fill(e.received, in_, expected);
            if (memcmp(bytes.data(), in_, expected) != 0) count_differences(bytes.data(), in_, expected);
        }
        wrong_bytes_ += bytes.size() - expected;
        e.received += expected;
        if (wrong_bytes_ != before) return Verdict::kWrong;
        return e.received == size_ ? Verdict::kComplete : Verdict::kMore;
    }

   private:
    size_t size_;
    char out_[kBuffer];
    char in_[kBuffer];
};

std::string read_file(const std::string& path) {
    FILE* file = fopen(path.c_str(), "rb");
    if (file == nullptr) {
        fprintf(stderr, "loadgen: cannot read %s: %s\n", path.c_str(), strerror(errno));
        exit(2);
    }
    std::string text;
    char buffer[4096];
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, file)) > 0;) text.append(buffer, n);
    fclose(file);
    return text;
}

// The value of a header line, or nothing. `header` ends with an empty line.
std::optional<std::string_view> header_value(std::string_view header, std::string_view name) {
    for (size_t at = header.find("\r\n"); at != std::string_view::npos; at = header.find("\r\n", at)) {
        at += 2;
        const std::string_view line = header.substr(at, header.find("\r\n", at) - at);
        if (line.size() > name.size() && line[name.size()] == ':' &&
            strncasecmp(line.data(), name.data(), name.size()) == 0) {
            const size_t start = line.find_first_not_of(" \t", name.size() + 1);
            return start == std::string_view::npos ? std::string_view{} : line.substr(start);
        }
    }
    return std::nullopt;
}

class HttpProtocol final : public Protocol {
   public:
    explicit HttpProtocol(const Options& options) {
        for (const std::string& path : options.paths) {
            Target target;
            target.request = "GET " + path + " HTTP/1.1\r\nHost: " + options.host + "\r\n\r\n";
            if (!options.docroot.empty()) {
                target.body = read_file(options.docroot + path);
                target.known = true;
            }
            targets_.push_back(std::move(target));
        }
    }

    std::string_view pending(const Exchange& e) override {
        return std::string_view(target_of(e).request).substr(e.sent);
    }

    Verdict consume(Exchange& e, std::string_view bytes) override {
        if (!e.in_body) {
            const Verdict verdict = consume_header(e, bytes);
            if (verdict != Verdict::kComplete) return verdict;
        }
        return consume_body(e, bytes);
    }

   private:
    struct Target {
        std::string request;
        std::string body;
        bool known = false;
        // While the reference is learned, only this connection writes it; others' bodies of that time are
        // checked by length alone.
        int64_t learner = -1;
    };

    Target& target_of(const Exchange& e) { return targets_[(e.connection + e.sequence) % targets_.size()]; }

    Verdict malformed() {
        ++malformed_;
        return Verdict::kWrong;
    }

    // Takes the header's bytes off the front; kComplete once the header is whole and acceptable.
    Verdict consume_header(Exchange& e, std::string_view& bytes) {
        const size_t before = e.header.size();
        e.header.append(bytes);
        const size_t end = e.header.find("\r\n\r\n", before < 3 ? 0 : before - 3);
        if (end == std::string::npos) return e.header.size() > kMaxHeader ? malformed() : Verdict::kMore;
        bytes.remove_prefix(end + 4 - before);
        const std::string_view header = std::string_view(e.header).substr(0, end + 4);
        if (header.rfind("HTTP/1.1 200", 0) != 0) return malformed();
        const auto length = header_value(header, "Content-Length");
        if (!length || length->empty()) return malformed();
        e.body_size = strtoull(length->data(), nullptr, 10);
        e.in_body = true;
        e.header.clear();
        return Verdict::kComplete;
    }

    Verdict consume_body(Exchange& e, std::string_view bytes) {
        Target& target = target_of(e);
        if (target.known && e.body_size != target.body.size()) return malformed();
        const size_t length = std::min(bytes.size(), e.body_size - e.received);
        const uint64_t before = wrong_bytes_;
        wrong_bytes_ += bytes.size() - length;
        if (target.known) {
            const char* expected = target.body.data() + e.received;
            if (memcmp(bytes.data(), expected, length) != 0) count_differences(bytes.data(), expected, length);
        } else {
            learn(target, e, bytes.substr(0, length));
        }
        e.received += length;
        if (wrong_bytes_ != before) return Verdict::kWrong;
        return e.received == e.body_size ? Verdict::kComplete : Verdict::kMore;
    }

    static void learn(Target& target, const Exchange& e, std::string_view bytes) {
        if (e.received == 0 && target.learner < 0) target.learner = e.connection;
        if (target.learner != e.connection) return;
        target.body.append(bytes);
        target.known = target.body.size() == e.body_size;
    }

    std::vector<Target> targets_;
};

}  // namespace

std::unique_ptr<Protocol> make_protocol(const Options& options) {
    if (options.proto == Proto::kHttp) return std::make_unique<HttpProtocol>(options);
    return std::make_unique<EchoProtocol>(options.size);
}

}  // namespace loadgen
