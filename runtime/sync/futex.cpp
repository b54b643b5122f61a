// SPDX-License-Identifier: Apache-2.0
//
// See futex.h. The word is compared under the bucket lock, which the waker takes after it has changed the word.

#include "runtime/sync/futex.h"

#include <cerrno>

#include "runtime/core/wait_table.h"

namespace rondo {

int futex_wait(const uint32_t* word, uint32_t expected, Deadline deadline) {
    WaitQueue queue(word);
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != expected) {
        queue.unlock();
        return EAGAIN;
    }
    Waiter waiter(WaitReason::futex, word);
    return queue.park_back(waiter, deadline) == WakeCause::timed_out ? ETIMEDOUT : 0;
}

int futex_wake(const uint32_t* word, int count) {
    WaitQueue queue(word);
    Waiter* chain = nullptr;
    Waiter** end = &chain;
    for (int i = 0; i < count; ++i) {
        Waiter* waiter = queue.claim_first();
        if (waiter == nullptr) {
            break;
        }
        *end = waiter;
        end = &waiter->next;
    }
    *end = nullptr;
    queue.unlock();
    return release_all(chain);
}

}  // namespace rondo
