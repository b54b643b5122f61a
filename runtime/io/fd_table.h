// SPDX-License-Identifier: Apache-2.0
//
// What the process knows about each descriptor number: its life (born, closing, gone), what kind of thing it names,
// whether the program made it non-blocking, whether others may share its description, its timeouts, and which workers
// have referred to it. One entry a number, in reserved memory; each field is an atomic of its own.
//
// A number's life is a generation: it grows when the number is born (accept, socket, pipe, dup, open, SCM_RIGHTS), not
// only when it dies, because a descriptor can be closed behind our back. Whoever kept something under an older
// generation throws it away. A number that we saw nothing of is looked at when it is first used (probe).
//
//   unknown -> live      born() or probe()
//   live -> closing      begin_close(): new operations fail with EBADF, the old ones are being cancelled
//   closing -> unknown   end_close(), unless the number was born again meanwhile
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/base/clock.h"
#include "runtime/base/spinlock.h"

namespace rondo {

enum class FdKind : uint8_t {
    tcp,       // a TCP socket: a short read means that nothing is left
    stream,    // another stream socket
    datagram,  // a socket that keeps message boundaries
    pipe,
    device,  // terminal or other character device
    event,   // eventfd, timerfd, signalfd, epoll, inotify …
    file,    // regular file, directory, block device: never waits for somebody else
};

class FdEntry {
   public:
    enum class Life : uint32_t { unknown, live, closing };
    static constexpr uint8_t kNonblocking = 1;  // the program asked for O_NONBLOCK
    static constexpr uint8_t kShared = 2;       // others may hold the description: inherited, duplicated, passed on
    static constexpr uint8_t kHidden = 4;       // O_NONBLOCK is set by us and not shown to the program
    static constexpr uint8_t kNeverSkip = 8;    // a short read proves nothing (a protocol layer was put on it)
    static constexpr uint8_t kRemote = 16;      // a file that a server or another program keeps
    static constexpr uint8_t kOwn = 32;         // the runtime's: to the program it is not open
    static constexpr uint8_t kInside = 64;      // born with its other end in this process, or with none

    Life life() const { return static_cast<Life>(state_.load(std::memory_order_acquire) & 3); }
    uint32_t generation() const { return state_.load(std::memory_order_acquire) >> 2; }
    FdKind kind() const { return kind_.load(std::memory_order_relaxed); }
    bool has(uint8_t flag) const { return (flags_.load(std::memory_order_relaxed) & flag) != 0; }
    void set(uint8_t flag) { flags_.fetch_or(flag, std::memory_order_relaxed); }
    void clear(uint8_t flag) { flags_.fetch_and(static_cast<uint8_t>(~flag), std::memory_order_relaxed); }
    bool is_socket() const { return kind() <= FdKind::datagram; }

    void born(FdKind kind, uint8_t flags);
    // What a look at the number showed, which was unknown and in this generation before the look; nothing if it has
    // begun or ended a life since.
    void found(uint32_t generation, FdKind kind, uint8_t flags, Nanoseconds receive, Nanoseconds send);
    // The number was given to something else; it is looked at when it is next used.
    void end_life();
    // True for one thread until it calls end_accept().
    bool begin_accept() { return !accepting_.exchange(true, std::memory_order_acquire); }
    void end_accept() { accepting_.store(false, std::memory_order_release); }
    // False: somebody else is closing it.
    bool begin_close();
    void end_close();
    // In a forked child: the description is shared now, and what the parent's threads were doing with the number is not
    // going on.
    void inherit();

    // Workers whose backend may know the number, a bit each (index modulo 64).
    std::atomic<uint64_t> workers{0};
    // SO_RCVTIMEO and SO_SNDTIMEO in nanoseconds; 0 is none.
    std::atomic<Nanoseconds> receive_timeout{0};
    std::atomic<Nanoseconds> send_timeout{0};

   private:
    std::atomic<uint32_t> state_{0};  // generation << 2 | Life
    std::atomic<FdKind> kind_{FdKind::file};
    std::atomic<uint8_t> flags_{0};
    std::atomic<bool> accepting_{false};  // on a shared listener
};

class FdTable {
   public:
    static FdTable& instance() { return instance_; }
    void init();

    // The entry of a number, looked at now if nothing is known of it. Null: not an open descriptor (EBADF). While the
    // number is being closed or replaced the caller yields: what it names afterwards is the answer.
    FdEntry* find(int fd) {
        FdEntry* found = entry(fd);
        return found == nullptr || found->life() == FdEntry::Life::live ? found : find_slowly(fd, *found);
    }

    // The entry without looking; null only for numbers that cannot be descriptors.
    FdEntry* entry(int fd) { return fd >= 0 && static_cast<size_t>(fd) < capacity_ ? &entries_[fd] : nullptr; }

    // A number that the kernel has just given to us alone. An error number passes through unchanged.
    long born(long fd, FdKind kind, uint8_t flags);

    // A number that names a description that others share.
    void born_unknown(int fd);

    // Takes a descriptor of the runtime's own out of the program's sight and way: to a high number, where closing it
    // fails. Returns the number; an error passes through unchanged.
    long keep_own(long fd);
    void close_own(int fd);

    // The lowest number in [first, last] that is the runtime's own, or last + 1.
    long first_own(long first, long last) const;

    // No number above it has ever been known.
    int highest() const { return highest_.load(std::memory_order_relaxed); }

    // Hides O_NONBLOCK on a description that is ours alone. False: it is not, or the flag cannot be set.
    bool hide_nonblocking(int fd, FdEntry& entry);

    // Stops hiding O_NONBLOCK: the description is about to be shared.
    void share(int fd);

    // A fork shares every description. Before it, no O_NONBLOCK of ours is left on any, nor set until it is over.
    void before_fork();
    void after_fork(bool in_child);

    // An exec shares the descriptions of the descriptors that it leaves open, also one in a new process: the same for
    // those. Linear in the descriptors in use, one system call for each that is ours alone.
    void before_exec();

    // Whether another process may ever have got a descriptor of this one.
    bool has_given_away() const { return given_away_.load(std::memory_order_relaxed); }

    size_t capacity() const { return capacity_; }

   private:
    FdEntry* find_slowly(int fd, FdEntry& found);
    bool probe(int fd, FdEntry& entry);
    void note_highest(int fd);
    void share_locked(int fd);

    static FdTable instance_;

    FdEntry* entries_ = nullptr;
    size_t capacity_ = 0;
    std::atomic<int> highest_{-1};  // no entry above it has ever lived
    std::atomic<bool> given_away_{false};
    Spinlock hide_lock_;  // held while O_NONBLOCK is hidden, and across a fork
};

// The kind of a socket with this domain, type and protocol.
FdKind socket_kind(int domain, int type, int protocol);

}  // namespace rondo
