// SPDX-License-Identifier: Apache-2.0
//
// What an event-driven server has to keep of a connection while something is under way on it: bytes of requests that
// are not answered, answers that are not sent, and where it was in both. Knot keeps none of this, for there it is the
// state of a function's stack. All three event-driven servers use it; it does no I/O, so each of them reads and sends
// in its own way:
//
//     read into room(), add(n);   while (next_request()) answer();   send pieces(), sent(n) until !has_output(); again
//
// The requests that arrived together are answered together, up to kTogether. Bytes do not move while an answer refers
// to them. An exchange that is idle() holds nothing and is given to another connection: an idle connection has none.
// The alternative, a buffer for each connection, costs memory by the number of connections and a cache miss for each
// request.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "knot/body.h"
#include "knot/request.h"
#include "knot/response.h"

namespace twin {

class Exchange {
   public:
    static constexpr size_t kTogether = 8;

    Exchange(const knot::Site& site, const knot::Limits& limits);
    ~Exchange();
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    // Where the next bytes go, and how many; never 0 unless there is output.
    char* room(size_t& length);
    void add(size_t length) { end_ += length; }

    // Whether answer() has something to answer: a request read to its end, body included, or a refused one. When not,
    // either input is missing, or the answers made so far must be sent first, or the connection ends.
    bool next_request();
    // `closing`: the server wants the connection's end.
    void answer(bool closing);
    // The answer with this status to what cannot be waited for any longer.
    void refuse(int status);

    // What the latest answer was to.
    const knot::Request& request() const { return parser_.request(); }
    const knot::Response& response() const { return *slot_of_[slots_ - 1].response; }

    bool has_output() const { return slot_ < slots_; }
    // The memory that is to be sent next. `file_follows`: and then a range of a file.
    size_t pieces(iovec* out, size_t most, bool& file_follows) const;
    // The file's range that is to be sent next, if no memory is.
    bool file_range(knot::Piece& range) const;
    void sent(uint64_t length);
    // Bytes not yet sent.
    uint64_t output_length() const;

    // The connection ends after the output.
    bool closing() const { return closing_; }
    // It is we who do not go on, so the client may still be sending.
    bool lingers() const { return lingers_; }
    // No further answer before these are sent.
    bool full() const { return slots_ == kTogether; }
    bool in_head() const { return !body_ && end_ > begin_; }
    bool in_body() const { return body_.has_value(); }
    bool idle() const { return !has_output() && !in_head() && !in_body(); }
    void reset();

   private:
    // An answer, or the interim one that asks for a body.
    struct Slot {
        std::optional<knot::Response> response;
        knot::Piece interim;
        const knot::Piece* pieces = nullptr;
        size_t count = 0;
    };

    bool read_body();
    void ask_for_body();
    void move_to_front();

    const knot::Site& site_;
    const knot::Limits& limits_;
    knot::RequestParser parser_;
    std::optional<knot::Body> body_;
    bool closing_ = false;
    bool lingers_ = false;
    bool answered_ = false;     // the parser still holds the request that was answered last
    bool leaves_body_ = false;  // the client asked before it sent a body, and will be told not to
    bool asked_for_body_ = false;
    bool ready_ = false;  // a request is complete, status_ is 0; or it is refused with status_
    int status_ = 0;
    size_t begin_ = 0;       // of the request being read
    size_t next_ = 0;        // behind the head, then behind the body, of the request being read
    size_t end_ = 0;         // of what has arrived
    size_t slot_ = 0;        // the answer being sent
    size_t slots_ = 0;       // answers made
    size_t piece_ = 0;       // the piece of it
    uint64_t progress_ = 0;  // bytes of the piece that are sent
    Slot slot_of_[kTogether];
    size_t capacity_;
    char* bytes_;
};

}  // namespace twin
