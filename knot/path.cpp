// SPDX-License-Identifier: Apache-2.0
//
// See path.h.

#include "knot/path.h"

#include <cstdint>
#include <cstring>

#include "knot/characters.h"

namespace knot {

namespace {

class Name {
   public:
    explicit Name(char* text) : text_(text) {}

    // False: no room.
    bool add(char c) {
        if (length_ + 1 >= kMostPath) {
            return false;
        }
        text_[length_++] = c;
        return true;
    }

    // At a '/' or the end. False: the path leaves the root.
    bool end_segment(bool separated) {
        std::string_view segment(text_ + segment_, length_ - segment_);
        if (segment == "..") {
            if (segment_ == 0) {
                return false;
            }
            length_ = segment_ - 1;
            while (length_ > 0 && text_[length_ - 1] != '/') {
                --length_;
            }
        } else if (segment == ".") {
            length_ = segment_;
        } else if (separated && !segment.empty()) {
            text_[length_++] = '/';  // add() leaves it room
        }
        segment_ = length_;
        return true;
    }

    int finish() {
        if (length_ == 0 || text_[length_ - 1] == '/') {
            if (length_ + kIndex.size() > kMostPath) {
                return -404;
            }
            memcpy(text_ + length_, kIndex.data(), kIndex.size());
            length_ += kIndex.size();
        }
        if (length_ > kMostPath) {
            return -404;
        }
        text_[length_] = '\0';
        return static_cast<int>(length_);
    }

   private:
    char* text_;
    size_t length_ = 0;
    size_t segment_ = 0;  // where the segment begins
};

}  // namespace

int file_name(std::string_view path, char* text) {
    Name name(text);
    for (size_t i = 1; i < path.size(); ++i) {
        char c = path[i];
        if (c == '/') {
            if (!name.end_segment(true)) {
                return -400;
            }
            continue;
        }
        if (c == '%') {
            c = static_cast<char>(hex_value(path[i + 1]) << 4 | hex_value(path[i + 2]));
            i += 2;
            if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) {
                return -400;
            }
            if (c == '/') {
                return -404;
            }
        }
        if (!name.add(c)) {
            return -404;
        }
    }
    return name.end_segment(false) ? name.finish() : -400;
}

}  // namespace knot
