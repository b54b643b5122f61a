// SPDX-License-Identifier: Apache-2.0
//
// See file_ops.h. A part that was moved inline is dropped from a copy of the vector, and the thread goes on behind it:
// the file position is the kernel's, so the parts follow each other.

#include "runtime/io/file_ops.h"

#include <cerrno>
#include <cstddef>

#include "runtime/base/sys.h"
#include "runtime/core/worker.h"
#include "runtime/io/offload_pool.h"

namespace rondo {

namespace {

constexpr int kElements = 64;
constexpr long kNoWait = 8;  // RWF_NOWAIT of <linux/fs.h>

struct FileCall {
    long inline_number;
    long blocking_number;
    int fd;
    iovec vector[kElements];
    int count;
    size_t done;
    long result;
};

void drop_front(FileCall& call, size_t bytes) {
    int first = 0;
    while (first < call.count && bytes >= call.vector[first].iov_len) {
        bytes -= call.vector[first++].iov_len;
    }
    for (int i = first; i < call.count; ++i) {
        call.vector[i - first] = call.vector[i];
    }
    call.count -= first;
    if (call.count > 0) {
        call.vector[0].iov_base = static_cast<char*>(call.vector[0].iov_base) + bytes;
        call.vector[0].iov_len -= bytes;
    }
}

void block_on_it(void* arg) {
    auto* call = static_cast<FileCall*>(arg);
    call->result = sys::call(call->blocking_number, call->fd, sys::to_arg(call->vector), call->count);
}

// True: finished without waiting, or failed.
bool move_inline(FileCall& call) {
    while (call.count > 0) {
        call.result = sys::call(call.inline_number, call.fd, sys::to_arg(call.vector), call.count, -1, -1, kNoWait);
        if (call.result <= 0) {
            return call.result != -EAGAIN && call.result != -EOPNOTSUPP;
        }
        call.done += static_cast<size_t>(call.result);
        drop_front(call, static_cast<size_t>(call.result));
    }
    call.result = 0;
    return true;
}

long run(FileCall& call, const iovec* vector, int count) {
    if (count < 0 || count > kElements) {
        return sys::call(call.blocking_number, call.fd, sys::to_arg(vector), count);
    }
    for (int i = 0; i < count; ++i) {
        call.vector[i] = vector[i];
    }
    if (!move_inline(call) && OffloadPool::files().run(block_on_it, &call) != 0) {
        block_on_it(&call);
    }
    self_->spend_budget();
    if (call.result < 0) {
        return call.done > 0 ? static_cast<long>(call.done) : call.result;
    }
    return static_cast<long>(call.done) + call.result;
}

}  // namespace

long read_file(int fd, const iovec* vector, int count) {
    FileCall call{SYS_preadv2, SYS_readv, fd, {}, count, 0, 0};
    return run(call, vector, count);
}

long write_file(int fd, const iovec* vector, int count) {
    FileCall call{SYS_pwritev2, SYS_writev, fd, {}, count, 0, 0};
    return run(call, vector, count);
}

}  // namespace rondo
