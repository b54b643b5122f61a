// SPDX-License-Identifier: Apache-2.0
//
// Reading /proc without stdio: a whole small file, a file line by line, and the numbers in a line.
#pragma once

#include <fcntl.h>

#include <cstring>
#include <string_view>

#include "runtime/base/sys.h"

namespace rondo {

class ProcFile {
   public:
    explicit ProcFile(const char* path)
        : fd_(sys::call(SYS_openat, AT_FDCWD, sys::to_arg(path), O_RDONLY | O_CLOEXEC)) {}
    ~ProcFile() {
        if (fd_ >= 0) {
            sys::close(static_cast<int>(fd_));
        }
    }
    ProcFile(const ProcFile&) = delete;
    ProcFile& operator=(const ProcFile&) = delete;

    // What fits of the next line, without its end; valid until the next call. False: there are no more.
    bool next_line(std::string_view& line) {
        used_ += taken_;
        for (;;) {
            auto* end = static_cast<char*>(memchr(buffer_ + used_, '\n', filled_ - used_));
            if (end != nullptr) {
                line = {buffer_ + used_, static_cast<size_t>(end - buffer_ - static_cast<long>(used_))};
                taken_ = line.size() + 1;
                return true;
            }
            if (!fill()) {
                line = {buffer_ + used_, filled_ - used_};
                taken_ = line.size();
                return taken_ > 0;
            }
        }
    }

   private:
    // False: nothing more came, or the buffer holds one line that is too long.
    bool fill() {
        memmove(buffer_, buffer_ + used_, filled_ - used_);
        filled_ -= used_;
        used_ = 0;
        long length = fd_ >= 0 ? sys::read(static_cast<int>(fd_), buffer_ + filled_, sizeof buffer_ - filled_) : 0;
        filled_ += length > 0 ? static_cast<size_t>(length) : 0;
        return length > 0;
    }

    long fd_;
    size_t used_ = 0;    // consumed
    size_t taken_ = 0;   // of the line last given
    size_t filled_ = 0;  // read
    char buffer_[4608];  // a path of the greatest length and what stands before it
};

// Takes a word off the front: what stands before the next separator.
inline std::string_view take_word(std::string_view& text, char separator = ' ') {
    size_t begin = text.find_first_not_of(separator);
    text.remove_prefix(begin != std::string_view::npos ? begin : text.size());
    size_t end = text.find(separator);
    end = end != std::string_view::npos ? end : text.size();
    std::string_view word(text.data(), end);
    text.remove_prefix(end);
    return word;
}

// Decimal, or hexadecimal with or without 0x; ends at the first other character.
inline uint64_t to_number(std::string_view word, unsigned base) {
    if (base == 16 && word.size() > 2 && word[0] == '0' && word[1] == 'x') {
        word.remove_prefix(2);
    }
    uint64_t value = 0;
    for (char character : word) {
        unsigned digit =
            character >= 'a' ? static_cast<unsigned>(character - 'a') + 10 : static_cast<unsigned>(character - '0');
        if (digit >= base) {
            break;
        }
        value = value * base + digit;
    }
    return value;
}

}  // namespace rondo
