// SPDX-License-Identifier: Apache-2.0
//
// See body.h.

#include "knot/body.h"

#include <algorithm>

#include "knot/characters.h"

namespace knot {

namespace {

constexpr uint32_t kMostDigits = 16;
constexpr uint32_t kMostExtension = 256;
constexpr uint32_t kMostTrailers = 4096;

}  // namespace

Body::Body(const Request& request, const Limits& limits)
    : left_(request.content_length),
      allowance_(limits.body),
      state_(request.chunked              ? State::size_first
             : request.content_length > 0 ? State::plain
                                          : State::end) {}

Progress Body::consume(std::string_view data, size_t& used) {
    used = 0;
    while (used < data.size() && state_ != State::end) {
        bool counted = state_ == State::plain || state_ == State::data;
        size_t run = counted ? std::min<uint64_t>(left_, data.size() - used) : 1;
        if (run > allowance_) {
            status_ = 413;
            return Progress::refused;
        }
        allowance_ -= run;
        if (counted) {
            left_ -= run;
            if (left_ == 0) {
                state_ = state_ == State::plain ? State::end : State::data_cr;
            }
        } else {
            state_ = step(data[used]);
        }
        if (state_ == State::wrong) {
            return Progress::refused;
        }
        used += run;
    }
    return state_ == State::end ? Progress::complete : Progress::more;
}

Body::State Body::step(char c) {
    switch (state_) {
        case State::size_first:
            left_ = line_ = 0;
            return is(c, kHex) ? size_digit(c) : State::wrong;
        case State::size:
            return is(c, kHex) ? size_digit(c)
                   : c == ';'  ? State::extension
                   : c == '\r' ? State::size_lf
                               : State::wrong;
        case State::extension:
            return ++line_ > kMostExtension ? State::wrong : line_byte(State::extension, State::size_lf, c);
        case State::size_lf:
            return c == '\n' ? after_size() : State::wrong;
        case State::data_cr:
            return c == '\r' ? State::data_lf : State::wrong;
        case State::data_lf:
            return c == '\n' ? State::size_first : State::wrong;
        case State::last_lf:
            return c == '\n' ? State::end : State::wrong;
        default:
            return in_trailer(c);
    }
}

Body::State Body::size_digit(char c) {
    if (++line_ > kMostDigits) {
        return State::wrong;
    }
    left_ = left_ << 4 | static_cast<uint64_t>(hex_value(c));
    if (left_ > allowance_) {
        status_ = 413;
        return State::wrong;
    }
    return State::size;
}

Body::State Body::after_size() {
    line_ = 0;
    return left_ == 0 ? State::trailer_first : State::data;
}

Body::State Body::in_trailer(char c) {
    if (++line_ > kMostTrailers) {
        status_ = 431;
        return State::wrong;
    }
    switch (state_) {
        case State::trailer_first:
            return c == '\r' ? State::last_lf : is(c, kToken) ? State::trailer_name : State::wrong;
        case State::trailer_name:
            return c == ':' ? State::trailer_value : is(c, kToken) ? State::trailer_name : State::wrong;
        case State::trailer_value:
            return line_byte(State::trailer_value, State::trailer_lf, c);
        default:
            return c == '\n' ? State::trailer_first : State::wrong;
    }
}

Body::State Body::line_byte(State same, State at_cr, char c) {
    bool is_text = find_control(&c, &c + 1) == &c + 1;
    return c == '\r' ? at_cr : is_text ? same : State::wrong;
}

}  // namespace knot
