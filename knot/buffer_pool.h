// SPDX-License-Identifier: Apache-2.0
//
// Buffers for the heads of requests that outgrow a connection's own room. A connection has one only while it
// handles such a request. Some are kept for the next; the others go back to the allocator.
#pragma once

#include <pthread.h>

#include <cstddef>

namespace knot {

class BufferPool {
   public:
    explicit BufferPool(size_t size) : size_(size) {}
    BufferPool(const BufferPool&) = delete;
    BufferPool& operator=(const BufferPool&) = delete;

    size_t size() const { return size_; }
    // Null: no memory.
    char* take();
    void give_back(char* buffer);

   private:
    static constexpr size_t kMostKept = 64;

    const size_t size_;
    pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
    // Under lock_.
    char* kept_[kMostKept] = {};
    size_t count_ = 0;
};

}  // namespace knot
