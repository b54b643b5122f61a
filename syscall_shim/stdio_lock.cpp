// SPDX-License-Identifier: Apache-2.0
// See stdio_lock.h for the states of the word. Here are their transitions, and flockfile and its kin.
//
// On a kernel thread that is no Rondo thread these go to libc; so does a stream of wide characters, whose other
// functions are libc's too, and the release of a lock that was taken before the runtime started.
#include "stdio_lock.h"

#include <limits.h>
#include <linux/futex.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "export.h"
#include "guard.h"
#include "raw_call.h"
#include "real.h"
#include "sanitizer.h"

namespace {

using namespace rondo::shim;

RONDO_REAL(flockfile);
RONDO_REAL(ftrylockfile);
RONDO_REAL(funlockfile);

enum : uint32_t { kFree = 0, kTheirs = 1, kTheirsWaited = 2, kOurs = 3, kOursWaited = 4 };

constexpr long kRetryNanoseconds = 1'000'000;
constexpr long kNanosecondsPerSecond = 1'000'000'000;

// _IO_lock_t. The count is the holder's; the owner is read by others, who only compare it with themselves.
struct Lock {
    std::atomic<uint32_t> word;
    int count;
    std::atomic<void*> owner;
};
static_assert(sizeof(Lock) == 16);

Lock& lock_of(FILE* stream) { return *static_cast<Lock*>(stream->_lock); }

void* token() { return reinterpret_cast<void*>(rondo_self()); }

bool wide(FILE* stream) { return stream->_mode > 0; }

bool held_by_caller(const Lock& lock) { return lock.owner.load(std::memory_order_relaxed) == token(); }

void take(Lock& lock) {
    tell_taken(&lock);
    lock.owner.store(token(), std::memory_order_relaxed);
    lock.count = 1;
}

const uint32_t* plain(const std::atomic<uint32_t>& word) { return reinterpret_cast<const uint32_t*>(&word); }

void retry_later(const Lock& lock) {
    timespec deadline;
    rondo_clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_nsec += kRetryNanoseconds;
    if (deadline.tv_nsec >= kNanosecondsPerSecond) {
        deadline.tv_nsec -= kNanosecondsPerSecond;
        deadline.tv_sec += 1;
    }
    rondo_futex_wait(plain(lock.word), kTheirsWaited, &deadline);
}

void lock_contended(Lock& lock) {
    while (true) {
        uint32_t seen = lock.word.load(std::memory_order_relaxed);
        if (seen == kFree) {
            if (lock.word.compare_exchange_weak(seen, kOursWaited, std::memory_order_acquire)) return;
        } else if (seen == kTheirs || seen == kOurs) {
            lock.word.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed);
        } else if (seen == kOursWaited) {
            rondo_futex_wait(plain(lock.word), kOursWaited, nullptr);
        } else {
            retry_later(lock);
        }
    }
}

void release(Lock& lock) {
    if (--lock.count != 0) return;
    lock.owner.store(nullptr, std::memory_order_relaxed);
    tell_released(&lock);
    uint32_t seen = lock.word.exchange(kFree, std::memory_order_release);
    if (seen == kOurs) return;
    rondo_futex_wake(plain(lock.word), 1);
    if (seen == kTheirsWaited) raw_call(SYS_futex, to_arg(plain(lock.word)), FUTEX_WAKE_PRIVATE, 1);
    rondo_yield();
}

}  // namespace

namespace rondo::shim {

void lock_stream(FILE* stream) {
    Lock& lock = lock_of(stream);
    if (held_by_caller(lock)) {
        ++lock.count;
        return;
    }
    uint32_t expected = kFree;
    if (!lock.word.compare_exchange_strong(expected, kOurs, std::memory_order_acquire)) lock_contended(lock);
    take(lock);
}

bool try_lock_stream(FILE* stream) {
    Lock& lock = lock_of(stream);
    if (held_by_caller(lock)) {
        ++lock.count;
        return true;
    }
    uint32_t expected = kFree;
    if (!lock.word.compare_exchange_strong(expected, kOurs, std::memory_order_acquire)) return false;
    take(lock);
    return true;
}

bool unlock_stream(FILE* stream) {
    Lock& lock = lock_of(stream);
    if (!held_by_caller(lock)) return false;
    release(lock);
    return true;
}

FILE* StreamLock::lock_if_wanted(FILE* stream) {
    if ((stream->_flags & _IO_USER_LOCK) != 0) return nullptr;
    lock_stream(stream);
    return stream;
}

void StreamLock::release(void* stream) { ::release(lock_of(static_cast<FILE*>(stream))); }

LentLock::LentLock(FILE* stream) : stream_(nullptr) {
    Lock& lock = lock_of(stream);
    if (!held_by_caller(lock)) return;
    stream_ = stream;
    lock.owner.store(reinterpret_cast<void*>(kernel_thread()), std::memory_order_relaxed);
}

LentLock::~LentLock() {
    if (stream_ != nullptr) lock_of(stream_).owner.store(token(), std::memory_order_relaxed);
}

}  // namespace rondo::shim

RONDO_EXPORT(void, flockfile, (FILE * stream)) {
    if (on_thread() && !wide(stream)) {
        lock_stream(stream);
    } else {
        real_flockfile(stream);
    }
}
RONDO_ALIAS(_IO_flockfile, flockfile);

RONDO_EXPORT(int, ftrylockfile, (FILE * stream)) {
    if (!on_thread() || wide(stream)) return real_ftrylockfile(stream);
    if (try_lock_stream(stream)) return 0;
    rondo_yield();
    return -1;
}
RONDO_ALIAS(_IO_ftrylockfile, ftrylockfile);

RONDO_EXPORT(void, funlockfile, (FILE * stream)) {
    if (!on_thread() || !unlock_stream(stream)) real_funlockfile(stream);
}
RONDO_ALIAS(_IO_funlockfile, funlockfile);
