// SPDX-License-Identifier: Apache-2.0
//
// The seam between threads and the kernel's I/O: operations, not readiness. An IoOp lives in the parked thread's frame
// and names a descriptor, a buffer and what to do. submit() either finishes it at once or takes it over; from then on
// only its completion ends the thread's wait, because the kernel may write into the buffer until then. Timeout,
// cancellation, signal and close are requests: cancel() and forget() make the operation complete soon, with what it had
// achieved if it achieved anything.
//
// One backend a worker, used on its kernel thread alone, except wake().
//
// Rejected: an interface of readiness ("tell me when fd is readable"). It fits epoll and not io_uring, and it puts the
// system call and its retry loop into every caller.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include "runtime/core/waiter.h"

namespace rondo {

enum class IoKind : uint8_t { recv, recvmsg, readv, accept, send, sendmsg, writev, connect, poll };

struct IoOp {
    IoOp(IoKind what, int descriptor, WaitReason why)
        : waiter(why, reinterpret_cast<const void*>(static_cast<intptr_t>(descriptor))), fd(descriptor), kind(what) {
        waiter.cancellable = true;
        waiter.operation = this;
    }

    bool reads() const { return kind <= IoKind::accept; }

    // Makes an operation that was stopped before it achieved anything ready to be submitted again.
    void begin_again() {
        waiter.cause.store(WakeCause::pending, std::memory_order_relaxed);
        request = WakeCause::pending;
    }

    Waiter waiter;
    int fd;
    IoKind kind;
    bool whole = false;  // keep going until `length` bytes are moved (blocking stream writes, MSG_WAITALL)
    int flags = 0;       // recv, send, accept: the call's flags
    short events = 0;    // poll: what is waited for
    union {
        void* buffer = nullptr;  // recv, send
        msghdr* message;         // recvmsg, sendmsg
        const iovec* vector;     // readv, writev
        sockaddr* address;       // accept, connect
    };
    // recv, send: bytes; recvmsg: room for control data; readv, writev: elements; connect: of address; poll: the
    // number's generation
    size_t length = 0;
    socklen_t* address_length = nullptr;     // accept
    size_t done = 0;                         // bytes moved so far
    long result = 0;                         // set at completion: as the system call returns it, or -errno
    WakeCause request = WakeCause::pending;  // timed_out, cancelled or interrupted: why it was asked to stop
    IoOp* group = nullptr;                   // poll: the operation that the caller waits on (itself, or one for many)
    IoOp* behind = nullptr;                  // the descriptor's queue, the backend's
    IoOp* before = nullptr;
    bool held = false;  // in that queue
};

class IoBackend {
   public:
    // One try at a send or sendmsg (`what` is the buffer or the msghdr) that needs no operation: bytes moved or -errno.
    // -EAGAIN: submit one. What fits into the socket's buffer, as most does, so costs no thread the lines of its stack
    // that an operation takes.
    virtual long send_now(IoKind kind, int fd, const void* what, size_t length, int flags) = 0;

    // True: done, op.result is set. False: the operation is the backend's until it calls Worker::complete.
    virtual bool submit(IoOp& op) = 0;

    // Asks a submitted operation to complete; it may do so before this returns.
    virtual void cancel(IoOp& op) = 0;

    // Takes back a submitted poll operation that belongs to a group; it never completes. Nothing if it is not held.
    virtual void withdraw(IoOp& op) = 0;

    // Runs what has become possible. Sleeps until then, until the deadline (0: not at all) or until wake().
    virtual void poll(Nanoseconds deadline) = 0;

    // Ends a sleep in poll(), now or the next one. Any thread.
    virtual void wake() = 0;

    // This worker's operations on the descriptor complete with -EBADF; afterwards nothing here refers to the number.
    virtual void forget(int fd) = 0;

    // Whether something outside the process may complete an operation that is held. Takes time in proportion to them.
    virtual bool waits_for_outside() const = 0;

    // Operations that have not completed. Any thread, by which the answer is of some moment ago.
    virtual size_t pending() const = 0;
    virtual const char* name() const = 0;

   protected:
    ~IoBackend() = default;
};

}  // namespace rondo
