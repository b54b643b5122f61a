// SPDX-License-Identifier: Apache-2.0
//
// See completion_ring.h.
#include "bench/servers/completion_ring.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace twin {

namespace {

constexpr unsigned kEntries = 4096;
constexpr uint16_t kGroup = 0;

[[noreturn]] void fail(const char* what, int error) {
    fprintf(stderr, "proactor: %s: %s\n", what, strerror(error));
    exit(1);
}

}  // namespace

CompletionRing::CompletionRing() {
    io_uring_params parameters{};
    parameters.flags =
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_CQSIZE;
    parameters.cq_entries = 4 * kEntries;
    const int error = io_uring_queue_init_params(kEntries, &ring_, &parameters);
    if (error != 0) fail("io_uring", -error);
    io_uring_register_ring_fd(&ring_);
    make_buffers();
}

void CompletionRing::make_buffers() {
    const size_t ring_size = kBuffers * sizeof(io_uring_buf);
    void* memory = mmap(nullptr, ring_size + size_t{kBuffers} * kBufferSize, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) fail("buffers", errno);
    buffer_ring_ = static_cast<io_uring_buf_ring*>(memory);
    buffers_ = static_cast<char*>(memory) + ring_size;
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<uintptr_t>(memory);
    registration.ring_entries = kBuffers;
    registration.bgid = kGroup;
    const int error = io_uring_register_buf_ring(&ring_, &registration, 0);
    if (error != 0) fail("buffers", -error);
    io_uring_buf_ring_init(buffer_ring_);
    for (unsigned i = 0; i < kBuffers; ++i) give_back(static_cast<uint16_t>(i));
}

void CompletionRing::choose_buffer(io_uring_sqe* sqe) const {
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = kGroup;
}

void CompletionRing::give_back(uint16_t buffer) {
    io_uring_buf_ring_add(buffer_ring_, buffers_ + size_t{buffer} * kBufferSize, kBufferSize, buffer,
                          io_uring_buf_ring_mask(kBuffers), 0);
    io_uring_buf_ring_advance(buffer_ring_, 1);
}

io_uring_sqe* CompletionRing::entry(uint64_t user_data) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    while (sqe == nullptr) {
        io_uring_submit(&ring_);
        sqe = io_uring_get_sqe(&ring_);
    }
    sqe->user_data = user_data;
    return sqe;
}

void CompletionRing::submit_and_wait(int milliseconds) {
    io_uring_cqe* first = nullptr;
    if (milliseconds < 0) {
        io_uring_submit_and_wait(&ring_, 1);
        return;
    }
    __kernel_timespec timeout{milliseconds / 1000, milliseconds % 1000 * 1'000'000LL};
    io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
}

}  // namespace twin
