// SPDX-License-Identifier: Apache-2.0
//
// See request.h. A line's end is found by looking for the first control character, sixteen bytes at a time: if it is
// not the CR of a CRLF, the line is refused, so no value needs a second look.

#include "knot/request.h"

#include <algorithm>

#include "knot/characters.h"

namespace knot {

namespace {

constexpr size_t kMostDigits = 18;

Method method_of(std::string_view name) {
    struct Known {
        std::string_view name;
        Method method;
    };
    static constexpr Known kKnown[] = {
        {"GET", Method::get},         {"HEAD", Method::head},   {"OPTIONS", Method::options},
        {"CONNECT", Method::connect}, {"POST", Method::other},  {"PUT", Method::other},
        {"DELETE", Method::other},    {"PATCH", Method::other}, {"TRACE", Method::other},
    };
    for (const Known& known : kKnown) {
        if (known.name == name) {
            return known.method;
        }
    }
    return Method::unknown;
}

size_t span_of(std::string_view text, CharacterClass wanted) {
    size_t n = 0;
    while (n < text.size() && is(text[n], wanted)) {
        ++n;
    }
    return n;
}

// Escapes are "%" and two hexadecimal digits.
bool all_are(std::string_view text, CharacterClass wanted) {
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (text.size() - i < 3 || !is(text[i + 1], kHex) || !is(text[i + 2], kHex)) {
                return false;
            }
            i += 2;
        } else if (!is(text[i], wanted)) {
            return false;
        }
    }
    return true;
}

bool is_plain(std::string_view path) {
    for (size_t i = 0; i < path.size(); ++i) {
        bool before_special = i + 1 < path.size() && (path[i + 1] == '/' || path[i + 1] == '.');
        if (path[i] == '%' || (path[i] == '/' && before_special)) {
            return false;
        }
    }
    return true;
}

bool is_port(std::string_view port) {
    if (port.size() > 5 || span_of(port, kDigit) != port.size()) {
        return false;
    }
    unsigned value = 0;
    for (char c : port) {
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value <= 65535;
}

// host [":" port]; the host is a name, an IPv4 address or an IPv6 address in brackets.
bool is_authority(std::string_view text, bool needs_port) {
    size_t colon = text.find(':', text.starts_with('[') ? text.find(']') : 0);
    std::string_view name = text.substr(0, colon);
    if (text.starts_with('[')) {
        if (name.size() < 4 || name.back() != ']' ||
            name.find_first_not_of("0123456789abcdefABCDEF:.", 1) != name.size() - 1) {
            return false;
        }
    } else if (name.empty() || !all_are(name, kHost)) {
        return false;
    }
    if (colon == std::string_view::npos) {
        return !needs_port;
    }
    std::string_view port = text.substr(colon + 1);
    return is_port(port) && !(needs_port && port.empty());
}

}  // namespace

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
    if (text.size() != lower.size()) {
        return false;
    }
    for (size_t i = 0; i < text.size(); ++i) {
        char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] | 0x20) : text[i];
        if (c != lower[i]) {
            return false;
        }
    }
    return true;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

