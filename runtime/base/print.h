// SPDX-License-Identifier: Apache-2.0
//
// One line of text in a fixed buffer, sent with one write. Usable where stdio is not: on a worker's own stack, under a
// spinlock, in a signal handler. A line that is too long is cut and still ends in a newline.
#pragma once

#include <cstring>

#include "runtime/base/sys.h"

namespace rondo {

class Line {
   public:
    Line& operator<<(const char* text) {
        append(text, strlen(text));
        return *this;
    }

    Line& operator<<(char character) {
        append(&character, 1);
        return *this;
    }

    Line& operator<<(const void* pointer) {
        append("0x", 2);
        digits(reinterpret_cast<uint64_t>(pointer), 16);
        return *this;
    }

    Line& operator<<(uint64_t value) {
        digits(value, 10);
        return *this;
    }

    Line& operator<<(int64_t value) {
        if (value < 0) {
            append("-", 1);
        }
        digits(value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value), 10);
        return *this;
    }

    Line& operator<<(int value) { return *this << static_cast<int64_t>(value); }
    Line& operator<<(unsigned value) { return *this << static_cast<uint64_t>(value); }

    // Pads with blanks up to the column.
    Line& column(size_t position) {
        while (length_ < position) {
            append(" ", 1);
        }
        return *this;
    }

    void send(int fd) {
        text_[length_] = '\n';
        sys::write(fd, text_, length_ + 1);
    }

   private:
    void append(const char* text, size_t length) {
        size_t room = kCapacity - length_;
        size_t taken = length < room ? length : room;
        memcpy(text_ + length_, text, taken);
        length_ += taken;
    }

    void digits(uint64_t value, unsigned base) {
        char reversed[20];
        size_t count = 0;
        do {
            reversed[count++] = "0123456789abcdef"[value % base];
            value /= base;
        } while (value != 0);
        while (count > 0) {
            append(&reversed[--count], 1);
        }
    }

    static constexpr size_t kCapacity = 255;
    char text_[kCapacity + 1];
    size_t length_ = 0;
};

}  // namespace rondo
