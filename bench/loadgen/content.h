// SPDX-License-Identifier: Apache-2.0
//
// What an echo message says. Byte i of message `sequence` of connection `connection` is a function of the
// three, so a byte that is lost, doubled, swapped between connections or taken from an older message is seen.
// A message is a line: printable characters, the last byte a newline, so line-reading servers can be checked
// as well. Any range can be produced without the rest: nothing is stored per connection, not even the message
// in flight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace loadgen {

class Content {
   public:
    Content(uint32_t connection, uint64_t sequence, size_t size)
        : seed_(mix((uint64_t{connection} << 40) ^ sequence)), size_(size) {}

    // Writes bytes [offset, offset + length) of the message; the range must lie within it.
    void fill(size_t offset, char* out, size_t length) const {
        const size_t end = offset + length;
        while (length > 0) {
            const uint64_t word = word_at(offset / 8);
            const size_t skip = offset % 8;
            const size_t part = length < 8 - skip ? length : 8 - skip;
            memcpy(out, reinterpret_cast<const char*>(&word) + skip, part);
            out += part;
            offset += part;
            length -= part;
        }
        if (end == size_) out[-1] = '\n';
    }

   private:
    static uint64_t mix(uint64_t x) {
        x += 0x9e3779b97f4a7c15u;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
        return x ^ (x >> 31);
    }

    uint64_t word_at(size_t index) const {
        uint64_t x = (seed_ + index) * 0x9e3779b97f4a7c15u;
        x ^= x >> 29;
        return (x & 0x3f3f3f3f3f3f3f3fu) + 0x2020202020202020u;
    }

    uint64_t seed_;
    size_t size_;
};

}  // namespace loadgen
