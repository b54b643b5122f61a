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
    long number;
    int fd;
    FilePlace place;
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

long transfer(const FileCall& call, long more_flags) {
    return sys::call(call.number, call.fd, sys::to_arg(call.vector), call.count, call.place.offset, 0,
                     call.place.flags | more_flags);
}

void block_on_it(void* arg) {
    auto* call = static_cast<FileCall*>(arg);
    call->result = transfer(*call, 0);
}

// True: finished without waiting, or failed.
bool move_inline(FileCall& call) {
    while (call.count > 0) {
        call.result = transfer(call, kNoWait);
        if (call.result <= 0) {
            return call.result != -EAGAIN && call.result != -EOPNOTSUPP;
        }
        call.done += static_cast<size_t>(call.result);
        drop_front(call, static_cast<size_t>(call.result));
        if (call.place.offset != FilePlace::kCurrent) {
            call.place.offset += call.result;
        }
    }
    call.result = 0;
    return true;
}

long run(FileCall& call, const iovec* vector, int count) {
    bool never_waits = (call.place.flags & kNoWait) != 0;
    if (count < 0 || never_waits) {
        return sys::call(call.number, call.fd, sys::to_arg(vector), count, call.place.offset, 0, call.place.flags);
    }
    if (count > kElements) {
        return call_on_file(call.number, call.fd, sys::to_arg(vector), count, call.place.offset, 0, call.place.flags);
    }
    for (int i = 0; i < count; ++i) {
        call.vector[i] = vector[i];
    }
    if (!move_inline(call) && OffloadPool::files().run(block_on_it, &call) != 0) {
        block_on_it(&call);
    }
    self_->spend_budget("file");
    if (call.result < 0) {
        return call.done > 0 ? static_cast<long>(call.done) : call.result;
    }
    return static_cast<long>(call.done) + call.result;
}

struct AnyCall {
    long number;
    long args[6];
    long result;
};

void make_call(void* arg) {
    auto* call = static_cast<AnyCall*>(arg);
    const long* args = call->args;
    call->result = sys::call(call->number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

}  // namespace

long read_file(int fd, const iovec* vector, int count, FilePlace place) {
    FileCall call{SYS_preadv2, fd, place, {}, count, 0, 0};
    return run(call, vector, count);
}

long write_file(int fd, const iovec* vector, int count, FilePlace place) {
    FileCall call{SYS_pwritev2, fd, place, {}, count, 0, 0};
    return run(call, vector, count);
}

long call_on_file(long number, long a, long b, long c, long d, long e, long f) {
    AnyCall call{number, {a, b, c, d, e, f}, 0};
    if (OffloadPool::files().run(make_call, &call) != 0) {
        make_call(&call);
    }
    return call.result;
}

}  // namespace rondo
