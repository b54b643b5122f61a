// SPDX-License-Identifier: Apache-2.0
//
// See response.h. Conditions and ranges count for GET and HEAD alone. Where a file "404.html" lies in the root, it is
// the body of the answer to what is not found.

#include "knot/response.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "knot/conditions.h"
#include "knot/path.h"

namespace knot {

namespace {

constexpr std::string_view kServer = "Server: knot\r\n";
constexpr std::string_view kAllow = "Allow: GET, HEAD, OPTIONS\r\n";
constexpr std::string_view kPlainText = "text/plain; charset=utf-8";
constexpr std::string_view kEmptyLine = "\r\n\r\n";
constexpr std::string_view kNotFoundPage = "404.html";
constexpr std::string_view kBoundary = "KNOT_7d3f0c1e9a5b";
constexpr std::string_view kNoMemory =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
constexpr size_t kRedirectPieces = 5;
constexpr size_t kPartText = 256;  // room for the text before a part

// The status line and the text body of an answer that has no file.
std::string_view status_line(int status) {
    switch (status) {
        case 204:
            return "HTTP/1.1 204 No Content\r\n";
        case 206:
            return "HTTP/1.1 206 Partial Content\r\n";
        case 301:
            return "HTTP/1.1 301 Moved Permanently\r\n";
        case 304:
            return "HTTP/1.1 304 Not Modified\r\n";
        case 400:
            return "HTTP/1.1 400 Bad Request\r\n";
        case 403:
            return "HTTP/1.1 403 Forbidden\r\n";
        case 404:
            return "HTTP/1.1 404 Not Found\r\n";
        case 405:
            return "HTTP/1.1 405 Method Not Allowed\r\n";
        case 408:
            return "HTTP/1.1 408 Request Timeout\r\n";
        case 412:
            return "HTTP/1.1 412 Precondition Failed\r\n";
        case 413:
            return "HTTP/1.1 413 Content Too Large\r\n";
        case 414:
            return "HTTP/1.1 414 URI Too Long\r\n";
        case 416:
            return "HTTP/1.1 416 Range Not Satisfiable\r\n";
        case 417:
            return "HTTP/1.1 417 Expectation Failed\r\n";
        case 431:
            return "HTTP/1.1 431 Request Header Fields Too Large\r\n";
        case 501:
            return "HTTP/1.1 501 Not Implemented\r\n";
        case 503:
            return "HTTP/1.1 503 Service Unavailable\r\n";
        case 505:
            return "HTTP/1.1 505 HTTP Version Not Supported\r\n";
        default:
            return "HTTP/1.1 500 Internal Server Error\r\n";
    }
}

// "404 Not Found\r\n"
std::string_view reason(int status) { return status_line(status).substr(sizeof "HTTP/1.1 " - 1); }

}  // namespace

Response::Response(const Request& request, const Site& site, bool closing)
    : site_(site),
      keep_alive_(request.keep_alive && !closing),
      says_keep_alive_(keep_alive_ && request.minor == 0),
      has_content_(request.method != Method::head) {
    answer(request);
}

Response::Response(int status, const Site& site, Method method)
    : site_(site), keep_alive_(false), says_keep_alive_(false), has_content_(method != Method::head) {
    fail(status, nullptr);
}

Response::~Response() { free(allocated_); }

void Response::answer(const Request& request) {
    switch (request.method) {
        case Method::get:
        case Method::head:
            return answer_file(request);
        case Method::options:
            status_ = 204;
            begin(status_line(status_));
            add(kServer);
            add(kAllow);
            return end_head();
        case Method::unknown:
            return fail(501, &request);
        default:
            return fail(405, &request, kAllow);
    }
}

PinnedFile Response::find(std::string_view path, int& status) const {
    char name[kMostPath + 1];
    int length = file_name(path, name);
    status = length > 0 ? 200 : -length;
    return length > 0 ? site_.files.find({name, static_cast<size_t>(length)}, status) : PinnedFile();
}

void Response::answer_file(const Request& request) {
    int status = 200;
    bool is_name = request.plain_path && request.path.back() != '/' && request.path.size() <= kMostPath;
    file_ = is_name ? site_.files.find(request.path.substr(1), status) : find(request.path, status);
    if (!file_) {
        return status != 301                ? fail(status, &request)
               : request.path.back() == '/' ? fail(404, &request)
                                            : redirect(request);
    }
    Validators current{file_->etag(), file_->modified()};
    status_ = evaluate_conditions(request, current, site_.clock.seconds());
    if (status_ == 412) {
        return fail(412, &request);
    }
    if (status_ == 304) {
        begin(status_line(304));
        add(kServer);
        add(file_->validators());
        return end_head();
    }
    if (request.range.data() != nullptr && request.method == Method::get && answer_ranges(request)) {
        return;
    }
    answer_whole();
}

// As a rule nothing is written: the beginning is the clock's, the rest the file's.
void Response::answer_whole() {
    if (!keep_alive_ || says_keep_alive_) {
        begin("HTTP/1.1 200 OK\r\n");
        add(kServer);
        add(file_->head());
        end_head();
        return add_range({0, file_->size()});
    }
    const std::string_view lines = site_.clock.ok_lines(), head = file_->head();
    pieces_[count_++] = {lines.data(), -1, 0, lines.size()};
    pieces_[count_++] = {head.data(), -1, 0, head.size() + 2};
    if (has_content_ && file_->content() != nullptr) {
        pieces_[1].length += file_->size();
        body_length_ = file_->size();
    } else {
        add_range({0, file_->size()});
    }
}

// False: the ranges are to be ignored.
bool Response::answer_ranges(const Request& request) {
    ByteRange ranges[kMostRanges];
    if (!ranges_apply(request, {file_->etag(), file_->modified()}, site_.clock.seconds())) {
        return false;
    }
    int count = parse_ranges(request.range, file_->size(), ranges);
    if (count < 0) {
        char field[48];
        int length = snprintf(field, sizeof field, "Content-Range: bytes */%llu\r\n",
                              static_cast<unsigned long long>(file_->size()));
        fail(416, &request, {field, static_cast<size_t>(length)});
        return true;
    }
    if (count == 1) {
        answer_part(ranges[0]);
        return true;
    }
    return count > 1 && answer_parts(ranges, count);
}

void Response::answer_part(const ByteRange& range) {
    status_ = 206;
    begin(status_line(206));
    add(kServer);
    add_body_length(range.length);
    add("Content-Range: bytes ");
    add_number(range.first);
    add("-");
    add_number(range.first + range.length - 1);
    add("/");
    add_number(file_->size());
    add("\r\n");
    add(file_->fields());
    end_head();
    add_range(range);
}

// Two pieces a part, between the head and the last boundary. False: no memory.
bool Response::answer_parts(const ByteRange* ranges, int count) {
    auto parts = static_cast<size_t>(count);
    size_t most_pieces = 2 * parts + 2;
    if (!allocate(most_pieces, (parts + 1) * kPartText)) {
        return false;
    }
    char* text = head_ + kHead;
    count_ = 1;
    for (const ByteRange* range = ranges; range != ranges + count; ++range, text += kPartText) {
        int length =
            snprintf(text, kPartText, "\r\n--%s\r\nContent-Type: %.*s\r\nContent-Range: bytes %llu-%llu/%llu\r\n\r\n",
                     kBoundary.data(), static_cast<int>(file_->content_type().size()), file_->content_type().data(),
                     static_cast<unsigned long long>(range->first),
                     static_cast<unsigned long long>(range->first + range->length - 1),
                     static_cast<unsigned long long>(file_->size()));
        add_piece({text, static_cast<size_t>(length)});
        add_range(*range);
    }
    add_piece({text, static_cast<size_t>(snprintf(text, kPartText, "\r\n--%s--\r\n", kBoundary.data()))});
    status_ = 206;
    begin(status_line(206));
    add(kServer);
    add_body_length(body_length_);
    add("Content-Type: multipart/byteranges; boundary=");
    add(kBoundary);
    add("\r\nAccept-Ranges: bytes\r\n");
    add(file_->validators());
    end_head();
    return true;
}

// The target may be longer than the head has room for, so it is sent from the request. Of several slashes at its
// beginning one is left: "//name/" would lead to another host.
void Response::redirect(const Request& request) {
    if (!allocate(kRedirectPieces, 0)) {
        return fail(503, &request);
    }
    status_ = 301;
    begin(status_line(301));
    add(kServer);
    add_body_length(0);
    add_date_and_connection();
    add("Location: ");
    const std::string_view path =
        request.path.substr(std::min(request.path.find_first_not_of('/'), request.path.size()) - 1);
    for (std::string_view text :
         {std::string_view(head_, head_length_), path, std::string_view("/"), request.query, kEmptyLine}) {
        if (!text.empty()) {
            pieces_[count_++] = {text.data(), -1, 0, text.size()};
        }
    }
}

void Response::fail(int status, const Request* request, std::string_view fields) {
    status_ = status;
    keep_alive_ = keep_alive_ && status != 400;
    file_ = {};
    if (status == 404 && request != nullptr) {
        int found = 0;
        file_ = site_.files.find(kNotFoundPage, found);
    }
    std::string_view text = reason(status);
    begin(status_line(status));
    add(kServer);
    add_body_length(file_ ? file_->size() : text.size());
    add("Content-Type: ");
    add(file_ ? file_->content_type() : kPlainText);
    add("\r\n");
    add(fields);
    end_head();
    if (file_) {
        add_range({0, file_->size()});
    } else {
        add_piece(text);
    }
}

// One block: `pieces`, if the own ones are too few, then the head, then `text` bytes. False: no memory.
bool Response::allocate(size_t pieces, size_t text) {
    allocated_ = malloc(pieces * sizeof(Piece) + kHead + text);
    if (allocated_ == nullptr) {
        return false;
    }
    pieces_ = pieces > 0 ? static_cast<Piece*>(allocated_) : fixed_;
    head_ = static_cast<char*>(allocated_) + pieces * sizeof(Piece);
    return true;
}

void Response::begin(std::string_view status_and_fields) {
    head_length_ = 0;
    if (head_ != nullptr || allocate(0, 0)) {
        add(status_and_fields);
    }
}

void Response::add(std::string_view text) {
    if (head_ != nullptr) {
        memcpy(head_ + head_length_, text.data(), text.size());
        head_length_ += text.size();
    }
}

void Response::add_number(uint64_t value) {
    char digits[20];
    add({digits, static_cast<size_t>(std::to_chars(digits, digits + sizeof digits, value).ptr - digits)});
}

void Response::add_body_length(uint64_t length) {
    add("Content-Length: ");
    add_number(length);
    add("\r\n");
}

void Response::add_date_and_connection() {
    add("Date: ");
    add(site_.clock.date());
    add("\r\n");
    if (!keep_alive_) {
        add("Connection: close\r\n");
    } else if (says_keep_alive_) {
        add("Connection: keep-alive\r\n");
    }
}

void Response::end_head() {
    add_date_and_connection();
    add("\r\n");
    pieces_[0] = {head_, -1, 0, head_length_};
    count_ = count_ == 0 ? 1 : count_;
    if (head_ == nullptr) {
        status_ = 503;
        keep_alive_ = has_content_ = false;
        pieces_[0] = {kNoMemory.data(), -1, 0, kNoMemory.size()};
    }
}

void Response::add_piece(std::string_view memory) {
    if (has_content_ && !memory.empty()) {
        pieces_[count_++] = {memory.data(), -1, 0, memory.size()};
        body_length_ += memory.size();
    }
}

void Response::add_range(const ByteRange& range) {
    if (has_content_ && range.length > 0) {
        const char* content = file_->content();
        pieces_[count_++] = {content != nullptr ? content + range.first : nullptr, file_->descriptor(), range.first,
                             range.length};
        body_length_ += range.length;
    }
}

}  // namespace knot
