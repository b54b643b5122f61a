// SPDX-License-Identifier: Apache-2.0
//
// Operations on epoll. A descriptor is registered once in its worker's set, edge-triggered, for all events, when an
// operation first has to wait on it; it is never re-armed and is removed when the number is closed. An operation is
// tried at once, unless the last try on that descriptor said "nothing more": then it is queued without a system call
// (a short read from TCP says so too, which halves the reads of a request-response server). An event runs the queued
// operations in order, in the worker's loop, and makes their threads ready with their results.
//
// Why no edge is lost: a queue that holds operations is blocked, which it became by a try that failed or was short; the
// kernel reports what arrives after that try. The first registration reports what is there already. End of stream,
// errors and urgent data switch the skipping off for the descriptor, for a short read does not consume those.
//
// A number's registration is kept under its generation; an event of an older one is dropped. A number that has been
// waited on for 100 ms has its registration checked once, for a descriptor may have been closed and its number reused
// in ways that no library sees.
//
// Events are harvested many at a time and handled a few at a time, with the threads that they made ready run in
// between: a request's read and write then find the same socket in the cache.
//
// Runs on the worker's kernel thread: submit, cancel and forget on fiber stacks, the rest in the loop.
// Rejected: one-shot registration (a system call more for each wait), level-triggered (an event for each pass while
// nobody reads).
#pragma once

#include <sys/epoll.h>

#include "runtime/base/sanitizer.h"
#include "runtime/io/fd_table.h"
#include "runtime/io/watch.h"

namespace rondo {

class EpollBackend final : public IoBackend {
   public:
    // 0 or -errno.
    long init(unsigned worker_index, uint64_t ticks_per_ms);

    // Gives everything back; for a start that failed before the backend was used, and for a forked child, whose parent
    // goes on using the set.
    void release();

    long send_now(IoKind kind, int fd, const void* what, size_t length, int flags) override;
    bool submit(IoOp& op) override;
    void cancel(IoOp& op) override;
    void withdraw(IoOp& op) override;
    void poll(Nanoseconds deadline) override;
    void wake() override;
    void forget(int fd) override;
    bool waits_for_outside() const override;
    RONDO_LOOKS_WITHOUT_LOCK size_t pending() const override { return pending_; }
    const char* name() const override { return "epoll"; }

   private:
    static constexpr uint32_t kAllEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
    static constexpr int kEvents = 256;
    static constexpr int kBurst = 8;
    static constexpr int kCheckAfterMs = 100;
    static constexpr int kLookedAt = 64;  // of those, in one poll

    static uint64_t tag_of(int fd, uint32_t generation) {
        return uint64_t{generation} << 32 | static_cast<uint32_t>(fd);
    }
    Watch& watch_of(int fd, const FdEntry& entry);
    OpQueue& queue_of(Watch& watch, const IoOp& op);
    long register_fd(int fd, Watch& watch);
    long announce_and_register(int fd, Watch& watch, FdEntry& entry);
    bool try_now(IoOp& op, Watch& watch, const FdEntry& entry);
    void hold(IoOp& op, Watch& watch);
    void let_go(IoOp& op, OpQueue& queue);
    void finish(IoOp& op, OpQueue& queue);
    void handle(const epoll_event& event);
    void run_queue(Watch& watch, OpQueue& queue, const FdEntry& entry);
    void fail_all(OpQueue& queue, long error);
    void reset(Watch& watch, long error);
    void warm_up(int burst) const;
    Nanoseconds longest_sleep(Nanoseconds deadline) const;
    int harvest(Nanoseconds deadline);
    void begin_look();
    void look();
    void check_registration(int fd);

    epoll_event events_[kEvents];  // harvested; [next_event_, event_count_) are still to be handled
    int next_event_ = 0;
    int event_count_ = 0;
    int epoll_ = -1;
    int wake_ = -1;  // eventfd, level-triggered in the set
    uint64_t worker_bit_ = 0;
    Watch* watches_ = nullptr;  // by descriptor number
    size_t pending_ = 0;
    WatchList waited_on_;  // since the last look, or before and too short for a check
    WatchList looked_at_;  // what the present look has not come to
    uint32_t looks_ = 0;
    uint64_t next_check_ = 0;  // in ticks
    uint64_t check_ticks_ = 0;
    bool has_pwait2_ = true;
};

}  // namespace rondo
