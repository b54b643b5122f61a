// SPDX-License-Identifier: Apache-2.0
//
// A request's body is read past, never kept: the methods of a file server give it no meaning, but the next request
// begins behind it. consume() is given what arrived, in any cuts, and says how much of it belongs to the body.
//
// A chunked body (RFC 9112 section 7.1) is held to the grammar byte by byte: a bare LF, blanks around a size, a size
// with a sign or of more than 16 digits, a missing CRLF behind the data are refused, for each is read in two ways by
// some pair of servers. Extensions and trailers are skipped within limits. The body's limit counts bytes on the wire,
// so that a megabyte in chunks of one byte is not a way around it.
#pragma once

#include "knot/request.h"

namespace knot {

class Body {
   public:
    Body(const Request& request, const Limits& limits);

    // `used`: how many of the bytes were the body's. `more` means that all were and the end was not among them.
    Progress consume(std::string_view data, size_t& used);
    bool finished() const { return state_ == State::end; }
    // After refused.
    int status() const { return status_; }

   private:
    enum class State : uint8_t {
        plain,
        size_first,
        size,
        extension,
        size_lf,
        data,
        data_cr,
        data_lf,
        trailer_first,
        trailer_name,
        trailer_value,
        trailer_lf,
        last_lf,
        end,
        wrong
    };

    State step(char c);
    State size_digit(char c);
    State after_size();
    State in_trailer(char c);
    State line_byte(State same, State at_cr, char c);

    uint64_t left_;       // of the plain body or the chunk
    uint64_t allowance_;  // bytes on the wire that the limit still grants
    uint32_t line_ = 0;   // bytes of the chunk's line or of trailers so far
    int status_ = 400;
    State state_;
};

}  // namespace knot
