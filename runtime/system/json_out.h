// SPDX-License-Identifier: Apache-2.0
//
// JSON onto a socket through a buffer of the caller's: for answers of any length without memory for all of it. Writes
// are raw calls; after one that fails or takes too long (SO_SNDTIMEO), everything further is dropped. One kernel
// thread.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/base/sys.h"

namespace rondo {

class JsonOut {
   public:
    JsonOut(int socket, char* buffer, size_t size) : socket_(socket), buffer_(buffer), size_(size) {}

    // Text that is JSON already.
    JsonOut& operator<<(std::string_view text) {
        for (char character : text) {
            put(character);
        }
        return *this;
    }

    JsonOut& operator<<(uint64_t value) { return digits(value, 10); }

    // A string of hexadecimal digits: an address has more bits than JSON's numbers.
    JsonOut& address(uint64_t value) {
        *this << "\"0x";
        return digits(value, 16) << "\"";
    }

    // A string; what is not printable ASCII becomes '?', for a name may end in the middle of a character.
    JsonOut& quoted(std::string_view text) {
        put('"');
        for (char character : text) {
            if (character == '"' || character == '\\') {
                put('\\');
            }
            put(character >= ' ' && character < 127 ? character : '?');
        }
        put('"');
        return *this;
    }

    // False: not everything could be sent.
    bool flush() {
        size_t sent = 0;
        while (sent < length_ && !failed_) {
            long count = sys::call(SYS_sendto, socket_, sys::to_arg(buffer_ + sent), static_cast<long>(length_ - sent),
                                   MSG_NOSIGNAL, 0, 0);
            failed_ = count <= 0 && count != -EINTR;
            sent += count > 0 ? static_cast<size_t>(count) : 0;
        }
        length_ = 0;
        return !failed_;
    }

   private:
    void put(char character) {
        if (length_ == size_) {
            flush();
        }
        buffer_[length_++] = character;
    }

    JsonOut& digits(uint64_t value, unsigned base) {
        char reversed[20];
        size_t count = 0;
        do {
            reversed[count++] = "0123456789abcdef"[value % base];
            value /= base;
        } while (value != 0);
        while (count > 0) {
            put(reversed[--count]);
        }
        return *this;
    }

    int socket_;
    char* buffer_;
    size_t size_;
    size_t length_ = 0;
    bool failed_ = false;
};

}  // namespace rondo
