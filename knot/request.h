// SPDX-License-Identifier: Apache-2.0
//
// The head of an HTTP/1.1 request (RFC 9110, 9112), parsed in place.
//
// parse() is given all bytes of the head that have arrived so far and goes on at the line where it stopped, so a head
// that comes byte by byte costs as much as one that comes whole, and ends in the same request or the same status. Views
// in the request point into the caller's bytes: whoever moves them calls reset() and parses again.
//
// It accepts one spelling of each thing. Whatever two servers in a row could read differently is refused, and a refused
// connection closes: Transfer-Encoding beside Content-Length, either of them twice or as a list, a coding other than
// chunked, folded lines, bare CR or LF, blanks before a colon, control characters, an absent or second Host.
//
// Boost.Beast's basic_parser was the alternative. It joins folded lines, takes lists of lengths and lets TE and CL
// stand together in some versions, so each check below would have to be made again on its callbacks; it hashes every
// field's name, calls a virtual function for each, and costs two to three times as much as these 250 lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace knot {

// `other` is known and not allowed here, `unknown` is not implemented.
enum class Method : uint8_t { get, head, options, connect, other, unknown };

struct Limits {
    size_t request_line = 8192;  // bytes, without its CRLF
    size_t head = 16384;         // bytes up to and with the empty line
    size_t fields = 100;
    uint64_t body = 1 << 20;  // bytes on the wire
};

struct Request {
    Method method = Method::unknown;
    uint8_t minor = 1;        // of the version
    bool keep_alive = false;  // what the client wants
    bool chunked = false;
    bool expects_continue = false;
    bool whole_server = false;  // OPTIONS *
    bool plain_path =
        false;  // no escape, no empty segment, no segment that begins with a dot: the file's name as it is
    uint64_t content_length = 0;
    std::string_view line;
    std::string_view path;   // begins with '/', as sent, without the query
    std::string_view query;  // with its '?', or empty
    std::string_view host, range, if_range, if_match, if_none_match, if_modified_since, if_unmodified_since;
    std::string_view referer, user_agent;

    bool has_body() const { return chunked || content_length > 0; }
};

enum class Progress : uint8_t { more, complete, refused };

class RequestParser {
   public:
    explicit RequestParser(const Limits& limits) : limits_(limits) {}

    // `data` begins where it began in the last call and holds at least as many bytes.
    Progress parse(std::string_view data);
    void reset();

    bool begun() const { return scanned_ > 0; }
    // After complete: the head's bytes, a preceding empty line included.
    size_t length() const { return at_; }
    // After refused.
    int status() const { return status_; }
    // After refused only the line is sure to be there, and only if it was right.
    const Request& request() const { return request_; }

   private:
    Progress refuse(int status);
    Progress next_line(std::string_view line);
    Progress request_line(std::string_view line);
    Progress target(std::string_view target);
    Progress absolute_target(std::string_view target);
    Progress path_and_query(std::string_view target);
    Progress field(std::string_view line);
    Progress known_field(std::string_view name, std::string_view value);
    Progress content_length(std::string_view value);
    Progress transfer_encoding(std::string_view value);
    Progress host(std::string_view value);
    Progress once(std::string_view& slot, std::string_view value);
    Progress finish();
    void connection(std::string_view value);

    const Limits& limits_;
    size_t at_ = 0;       // where the line begins that is not parsed yet
    size_t scanned_ = 0;  // before here no line ends that is not parsed
    size_t fields_ = 0;
    int status_ = 0;
    bool skipped_line_ = false;
    bool has_line_ = false;
    bool has_length_ = false;
    bool wants_close_ = false;
    bool wants_keep_alive_ = false;
    std::string_view expect_;
    Request request_;
};

// Whether `text` is `lower`, which is in lower case, when the case of letters does not count.
bool equals_ignoring_case(std::string_view text, std::string_view lower);
// Without blanks and tabs at both ends.
std::string_view trimmed(std::string_view text);
// Takes the next element off a list with commas; false at its end.
bool next_element(std::string_view& list, std::string_view& element);

}  // namespace knot
