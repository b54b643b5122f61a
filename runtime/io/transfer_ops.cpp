// SPDX-License-Identifier: Apache-2.0
//
// See transfer_ops.h.

#include "runtime/io/transfer_ops.h"

#include <fcntl.h>
#include <poll.h>

#include <cerrno>

#include "runtime/core/cancel.h"
#include "runtime/core/worker.h"
#include "runtime/io/fd_table.h"
#include "runtime/io/file_ops.h"
#include "runtime/io/io_ops.h"

namespace rondo {

namespace {

constexpr size_t kChunk = 256U << 10;
constexpr off_t kSampleStep = 64 << 10;
constexpr int kNoWait = 8;  // RWF_NOWAIT of <linux/fs.h>

bool is_file(const FdEntry& entry) { return entry.kind() == FdKind::file; }

bool is_ready(int fd, short events) {
    pollfd look{fd, events, 0};
    timespec now{};
    return sys::call(SYS_ppoll, sys::to_arg(&look), 1, sys::to_arg(&now)) > 0;
}

// False: the call may wait at this end, whatever we do.
bool never_waits(int fd, FdEntry& entry) {
    return !entry.is_socket() || is_nonblocking(fd, entry) || FdTable::instance().hide_nonblocking(fd, entry);
}

// memfds and files of tmpfs do not know RWF_NOWAIT, but have seals.
bool is_memory(int fd) { return sys::call(SYS_fcntl, fd, F_GET_SEALS) >= 0; }

// By samples; what lies between them costs a disk read at worst.
bool is_cached(int in, const off_t* place, size_t length) {
    off_t first = place != nullptr ? *place : sys::call(SYS_lseek, in, 0, SEEK_CUR);
    off_t last = first + static_cast<off_t>(length) - 1;
    for (off_t at = first; at <= last; at = at < last && at + kSampleStep > last ? last : at + kSampleStep) {
        char byte;
        iovec vector{&byte, 1};
        long got = sys::call(SYS_preadv2, in, sys::to_arg(&vector), 1, at, 0, kNoWait);
        if (got < 0) {
            return got == -EOPNOTSUPP && is_memory(in);
        }
        if (got == 0) {
            return true;
        }
    }
    return true;
}

long send_chunk(int out, int in, off_t* offset, size_t length) {
    auto count = static_cast<long>(length);
    return is_cached(in, offset, length) ? sys::call(SYS_sendfile, out, in, sys::to_arg(offset), count)
                                         : call_on_file(SYS_sendfile, out, in, sys::to_arg(offset), count);
}

// To a socket that answers EAGAIN when it is full.
long send_chunks(int out, int in, off_t* offset, size_t count, Nanoseconds timeout) {
    size_t done = 0;
    while (done < count) {
        size_t length = count - done < kChunk ? count - done : kChunk;
        long result = send_chunk(out, in, offset, length);
        if (result == -EAGAIN) {
            result = wait_ready(out, POLLOUT, timeout);
        } else if (result > 0) {
            done += static_cast<size_t>(result);
        } else {
            return done > 0 ? static_cast<long>(done) : result;
        }
        if (result < 0) {
            return done > 0 ? static_cast<long>(done) : result;
        }
        self_->spend_budget("transfer");
    }
    return static_cast<long>(done);
}

// A pipe takes the file by splice, which can be told not to wait there.
long send_to_pipe(int out, int in, off_t* offset, size_t count) {
    return io_splice(in, offset, out, nullptr, count, 0);
}

struct Splice {
    long number;
    int in;
    int out;
    long args[6];
    bool reads_file;
    bool writes_file;

