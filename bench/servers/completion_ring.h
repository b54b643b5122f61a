// SPDX-License-Identifier: Apache-2.0
//
// An io_uring as the proactor uses it: one thread submits and completes, completions are worked off only when that
// thread waits (DEFER_TASKRUN), everything asked for goes in with that one call, and received bytes come in buffers of
// the ring's choice. The buffers are few, so that they stay in the cache: who takes one gives it back before the next
// wait.
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>

namespace twin {

class CompletionRing {
   public:
    // Ends the process where io_uring does not work.
    CompletionRing();
    CompletionRing(const CompletionRing&) = delete;
    CompletionRing& operator=(const CompletionRing&) = delete;

    io_uring_sqe* entry(uint64_t user_data);
    void choose_buffer(io_uring_sqe* sqe) const;
    const char* data(uint16_t buffer) const { return buffers_ + size_t{buffer} * kBufferSize; }
    void give_back(uint16_t buffer);

    // Until something is complete, or so many milliseconds; -1: without a limit.
    void submit_and_wait(int milliseconds);
    template <typename Do>
    void for_each(Do&& complete) {
        unsigned head = 0, seen = 0;
        io_uring_cqe* completion = nullptr;
        io_uring_for_each_cqe(&ring_, head, completion) {
            complete(*completion);
            ++seen;
        }
        io_uring_cq_advance(&ring_, seen);
    }

   private:
    static constexpr unsigned kBuffers = 512;  // a power of two
    static constexpr unsigned kBufferSize = 4096;

    void make_buffers();

    io_uring ring_{};
    io_uring_buf_ring* buffer_ring_ = nullptr;
    char* buffers_ = nullptr;
};

}  // namespace twin
