// SPDX-License-Identifier: Apache-2.0
//
// See buffer_pool.h.

#include "knot/buffer_pool.h"

#include <cstdlib>

#include "knot/lock.h"

namespace knot {

char* BufferPool::take() {
    {
        Locked locked(lock_);
        if (count_ > 0) {
            return kept_[--count_];
        }
    }
    return static_cast<char*>(malloc(size_));
}

void BufferPool::give_back(char* buffer) {
    {
        Locked locked(lock_);
        if (count_ < kMostKept) {
            kept_[count_++] = buffer;
            return;
        }
    }
    free(buffer);
}

}  // namespace knot
