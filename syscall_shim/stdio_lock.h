// SPDX-License-Identifier: Apache-2.0
// The lock of a FILE, taken so that a contended one parks the thread and not its worker.
//
// It is libc's own lock, in libc's place (the FILE's _lock: word, count, owner), so that code inside libc and kernel
// threads that never come here (perror in a library, the offload pool) still exclude us and are excluded. libc knows
// three values of the word; we add two for "held by this library", whose holder wakes parked waiters when it lets go:
//
//   0  free
//   1  held through libc                     2  the same, somebody may wait
//   3  held through this library             4  the same, a Rondo thread may be parked
//
// A Rondo thread parks on 4. On 2 it cannot know who will wake it (libc wakes only kernel waiters), so it looks again
// after a millisecond: libc's own code holds the lock for short times. A kernel thread that finds 3 or 4 writes 2 and
// waits in the kernel; so whoever releases and reads 2 wakes one of each kind. The owner is the thread's handle, which
// for a kernel thread is what libc compares with, and the count nests.
//
// Whoever releases a lock that is waited for lets the woken thread run first. A thread that prints in a loop changes
// threads only in the write of a full buffer, with the lock held: without that step nobody else would ever get it.
//
// Rejected: a table of locks of ours keyed by FILE. A stream would then have two locks, and libc's own code the other.
#ifndef RONDO_SHIM_STDIO_LOCK_H
#define RONDO_SHIM_STDIO_LOCK_H

#include <rondo/rondo.h>
#include <stdio.h>

namespace rondo::shim {

// Rondo threads only.
void lock_stream(FILE* stream);
bool try_lock_stream(FILE* stream);
// False if the caller does not hold the lock through this library.
bool unlock_stream(FILE* stream);

// Holds the lock of a stream, unless the program has taken locking upon itself (FSETLOCKING_BYCALLER), for a scope of a
// Rondo thread. A cancellation that unwinds the scope releases it. Its end lets others run at times: a thread that
// prints to a file makes no other call.
class StreamLock {
   public:
    explicit StreamLock(FILE* stream) : stream_(lock_if_wanted(stream)) {
        if (stream_ != nullptr) rondo_cleanup_push(&frame_, release, stream_);
    }
    ~StreamLock() {
        if (stream_ != nullptr) rondo_cleanup_pop(&frame_, 1);
        rondo_spend();
    }
    StreamLock(const StreamLock&) = delete;
    StreamLock& operator=(const StreamLock&) = delete;

   private:
    static FILE* lock_if_wanted(FILE* stream);
    static void release(void* stream);

    FILE* stream_;
    rondo_cleanup frame_;
};

// While one lives, libc's code takes a lock that the calling Rondo thread holds for its own and nests in it. The scope
// must not park.
class LentLock {
   public:
    explicit LentLock(FILE* stream);
    ~LentLock();
    LentLock(const LentLock&) = delete;
    LentLock& operator=(const LentLock&) = delete;

   private:
    FILE* stream_;
};

}  // namespace rondo::shim

#endif