    long attempt() const {
        return reads_file || writes_file ? call_on_file(number, args[0], args[1], args[2], args[3], args[4], args[5])
                                         : sys::call(number, args[0], args[1], args[2], args[3], args[4], args[5]);
    }
};

// Between two ends that answer EAGAIN.
long repeat(const Splice& splice) {
    for (;;) {
        long result = splice.attempt();
        if (result != -EAGAIN) {
            self_->spend_budget("transfer");
            return result;
        }
        bool no_input = splice.in >= 0 && !splice.reads_file && !is_ready(splice.in, POLLIN);
        bool waits_for_room = !no_input && splice.out >= 0 && !splice.writes_file;
        if (no_input || waits_for_room) {
            result = no_input ? wait_ready(splice.in, POLLIN, 0) : wait_ready(splice.out, POLLOUT, 0);
        }
        if (result < 0 && result != -EAGAIN) {
            return result;
        }
        self_->yield_current();
    }
}

}  // namespace

long io_sendfile(int out, int in, off_t* offset, size_t count) {
    FdEntry* to = FdTable::instance().find(out);
    FdEntry* from = FdTable::instance().find(in);
    if (to == nullptr || from == nullptr) {
        return -EBADF;
    }
    auto length = static_cast<long>(count);
    if (!is_file(*from) || is_file(*to)) {
        return call_on_file(SYS_sendfile, out, in, sys::to_arg(offset), length);
    }
    if (is_nonblocking(out, *to)) {
        return answered(send_chunk(out, in, offset, count));
    }
    if (to->kind() == FdKind::pipe) {
        return send_to_pipe(out, in, offset, count);
    }
    if (!to->is_socket() || !FdTable::instance().hide_nonblocking(out, *to)) {
        return call_on_thread(SYS_sendfile, out, in, sys::to_arg(offset), length);
    }
    return send_chunks(out, in, offset, count, to->send_timeout.load(std::memory_order_relaxed));
}

long io_splice(int in, off_t* in_offset, int out, off_t* out_offset, size_t length, unsigned flags) {
    cancellation_point();
    FdEntry* from = FdTable::instance().find(in);
    FdEntry* to = FdTable::instance().find(out);
    if (from == nullptr || to == nullptr) {
        return -EBADF;
    }
    bool once = (flags & SPLICE_F_NONBLOCK) != 0 || is_nonblocking(in, *from) || is_nonblocking(out, *to);
    Splice splice{SYS_splice,
                  in,
                  out,
                  {in, sys::to_arg(in_offset), out, sys::to_arg(out_offset), static_cast<long>(length),
                   static_cast<long>(flags | SPLICE_F_NONBLOCK)},
                  is_file(*from),
                  is_file(*to)};
    if (!never_waits(in, *from) || !never_waits(out, *to)) {
        return call_on_thread(SYS_splice, in, splice.args[1], out, splice.args[3], splice.args[4], flags);
    }
    return once ? answered(splice.attempt()) : repeat(splice);
}

long io_tee(int in, int out, size_t length, unsigned flags) {
    cancellation_point();
    FdEntry* from = FdTable::instance().find(in);
    FdEntry* to = FdTable::instance().find(out);
    if (from == nullptr || to == nullptr) {
        return -EBADF;
    }
    bool once = (flags & SPLICE_F_NONBLOCK) != 0 || is_nonblocking(in, *from) || is_nonblocking(out, *to);
    Splice tee{SYS_tee, in,
               out,     {in, out, static_cast<long>(length), static_cast<long>(flags | SPLICE_F_NONBLOCK), 0, 0},
               false,   false};
    return once ? answered(tee.attempt()) : repeat(tee);
}

long io_vmsplice(int pipe, const iovec* vector, size_t count, unsigned flags) {
    cancellation_point();
    FdEntry* entry = FdTable::instance().find(pipe);
    long access = entry != nullptr ? sys::call(SYS_fcntl, pipe, F_GETFL) : -EBADF;
    if (access < 0) {
        return access;
    }
    bool reads = (access & O_ACCMODE) == O_RDONLY;
    bool once = (flags & SPLICE_F_NONBLOCK) != 0 || is_nonblocking(pipe, *entry);
    Splice splice{
        SYS_vmsplice,
        reads ? pipe : -1,
        reads ? -1 : pipe,
        {pipe, sys::to_arg(vector), static_cast<long>(count), static_cast<long>(flags | SPLICE_F_NONBLOCK), 0, 0},
        false,
        false};
    return once ? answered(splice.attempt()) : repeat(splice);
}

}  // namespace rondo
