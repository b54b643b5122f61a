// SPDX-License-Identifier: Apache-2.0
//
// From a request to the bytes of its answer, without sending any: a head and up to a few pieces of memory or file,
// which a blocking thread and an event loop send in their own ways. Everything stays in place until the Response dies:
// pieces may be gathered, and a writer may come back to one it has sent in part. A Response is not moved.
//
// The usual answer is two views, of lines that the clock has ready and of the file with its fields: no allocation, no
// formatting, no copy. The head of any other is put together in a small allocation, for room for it here would push the
// frames of a sending thread to a second page of its stack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "knot/clock.h"
#include "knot/file_cache.h"
#include "knot/range.h"
#include "knot/request.h"

namespace knot {

struct Site {
    FileCache& files;
    const Clock& clock;
};

// Memory if `data` is not null, else a range of a file.
struct Piece {
    const char* data;
    int descriptor;
    uint64_t offset;
    uint64_t length;
};

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

class Response {
   public:
    // The answer to a request that was parsed and whose body was read. `closing`: the server wants the connection's
    // end.
    Response(const Request& request, const Site& site, bool closing);
    // The answer to what was refused. It ends the connection. `method` as far as it was understood.
    Response(int status, const Site& site, Method method = Method::unknown);
    ~Response();
    Response(const Response&) = delete;
    Response& operator=(const Response&) = delete;

    const Piece* pieces() const { return pieces_; }
    size_t count() const { return count_; }
    int status() const { return status_; }
    // Whether another request may follow.
    bool keep_alive() const { return keep_alive_; }
    // Bytes behind the head.
    uint64_t body_length() const { return body_length_; }

   private:
    static constexpr size_t kHead = 448;
    static constexpr size_t kFixedPieces = 3;

    // What most requests do not need is kept out of line: its frames would push theirs to another page of the stack.
    void answer(const Request& request);
    void answer_file(const Request& request);
    void answer_whole();
    [[gnu::noinline]] PinnedFile find(std::string_view path, int& status) const;
    [[gnu::noinline]] bool answer_ranges(const Request& request);
    void answer_part(const ByteRange& range);
    bool answer_parts(const ByteRange* ranges, int count);
    [[gnu::noinline]] void redirect(const Request& request);
    [[gnu::noinline]] void fail(int status, const Request* request, std::string_view fields = "");

    bool allocate(size_t pieces, size_t text);
    void begin(std::string_view status_and_fields);
    void add(std::string_view text);
    void add_number(uint64_t value);
    void add_body_length(uint64_t length);
    void add_date_and_connection();
    void end_head();
    void add_piece(std::string_view memory);
    // Nothing, in the answer to HEAD.
    void add_range(const ByteRange& range);

    const Site& site_;
    PinnedFile file_;
    Piece fixed_[kFixedPieces];
    Piece* pieces_ = fixed_;
    size_t count_ = 0;
    uint64_t body_length_ = 0;
    void* allocated_ = nullptr;
    int status_ = 0;
    bool keep_alive_;
    bool says_keep_alive_;
    bool has_content_ = true;  // false: the answer to HEAD
    char* head_ = nullptr;     // in allocated_
    size_t head_length_ = 0;
};

}  // namespace knot
