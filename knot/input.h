// SPDX-License-Identifier: Apache-2.0
//
// What a connection has received and not used yet. The first bytes lie in the connection's own frame, in the page of
// stack that a parked thread has anyway, and so few that all calls for a usual request fit into that page as well; a
// longer head goes on in a buffer of the pool, which is given back before the thread waits for the next request. So an
// idle connection holds one page and no buffer.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string_view>

#include "knot/buffer_pool.h"

namespace knot {

class Input {
   public:
    Input(int descriptor, BufferPool& pool) : descriptor_(descriptor), pool_(pool) {}
    ~Input() { release(); }
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    std::string_view bytes() const { return {begin_, static_cast<size_t>(end_ - begin_)}; }
    // The bytes behind the first `length`.
    std::string_view behind(size_t length) const { return bytes().substr(length); }
    void drop(size_t length) { begin_ += length; }
    // Takes `length` bytes out that lie `at` bytes behind the beginning. The bytes before them stay where they are.
    void cut(size_t at, size_t length);

    // Sees to it that `room` more bytes fit. `moved`: what bytes() returned is elsewhere now. False: no memory.
    bool make_room(size_t room, bool& moved);
    // With nothing received: back to the own bytes.
    void settle();
    // Blocks. The number of bytes added, 0 at the end, or -1 and errno.
    ssize_t receive();

   private:
    static constexpr size_t kOwn = 768;

    void release();

    const int descriptor_;
    BufferPool& pool_;
    char* buffer_ = own_;
    size_t capacity_ = kOwn;
    char* begin_ = own_;
    char* end_ = own_;
    char own_[kOwn];
};

}  // namespace knot
