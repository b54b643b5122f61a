// SPDX-License-Identifier: Apache-2.0
//
// select on a fiber (declared in poll_ops.h). The kernel answers, on copies of the caller's sets, so its rules hold:
// what counts as readable, EBADF, and a count beyond its table of descriptors. The sets become a list for poll only
// when the call has to wait. One block holds the three questions and the three answers: in the frame for sets of
// FD_SETSIZE, else allocated.
//
// A count beyond FD_SETSIZE may come from getdtablesize() with sets that are smaller; the kernel reads no further than
// the process's table of descriptors reaches, and neither do we.

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "runtime/base/sys.h"
#include "runtime/core/cancel.h"
#include "runtime/io/fd_table.h"
#include "runtime/io/poll_ops.h"

namespace rondo {

namespace {

constexpr size_t kSets = 3;
constexpr size_t kWordBits = 64;
constexpr short kSetEvents[kSets] = {POLLIN, POLLOUT, POLLPRI};

// FDSize of /proc/self/status: the numbers that the kernel's table has room for now. `most` if it cannot be read.
int kernel_table_size(int most) {
    char text[2048];
    long fd = sys::call(SYS_openat, AT_FDCWD, sys::to_arg("/proc/self/status"), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return most;
    }
    long got = sys::read(static_cast<int>(fd), text, sizeof text - 1);
    sys::close(static_cast<int>(fd));
    text[got > 0 ? got : 0] = '\0';
    const char* line = strstr(text, "\nFDSize:");
    int size = 0;
    for (const char* digit = line != nullptr ? line + sizeof "\nFDSize:" : ""; *digit >= '0' && *digit <= '9';
         ++digit) {
        size = size * 10 + (*digit - '0');
    }
    return size > 0 && size < most ? size : most;
}

class SelectCall {
   public:
    SelectCall(int count, fd_set* readable, fd_set* writable, fd_set* exceptional)
        : count_(count <= FD_SETSIZE ? count : kernel_table_size(count)), sets_{readable, writable, exceptional} {
        words_ = count_ > 0 ? (static_cast<size_t>(count_) + kWordBits - 1) / kWordBits : 0;
    }
    SelectCall(const SelectCall&) = delete;
    SelectCall& operator=(const SelectCall&) = delete;
    ~SelectCall() {
        free(list_);
        if (block_ != frame_) {
            free(block_);
        }
    }

    bool allocate() {
        size_t bytes = 2 * kSets * words_ * sizeof(uint64_t);
        block_ = bytes <= sizeof frame_ ? frame_ : static_cast<uint64_t*>(malloc(bytes));
        for (size_t i = 0; block_ != nullptr && i < kSets; ++i) {
            if (sets_[i] != nullptr) {
                memcpy(asked(i), sets_[i], words_ * sizeof(uint64_t));
            }
        }
        return block_ != nullptr;
    }

    Question question() {
        return {[](void* call) { return static_cast<SelectCall*>(call)->ask_kernel(); }, this};
    }

    // The answers become the caller's sets.
    void hand_over() {
        for (size_t i = 0; i < kSets; ++i) {
            if (sets_[i] != nullptr) {
                memcpy(sets_[i], answer(i), words_ * sizeof(uint64_t));
            }
        }
    }

    long wait(Deadline deadline) {
        nfds_t most = 0;
        for (size_t word = 0; word < words_; ++word) {
            most += static_cast<nfds_t>(__builtin_popcountll(any_of(word)));
        }
        list_ = static_cast<pollfd*>(malloc((most + 1) * sizeof(pollfd)));
        return list_ == nullptr ? -ENOMEM : wait_for_answer(question(), list_, fill_list(), deadline);
    }

   private:
    uint64_t* asked(size_t set) { return block_ + set * words_; }
    uint64_t* answer(size_t set) { return block_ + (kSets + set) * words_; }

    uint64_t any_of(size_t word) {
        uint64_t bits = 0;
        for (size_t i = 0; i < kSets; ++i) {
            bits |= sets_[i] != nullptr ? asked(i)[word] : 0;
        }
        auto beyond = static_cast<size_t>(count_) - word * kWordBits;
        return beyond < kWordBits ? bits & ((uint64_t{1} << beyond) - 1) : bits;
    }

    short events_of(int fd) {
        int events = 0;
        for (size_t i = 0; i < kSets; ++i) {
            auto at = static_cast<size_t>(fd);
            bool wanted = sets_[i] != nullptr && (asked(i)[at / kWordBits] >> at % kWordBits & 1) != 0;
            events |= wanted ? kSetEvents[i] : 0;
        }
        return static_cast<short>(events);
    }

    // The kernel has no objection, so what is not open lies beyond its table, where it does not look.
    nfds_t fill_list() {
        nfds_t used = 0;
        for (size_t word = 0; word < words_; ++word) {
            for (uint64_t bits = any_of(word); bits != 0; bits &= bits - 1) {
                int fd = static_cast<int>(word * kWordBits) + __builtin_ctzll(bits);
                if (FdTable::instance().find(fd) != nullptr) {
                    list_[used++] = {fd, events_of(fd), 0};
                }
            }
        }
        return used;
    }

    long ask_kernel() {
        long at[kSets];
        for (size_t i = 0; i < kSets; ++i) {
            at[i] = sys::to_arg(sets_[i] != nullptr ? answer(i) : nullptr);
        }
        memcpy(answer(0), asked(0), kSets * words_ * sizeof(uint64_t));
        timespec now{};
        return sys::call(SYS_pselect6, count_, at[0], at[1], at[2], sys::to_arg(&now), 0);
    }

    int count_;
    fd_set* sets_[kSets];
    size_t words_;  // of each set
    pollfd* list_ = nullptr;
    uint64_t* block_ = frame_;
    uint64_t frame_[2 * kSets * FD_SETSIZE / kWordBits];
};

long select_now_or_wait(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, Deadline deadline) {
    SelectCall call(count, readable, writable, exceptional);
    if (!call.allocate()) {
        return -ENOMEM;
    }
    long ready = call.question().ask();
    if (!settled(ready, deadline)) {
        ready = call.wait(deadline);
    }
    if (ready >= 0) {
        call.hand_over();
    }
    return ready;
}

}  // namespace

long io_select(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, Deadline deadline) {
    cancellation_point();
    long ready = 0;
    do {
        ready = select_now_or_wait(count, readable, writable, exceptional, deadline);
    } while (!ends_call(ready, Restart::never));
    return ready;
}

}  // namespace rondo
