// SPDX-License-Identifier: Apache-2.0
//
// Text in a caller's buffer, cut where the buffer ends and always terminated; for messages that are handed
// back rather than written. Unlike Line (print.h) it also takes text of strangers: what is not printable
// becomes '?', so that a message stays one line, and what is long is shortened.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rondo {

// string_view::substr without its exception.
inline std::string_view first(std::string_view text, size_t count) {
    return {text.data(), count < text.size() ? count : text.size()};
}

class Text {
   public:
    Text(char* buffer, size_t size) : buffer_(buffer), size_(size) {
        if (size_ > 0) {
            buffer_[0] = 0;
        }
    }

    Text& operator<<(std::string_view text) {
        for (char character : text) {
            put(character);
        }
        return *this;
    }

    Text& operator<<(uint64_t value) { return value < 10 ? digit(value) : (*this << value / 10).digit(value % 10); }

    Text& operator<<(const void* pointer) {
        *this << "0x";
        auto value = reinterpret_cast<uint64_t>(pointer);
        int shift = 60;
        while (shift > 0 && value >> shift == 0) {
            shift -= 4;
        }
        for (; shift >= 0; shift -= 4) {
            put("0123456789abcdef"[value >> shift & 15]);
        }
        return *this;
    }

    Text& operator<<(const char* text) { return *this << std::string_view(text); }

    Text& quote(std::string_view text) {
        bool whole = text.size() <= kQuoteLimit;
        for (char character : first(text, kQuoteLimit)) {
            put(character >= ' ' && character < 127 ? character : '?');
        }
        return whole ? *this : *this << "...";
    }

   private:
    void put(char character) {
        if (length_ + 1 < size_) {
            buffer_[length_++] = character;
            buffer_[length_] = 0;
        }
    }

    Text& digit(uint64_t value) {
        put(static_cast<char>('0' + value));
        return *this;
    }

    static constexpr size_t kQuoteLimit = 64;
    char* buffer_;
    size_t size_;
    size_t length_ = 0;
};

}  // namespace rondo
