// SPDX-License-Identifier: Apache-2.0
//
// See fd_table.h. Entries are zeroed reserved memory, which is their initial state.

#include "runtime/io/fd_table.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "runtime/base/reserve.h"
#include "runtime/core/worker.h"

namespace rondo {

namespace {

constexpr size_t kMostDescriptors = 1U << 24;
constexpr uint32_t kLifeBits = 3;

uint32_t with_life(uint32_t generation, FdEntry::Life life) { return generation << 2 | static_cast<uint32_t>(life); }

int socket_option(int fd, int name) {
    int value = 0;
    socklen_t length = sizeof value;
    sys::call(SYS_getsockopt, fd, SOL_SOCKET, name, sys::to_arg(&value), sys::to_arg(&length));
    return value;
}

Nanoseconds socket_timeout(int fd, int name) {
    timeval value{};
    socklen_t length = sizeof value;
    sys::call(SYS_getsockopt, fd, SOL_SOCKET, name, sys::to_arg(&value), sys::to_arg(&length));
    return value.tv_sec * kSecond + value.tv_usec * 1000;
}

bool survives_exec(int fd) {
    long flags = sys::call(SYS_fcntl, fd, F_GETFD);
    return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

FdKind kind_of_mode(int fd, mode_t mode) {
    if (S_ISSOCK(mode)) {
        return socket_kind(socket_option(fd, SO_DOMAIN), socket_option(fd, SO_TYPE), socket_option(fd, SO_PROTOCOL));
    }
    if (S_ISFIFO(mode)) {
        return FdKind::pipe;
    }
    if (S_ISCHR(mode)) {
        return FdKind::device;
    }
    bool in_file_system = S_ISREG(mode) || S_ISDIR(mode) || S_ISBLK(mode) || S_ISLNK(mode);
    return in_file_system ? FdKind::file : FdKind::event;
}

}  // namespace

void FdEntry::born(FdKind kind, uint8_t flags) {
    kind_.store(kind, std::memory_order_relaxed);
    flags_.store(flags, std::memory_order_relaxed);
    receive_timeout.store(0, std::memory_order_relaxed);
    send_timeout.store(0, std::memory_order_relaxed);
    state_.store(with_life(generation() + 1, Life::live), std::memory_order_release);
}

void FdEntry::found(uint32_t generation, FdKind kind, uint8_t flags, Nanoseconds receive, Nanoseconds send) {
    uint32_t before = with_life(generation, Life::unknown);
    if (state_.load(std::memory_order_acquire) != before) {
        return;
    }
    kind_.store(kind, std::memory_order_relaxed);
    flags_.store(static_cast<uint8_t>(flags | (has(kOwn) ? kOwn : 0)), std::memory_order_relaxed);
    receive_timeout.store(receive, std::memory_order_relaxed);
    send_timeout.store(send, std::memory_order_relaxed);
    state_.compare_exchange_strong(before, with_life(generation + 1, Life::live), std::memory_order_acq_rel);
}

bool FdEntry::begin_close() {
    uint32_t seen = state_.load(std::memory_order_acquire);
    do {
        if (static_cast<Life>(seen & kLifeBits) == Life::closing) {
            return false;
        }
    } while (!state_.compare_exchange_weak(seen, with_life(seen >> 2, Life::closing)));
    return true;
}

void FdEntry::end_life() { state_.store(with_life(generation() + 1, Life::unknown), std::memory_order_release); }

void FdEntry::end_close() {
    uint32_t closing = with_life(generation(), Life::closing);
    state_.compare_exchange_strong(closing, with_life((closing >> 2) + 1, Life::unknown), std::memory_order_acq_rel);
}

void FdEntry::inherit() {
    if (life() == Life::closing) {
        end_life();
    }
    workers.store(0, std::memory_order_relaxed);
    accepting_.store(false, std::memory_order_relaxed);
}

constinit FdTable FdTable::instance_;

// Before main, so that the descriptors that a program opens before its first thread are known as its own.
__attribute__((constructor)) void init_table() { FdTable::instance().init(); }

void FdTable::init() {
    rlimit limit{};
    sys::call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, sys::to_arg(&limit));
    size_t wanted = limit.rlim_max < kMostDescriptors ? limit.rlim_max : kMostDescriptors;
    entries_ = reserve_array<FdEntry>(wanted);
    capacity_ = entries_ != nullptr ? wanted : 0;
}

FdEntry* FdTable::find_slowly(int fd, FdEntry& found) {
    while (found.life() != FdEntry::Life::live) {
        if (found.life() == FdEntry::Life::unknown) {
            if (!probe(fd, found)) {
                return nullptr;
            }
        } else if (self_ != nullptr) {
            self_->yield_current();
        } else {
            sys::yield_cpu();
        }
    }
    return &found;
}

// False: not an open descriptor. What is found is dropped when the number meanwhile became another's.
bool FdTable::probe(int fd, FdEntry& entry) {
    uint32_t generation = entry.generation();
    struct stat status;
    if (sys::call(SYS_fstat, fd, sys::to_arg(&status)) != 0) {
        return false;
    }
    long flags = sys::call(SYS_fcntl, fd, F_GETFL);
    bool nonblocking = flags >= 0 && (flags & O_NONBLOCK) != 0;
    FdKind kind = kind_of_mode(fd, status.st_mode);
    bool socket = kind <= FdKind::datagram;
    note_highest(fd);
    entry.found(generation, kind, static_cast<uint8_t>(FdEntry::kShared | (nonblocking ? FdEntry::kNonblocking : 0)),
                socket ? socket_timeout(fd, SO_RCVTIMEO) : 0, socket ? socket_timeout(fd, SO_SNDTIMEO) : 0);
    return true;
}

long FdTable::born(long fd, FdKind kind, uint8_t flags) {
    if (FdEntry* fresh = fd >= 0 ? entry(static_cast<int>(fd)) : nullptr) {
        note_highest(static_cast<int>(fd));
        fresh->born(kind, flags);
    }
    return fd;
}

void FdTable::note_highest(int fd) {
    int seen = highest_.load(std::memory_order_relaxed);
    while (seen < fd && !highest_.compare_exchange_weak(seen, fd, std::memory_order_relaxed)) {
    }
}

// The numbers below are left to the program, which may count on getting the lowest one. (Numbers near a large limit
// would make the kernel's table as large.)
long FdTable::keep_own(long fd) {
    constexpr long kOwnFrom = 768;
    if (fd < 0) {
        return fd;
    }
    long moved = sys::call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, kOwnFrom);
    if (moved >= 0) {
        sys::close(static_cast<int>(fd));
        fd = moved;
    }
    if (FdEntry* own = entry(static_cast<int>(fd))) {
        note_highest(static_cast<int>(fd));
        own->set(FdEntry::kOwn);
    }
    return fd;
}