bool next_element(std::string_view& list, std::string_view& element) {
    if (list.data() == nullptr) {
        return false;
    }
    size_t comma = list.find(',');
    element = trimmed(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    return true;
}

void RequestParser::reset() {
    at_ = scanned_ = fields_ = 0;
    status_ = 0;
    skipped_line_ = has_line_ = has_length_ = wants_close_ = wants_keep_alive_ = false;
    expect_ = {};
    request_ = {};
}

Progress RequestParser::refuse(int status) {
    status_ = status;
    request_.keep_alive = false;
    return Progress::refused;
}

Progress RequestParser::parse(std::string_view data) {
    const std::string_view head = data.substr(0, limits_.head);
    const char* const end = head.data() + head.size();
    for (;;) {
        size_t room = has_line_ ? head.size() : std::min(head.size(), at_ + limits_.request_line + 1);
        const char* stop = find_control(head.data() + scanned_, head.data() + room);
        scanned_ = static_cast<size_t>(stop - head.data());
        if (!has_line_ && scanned_ - at_ > limits_.request_line) {
            return refuse(414);
        }
        if (stop == end || (*stop == '\r' && stop + 1 == end)) {
            return head.size() == limits_.head ? refuse(431) : Progress::more;
        }
        if (stop[0] != '\r' || stop[1] != '\n') {
            return refuse(400);
        }
        std::string_view line = head.substr(at_, scanned_ - at_);
        scanned_ += 2;
        at_ = scanned_;
        Progress progress = next_line(line);
        if (progress != Progress::more) {
            return progress;
        }
    }
}

// Section 2.2: one empty line before the request is overlooked.
Progress RequestParser::next_line(std::string_view line) {
    if (has_line_) {
        return line.empty() ? finish() : field(line);
    }
    if (line.empty() && !skipped_line_) {
        skipped_line_ = true;
        return Progress::more;
    }
    return request_line(line);
}

Progress RequestParser::request_line(std::string_view line) {
    size_t method_end = span_of(line, kToken);
    size_t version_at = line.rfind(' ');
    if (method_end == 0 || line.find(' ') != method_end || version_at == method_end) {
        return refuse(400);
    }
    has_line_ = true;
    request_.line = line;
    std::string_view version = line.substr(version_at + 1);
    if (version.size() != 8 || !version.starts_with("HTTP/") || !is(version[5], kDigit) || version[6] != '.' ||
        !is(version[7], kDigit)) {
        return refuse(400);
    }
    if (version[5] != '1') {
        return refuse(505);
    }
    request_.minor = version[7] == '0' ? 0 : 1;
    request_.method = method_of(line.substr(0, method_end));
    return target(line.substr(method_end + 1, version_at - method_end - 1));
}

Progress RequestParser::target(std::string_view target) {
    if (request_.method == Method::connect) {
        return is_authority(target, true) ? Progress::more : refuse(400);
    }
    if (target.starts_with('/')) {
        return path_and_query(target);
    }
    if (target == "*") {
        request_.whole_server = true;
        request_.path = "/";
        return request_.method == Method::options ? Progress::more : refuse(400);
    }
    return absolute_target(target);
}

Progress RequestParser::absolute_target(std::string_view target) {
    constexpr std::string_view kScheme = "http://";
    if (!equals_ignoring_case(target.substr(0, kScheme.size()), kScheme)) {
        return refuse(400);
    }
    target.remove_prefix(kScheme.size());
    size_t end = std::min(target.find_first_of("/?"), target.size());
    return is_authority(target.substr(0, end), false) ? path_and_query(target.substr(end)) : refuse(400);
}

Progress RequestParser::path_and_query(std::string_view target) {
    size_t question = std::min(target.find('?'), target.size());
    request_.path = target.substr(0, question);
    request_.query = target.substr(question);
    if (!all_are(request_.path, kPath) || !all_are(request_.query, kQuery)) {
        return refuse(400);
    }
    if (request_.path.empty()) {
        request_.path = "/";
    }
    request_.plain_path = is_plain(request_.path);
    return Progress::more;
}

Progress RequestParser::field(std::string_view line) {
    size_t colon = span_of(line, kToken);
    if (colon == 0 || colon == line.size() || line[colon] != ':') {
        return refuse(400);
    }
    if (++fields_ > limits_.fields) {
        return refuse(431);
    }
    return known_field(line.substr(0, colon), trimmed(line.substr(colon + 1)));
}

Progress RequestParser::known_field(std::string_view name, std::string_view value) {
    auto named = [name](std::string_view lower) { return equals_ignoring_case(name, lower); };
    switch (name.size()) {
        case 4:
            return named("host") ? host(value) : Progress::more;
        case 5:
            return named("range") ? once(request_.range, value) : Progress::more;
        case 6:
            return named("expect") ? once(expect_, value) : Progress::more;
        case 7:
            request_.referer = named("referer") ? value : request_.referer;
            return Progress::more;
        case 8:
            return named("if-match")   ? once(request_.if_match, value)
                   : named("if-range") ? once(request_.if_range, value)
                                       : Progress::more;
        case 10:
            if (named("connection")) {
                connection(value);
            } else if (named("user-agent")) {
                request_.user_agent = value;
            }
            return Progress::more;
        case 13:
            return named("if-none-match") ? once(request_.if_none_match, value) : Progress::more;
        case 14:
            return named("content-length") ? content_length(value) : Progress::more;
        case 17:
            return named("transfer-encoding")   ? transfer_encoding(value)
                   : named("if-modified-since") ? once(request_.if_modified_since, value)
                                                : Progress::more;
        case 19:
            return named("if-unmodified-since") ? once(request_.if_unmodified_since, value) : Progress::more;
        default:
            return Progress::more;
    }
}

// What decides the answer stands once.
Progress RequestParser::once(std::string_view& slot, std::string_view value) {
    if (slot.data() != nullptr) {
        return refuse(400);
    }
    slot = value;
    return Progress::more;
}

Progress RequestParser::host(std::string_view value) {
    return is_authority(value, false) ? once(request_.host, value) : refuse(400);
}

Progress RequestParser::content_length(std::string_view value) {
    if (has_length_ || value.empty() || span_of(value, kDigit) != value.size()) {
        return refuse(400);
    }
    if (value.size() > kMostDigits) {
        return refuse(413);
    }
    has_length_ = true;
    for (char c : value) {
        request_.content_length = request_.content_length * 10 + static_cast<uint64_t>(c - '0');
    }
    return Progress::more;
}

Progress RequestParser::transfer_encoding(std::string_view value) {
    if (request_.chunked) {
        return refuse(400);
    }
    if (equals_ignoring_case(value, "chunked")) {
        request_.chunked = true;
        return Progress::more;
    }
    std::string_view coding;
    bool listed = value.find(',') != std::string_view::npos;
    bool chunked = false;
    while (next_element(value, coding)) {
        if (chunked || span_of(coding, kToken) == 0) {
            return refuse(400);
        }
        chunked = equals_ignoring_case(coding, "chunked");
    }
    return refuse(chunked || !listed ? 501 : 400);
}

void RequestParser::connection(std::string_view value) {
    std::string_view option;
    while (next_element(value, option)) {
        wants_close_ |= equals_ignoring_case(option, "close");
        wants_keep_alive_ |= equals_ignoring_case(option, "keep-alive");
    }
}

Progress RequestParser::finish() {
    if ((request_.chunked && (has_length_ || request_.minor == 0)) ||
        (request_.minor == 1 && request_.host.data() == nullptr)) {
        return refuse(400);
    }
    if (request_.content_length > limits_.body) {
        return refuse(413);
    }
    if (request_.minor == 1 && expect_.data() != nullptr) {
        if (!equals_ignoring_case(expect_, "100-continue")) {
            return refuse(417);
        }
        request_.expects_continue = request_.has_body();
    }
    bool persists = request_.minor == 1 || wants_keep_alive_;
    request_.keep_alive = persists && !wants_close_ && request_.method != Method::connect;
    return Progress::complete;
}

}  // namespace knot
