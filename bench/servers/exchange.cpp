// SPDX-License-Identifier: Apache-2.0
//
// See exchange.h. A body's bytes are dropped where they arrive, behind the head, which stays in place until the answer
// is sent.
#include "bench/servers/exchange.h"

#include <algorithm>
#include <cstring>

namespace twin {

namespace {

// Behind the longest head: room for a body to be read past.
constexpr size_t kBodyRoom = 16384;

}  // namespace

Exchange::Exchange(const knot::Site& site, const knot::Limits& limits)
    : site_(site),
      limits_(limits),
      parser_(limits),
      capacity_(limits.request_line + limits.head + kBodyRoom),
      bytes_(new char[capacity_]) {}

Exchange::~Exchange() { delete[] bytes_; }

void Exchange::reset() {
    for (size_t i = 0; i < slots_; ++i) slot_of_[i].response.reset();
    slot_ = slots_ = piece_ = begin_ = next_ = end_ = 0;
    progress_ = 0;
    closing_ = lingers_ = ready_ = answered_ = leaves_body_ = false;
    body_.reset();
    parser_.reset();
}

char* Exchange::room(size_t& length) {
    if (begin_ > 0 && !has_output() && (begin_ == end_ || capacity_ - end_ < kBodyRoom)) move_to_front();
    length = capacity_ - end_;
    return bytes_ + end_;
}

// The parser's views go with the bytes: the head is parsed once more.
void Exchange::move_to_front() {
    memmove(bytes_, bytes_ + begin_, end_ - begin_);
    end_ -= begin_;
    next_ -= begin_;
    begin_ = 0;
    parser_.reset();
    if (body_) parser_.parse({bytes_, next_});
}

bool Exchange::next_request() {
    if (closing_ || slots_ == kTogether) return false;
    if (ready_) return true;
    if (body_) return read_body();
    if (end_ == begin_) return false;
    if (answered_) parser_.reset();
    answered_ = false;
    const knot::Progress progress = parser_.parse({bytes_ + begin_, end_ - begin_});
    if (progress == knot::Progress::more) return false;
    status_ = progress == knot::Progress::refused ? parser_.status() : 0;
    next_ = begin_ + parser_.length();
    const knot::Request& request = parser_.request();
    leaves_body_ = status_ == 0 && request.has_body() && request.expects_continue && end_ == next_ &&
                   request.method > knot::Method::options;
    ready_ = status_ != 0 || !request.has_body() || leaves_body_;
    if (ready_) return true;
    body_.emplace(request, limits_);
    asked_for_body_ = false;
    return read_body();
}

bool Exchange::read_body() {
    size_t used = 0;
    const bool nothing = end_ == next_;
    const knot::Progress progress = body_->consume({bytes_ + next_, end_ - next_}, used);
    if (progress == knot::Progress::more) {
        end_ = next_;
        if (nothing && !asked_for_body_ && parser_.request().expects_continue) ask_for_body();
        return false;
    }
    ready_ = true;
    status_ = progress == knot::Progress::refused ? body_->status() : 0;
    next_ += used;
    body_.reset();
    return true;
}

void Exchange::ask_for_body() {
    asked_for_body_ = true;
    Slot& slot = slot_of_[slots_++];
    slot.interim = {knot::kContinue.data(), -1, 0, knot::kContinue.size()};
    slot.pieces = &slot.interim;
    slot.count = 1;
}

void Exchange::answer(bool closing) {
    Slot& slot = slot_of_[slots_++];
    const knot::Request& request = parser_.request();
    if (status_ != 0) {
        slot.response.emplace(status_, site_, request.method);
    } else {
        slot.response.emplace(request, site_, closing || leaves_body_);
    }
    closing_ = !slot.response->keep_alive();
    lingers_ = status_ != 0 || (closing_ && request.keep_alive);
    slot.pieces = slot.response->pieces();
    slot.count = slot.response->count();
    ready_ = false;
    answered_ = true;
    begin_ = closing_ ? end_ : next_;
}

void Exchange::refuse(int status) {
    body_.reset();
    next_ = end_;
    status_ = status;
    answer(true);
}

size_t Exchange::pieces(iovec* out, size_t most, bool& file_follows) const {
    size_t count = 0, piece = piece_;
    uint64_t skipped = progress_;
    file_follows = false;
    for (size_t slot = slot_; slot < slots_; ++slot, piece = 0) {
        for (; piece < slot_of_[slot].count; ++piece, skipped = 0) {
            const knot::Piece& next = slot_of_[slot].pieces[piece];
            file_follows = next.data == nullptr;
            if (file_follows || count == most) return count;
            out[count++] = {const_cast<char*>(next.data) + skipped, next.length - skipped};
        }
    }
    return count;
}

bool Exchange::file_range(knot::Piece& range) const {
    if (!has_output() || slot_of_[slot_].pieces[piece_].data != nullptr) return false;
    range = slot_of_[slot_].pieces[piece_];
    range.offset += progress_;
    range.length -= progress_;
    return true;
}

uint64_t Exchange::output_length() const {
    uint64_t length = 0;
    for (size_t slot = slot_; slot < slots_; ++slot) {
        for (size_t piece = slot == slot_ ? piece_ : 0; piece < slot_of_[slot].count; ++piece) {
            length += slot_of_[slot].pieces[piece].length;
        }
    }
    return length - progress_;
}

void Exchange::sent(uint64_t length) {
    progress_ += length;
    while (has_output() && progress_ >= slot_of_[slot_].pieces[piece_].length) {
        progress_ -= slot_of_[slot_].pieces[piece_].length;
        if (++piece_ < slot_of_[slot_].count) continue;
        piece_ = 0;
        slot_of_[slot_++].response.reset();
    }
    if (slot_ == slots_) slot_ = slots_ = 0;
}

}  // namespace twin