void FdTable::close_own(int fd) {
    if (FdEntry* own = entry(fd)) {
        own->clear(FdEntry::kOwn);
        own->end_life();
    }
    sys::close(fd);
}

long FdTable::first_own(long first, long last) const {
    for (long fd = first; fd <= last && fd <= highest(); ++fd) {
        if (entries_[fd].has(FdEntry::kOwn)) {
            return fd;
        }
    }
    return last + 1;
}

bool FdTable::hide_nonblocking(int fd, FdEntry& entry) {
    if (entry.has(FdEntry::kHidden)) {
        return true;
    }
    SpinGuard hold(hide_lock_);
    if (entry.has(FdEntry::kShared)) {
        return false;
    }
    long flags = sys::call(SYS_fcntl, fd, F_GETFL);
    if (flags < 0 || sys::call(SYS_fcntl, fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        return false;
    }
    entry.set(FdEntry::kHidden);
    return true;
}

void FdTable::share(int fd) {
    SpinGuard hold(hide_lock_);
    share_locked(fd);
}

// Under hide_lock_, so that nobody hides the flag again in between.
void FdTable::share_locked(int fd) {
    FdEntry* shared = entry(fd);
    if (shared == nullptr || shared->life() != FdEntry::Life::live) {
        return;
    }
    if (shared->has(FdEntry::kHidden)) {
        long flags = sys::call(SYS_fcntl, fd, F_GETFL);
        sys::call(SYS_fcntl, fd, F_SETFL, shared->has(FdEntry::kNonblocking) ? flags : flags & ~O_NONBLOCK);
        shared->clear(FdEntry::kHidden);
    }
    shared->set(FdEntry::kShared);
}

void FdTable::before_fork() {
    hide_lock_.lock();
    given_away_.store(true, std::memory_order_relaxed);
    for (int fd = 0; fd <= highest_.load(std::memory_order_relaxed); ++fd) {
        if (entries_[fd].has(FdEntry::kHidden)) {
            share_locked(fd);
        }
    }
}

void FdTable::after_fork(bool in_child) {
    for (int fd = 0; fd <= highest_.load(std::memory_order_relaxed); ++fd) {
        FdEntry& each = entries_[fd];
        if (in_child) {
            each.inherit();
        }
        if (each.life() != FdEntry::Life::unknown) {
            each.set(FdEntry::kShared);
        }
    }
    hide_lock_.unlock();
}

void FdTable::before_exec() {
    SpinGuard hold(hide_lock_);
    given_away_.store(true, std::memory_order_relaxed);
    for (int fd = 0; fd <= highest_.load(std::memory_order_relaxed); ++fd) {
        const FdEntry& each = entries_[fd];
        if (each.life() == FdEntry::Life::live && !each.has(FdEntry::kShared) && survives_exec(fd)) {
            share_locked(fd);
        }
    }
}

void FdTable::born_unknown(int fd) {
    if (FdEntry* fresh = entry(fd)) {
        fresh->end_life();
    }
}

FdKind socket_kind(int domain, int type, int protocol) {
    if ((type & 0xf) != SOCK_STREAM) {
        return FdKind::datagram;
    }
    bool internet = domain == AF_INET || domain == AF_INET6;
    return internet && (protocol == 0 || protocol == IPPROTO_TCP) ? FdKind::tcp : FdKind::stream;
}

}  // namespace rondo
