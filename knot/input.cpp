// SPDX-License-Identifier: Apache-2.0
//
// See input.h.

#include "knot/input.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace knot {

void Input::cut(size_t at, size_t length) {
    char* hole = begin_ + at;
    memmove(hole, hole + length, static_cast<size_t>(end_ - hole) - length);
    end_ -= length;
}

bool Input::make_room(size_t room, bool& moved) {
    moved = static_cast<size_t>(buffer_ + capacity_ - end_) < room;
    if (!moved) {
        return true;
    }
    const std::string_view kept = bytes();
    char* target = kept.size() + room <= capacity_ ? buffer_ : buffer_ == own_ ? pool_.take() : nullptr;
    if (target == nullptr) {
        return false;
    }
    memmove(target, kept.data(), kept.size());
    capacity_ = target == buffer_ ? capacity_ : pool_.size();
    buffer_ = begin_ = target;
    end_ = begin_ + kept.size();
    return true;
}

void Input::settle() {
    release();
    begin_ = end_ = own_;
}

ssize_t Input::receive() {
    const auto room = static_cast<size_t>(buffer_ + capacity_ - end_);
    for (;;) {
        ssize_t got = recv(descriptor_, end_, room, 0);
        if (got >= 0 || errno != EINTR) {
            end_ += got > 0 ? got : 0;
            return got;
        }
    }
}

void Input::release() {
    if (buffer_ != own_) {
        pool_.give_back(buffer_);
        buffer_ = own_;
        capacity_ = kOwn;
    }
}

}  // namespace knot
