// SPDX-License-Identifier: Apache-2.0
//
// See epoll_backend.h.

#include "runtime/io/epoll_backend.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cerrno>

#include "runtime/base/check.h"
#include "runtime/base/reserve.h"
#include "runtime/base/sanitizer.h"
#include "runtime/core/worker.h"
#include "runtime/io/attempt.h"
#include "runtime/io/peers.h"

namespace rondo {

namespace {

constexpr uint32_t kReadEvents = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI;
constexpr uint32_t kWriteEvents = EPOLLOUT | EPOLLHUP | EPOLLERR;
constexpr uint32_t kBeyondData = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI;
constexpr uint64_t kWakeTag = UINT64_MAX - UINT32_MAX;  // of a generation that no descriptor reaches

int fd_of(const epoll_event& event) { return static_cast<int>(event.data.u64 & UINT32_MAX); }

}  // namespace

long EpollBackend::init(unsigned worker_index, uint64_t ticks_per_ms) {
    FdTable& table = FdTable::instance();
    long set = table.keep_own(sys::call(SYS_epoll_create1, EPOLL_CLOEXEC));
    long bell = table.keep_own(sys::call(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK));
    epoll_ = static_cast<int>(set);
    wake_ = static_cast<int>(bell);
    if (set < 0 || bell < 0) {
        return set < 0 ? set : bell;
    }
    worker_bit_ = 1ULL << (worker_index % 64);
    check_ticks_ = kCheckAfterMs * ticks_per_ms;
    waited_on_ = looked_at_ = {};
    size_t numbers = table.capacity();
    watches_ = reserve_array<Watch>(numbers);
    if (watches_ == nullptr) {
        return -ENOMEM;
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = kWakeTag;
    return sys::call(SYS_epoll_ctl, epoll_, EPOLL_CTL_ADD, wake_, sys::to_arg(&event));
}

void EpollBackend::release() {
    for (int fd : {epoll_, wake_}) {
        if (fd >= 0) {
            FdTable::instance().close_own(fd);
        }
    }
    if (watches_ != nullptr) {
        sys::munmap(watches_, FdTable::instance().capacity() * sizeof(Watch));
    }
}

// The watch under the number's present life. What an older life left behind (the number was closed behind our back) is
// ended here.
Watch& EpollBackend::watch_of(int fd, const FdEntry& entry) {
    Watch& watch = watches_[fd];
    uint32_t generation = entry.generation();
    if (watch.generation != generation) {
        reset(watch, -EBADF);
        watch.generation = generation;
    }
    return watch;
}

OpQueue& EpollBackend::queue_of(Watch& watch, const IoOp& op) {
    if (op.kind == IoKind::poll) {
        return watch.pollers;
    }
    return op.reads() ? watch.readers : watch.writers;
}

long EpollBackend::register_fd(int fd, Watch& watch) {
    epoll_event event{};
    event.events = kAllEvents;
    event.data.u64 = tag_of(fd, watch.generation);
    long error = sys::call(SYS_epoll_ctl, epoll_, EPOLL_CTL_ADD, fd, sys::to_arg(&event));
    if (error == -EEXIST) {
        error = sys::call(SYS_epoll_ctl, epoll_, EPOLL_CTL_MOD, fd, sys::to_arg(&event));
    }
    watch.registered = error == 0;
    return error;
}

long EpollBackend::send_now(IoKind kind, int fd, const void* what, size_t length, int flags) {
    FdEntry* entry = FdTable::instance().find(fd);
    if (entry == nullptr) {
        return -EBADF;
    }
    Watch& watch = watch_of(fd, *entry);
    if (watch.write_blocked || !watch.writers.empty()) {
        return -EAGAIN;
    }
    long result = send_once(kind, fd, what, length, flags);
    watch.write_blocked = result == -EAGAIN;
    return result;
}

bool EpollBackend::submit(IoOp& op) {
    FdEntry* entry = FdTable::instance().find(op.fd);
    if (entry == nullptr) {
        op.result = -EBADF;
        return true;
    }
    Watch& watch = watch_of(op.fd, *entry);
    OpQueue& queue = queue_of(watch, op);
    bool blocked = op.reads() ? watch.read_blocked : watch.write_blocked;
    bool may_try = op.kind != IoKind::poll && queue.empty() && !blocked;
    if (may_try && try_now(op, watch, *entry)) {
        return true;
    }
    if (!watch.registered) {
        long error = announce_and_register(op.fd, watch, *entry);
        if (error != 0) {
            op.result = error == -EPERM ? -EOPNOTSUPP : error;
            return true;
        }
    }
    hold(op, watch);
    return false;
}

// Either a closer sees our bit and asks us to forget the number, or we see that it is being closed.
long EpollBackend::announce_and_register(int fd, Watch& watch, FdEntry& entry) {
    entry.workers.fetch_or(worker_bit_, std::memory_order_seq_cst);
    if (entry.life() != FdEntry::Life::live || entry.generation() != watch.generation) {
        return -EBADF;
    }
    return register_fd(fd, watch);
}

// True: finished.
bool EpollBackend::try_now(IoOp& op, Watch& watch, const FdEntry& entry) {
    bool drained = false;
    if (op.kind == IoKind::accept && entry.has(FdEntry::kShared)) {
        op.result = -EOPNOTSUPP;  // it waits for connections that another process may take
        return true;
    }
    Attempt outcome = attempt(op, drained);
    bool skip = drained && watch.registered && !watch.never_skip && entry.kind() == FdKind::tcp &&
                !entry.has(FdEntry::kNeverSkip);
    bool& blocked = op.reads() ? watch.read_blocked : watch.write_blocked;
    if (outcome == Attempt::unsupported) {
        op.result = -EOPNOTSUPP;
        return true;
    }
    blocked = skip || outcome == Attempt::would_block;
    return outcome == Attempt::finished;
}

void EpollBackend::hold(IoOp& op, Watch& watch) {
    if (!watch.waited_on()) {
        watch.since = looks_;
    }
    queue_of(watch, op).push_back(op);
    ++pending_;
    if (!WatchList::linked(watch)) {
        waited_on_.push_back(watches_, static_cast<uint32_t>(op.fd));
    }
}

void EpollBackend::let_go(IoOp& op, OpQueue& queue) {
    queue.remove(op);
    --pending_;
}

void EpollBackend::finish(IoOp& op, OpQueue& queue) {
    let_go(op, queue);
    IoOp* owner = op.group != nullptr ? op.group : &op;
    if (owner->waiter.outcome() == WakeCause::pending) {
        owner->result = op.result;
        Worker::complete(*owner);
    }
}

// A poll call of several descriptors waits on an operation that is not held itself.
void EpollBackend::cancel(IoOp& op) {
    op.result = partial_result(op, -ECANCELED);
    if (op.held) {
        let_go(op, queue_of(watches_[op.fd], op));
    }
    Worker::complete(op);
}

void EpollBackend::withdraw(IoOp& op) {
    if (op.held) {
        let_go(op, watches_[op.fd].pollers);
    }
}

void EpollBackend::poll(Nanoseconds deadline) {
    if (next_event_ == event_count_) {
        next_event_ = 0;
        event_count_ = harvest(deadline);
    }
    int burst = event_count_ - next_event_ < kBurst ? event_count_ - next_event_ : kBurst;
    warm_up(burst);
    for (; burst > 0; --burst) {
        handle(events_[next_event_++]);
    }
    if (looked_at_.empty() && ticks() >= next_check_) {
        begin_look();
    }
    look();
}

RONDO_IN_HANDLER void EpollBackend::wake() {
    uint64_t one = 1;
    sys::write(wake_, &one, sizeof one);
}

bool EpollBackend::waits_for_outside() const {
    const int highest = pending_ > 0 ? FdTable::instance().highest() : -1;
    for (int fd = 0; fd <= highest; ++fd) {
        if (watches_[fd].waited_on() && leads_outside(fd)) {
            return true;
        }
    }
    return false;
}

void EpollBackend::forget(int fd) {
    Watch& watch = watches_[fd];
    FdEntry* entry = FdTable::instance().entry(fd);
    if (watch.registered && entry->has(FdEntry::kShared)) {
        sys::call(SYS_epoll_ctl, epoll_, EPOLL_CTL_DEL, fd);  // the close of the last reference does it otherwise
    }
    reset(watch, -EBADF);
}

void EpollBackend::reset(Watch& watch, long error) {
    watch.registered = watch.read_blocked = watch.write_blocked = watch.never_skip = false;
    fail_all(watch.readers, error);
    fail_all(watch.writers, error);
    fail_all(watch.pollers, error);
}

void EpollBackend::fail_all(OpQueue& queue, long error) {
    while (IoOp* op = queue.first()) {
        op->result = partial_result(*op, error);
        finish(*op, queue);
    }
}

void EpollBackend::handle(const epoll_event& event) {
    if (event.data.u64 == kWakeTag) {
        uint64_t rung;
        sys::read(wake_, &rung, sizeof rung);
        return;
    }
    int fd = fd_of(event);
    Watch& watch = watches_[fd];
    FdEntry* entry = FdTable::instance().entry(fd);
    if (!watch.registered || event.data.u64 != tag_of(fd, watch.generation) || entry == nullptr) {
        return;
    }
    if ((event.events & kBeyondData) != 0) {
        watch.never_skip = true;
    }
    if ((event.events & kReadEvents) != 0) {
        watch.read_blocked = false;
        run_queue(watch, watch.readers, *entry);
    }
    if ((event.events & kWriteEvents) != 0) {
        watch.write_blocked = false;
        run_queue(watch, watch.writers, *entry);
    }
    for (IoOp* op = watch.pollers.first(); op != nullptr;) {
        IoOp* next = op->behind;
        if ((event.events & (static_cast<uint32_t>(op->events) | EPOLLERR | EPOLLHUP)) != 0) {
            op->result = 1;
            finish(*op, watch.pollers);
        }
        op = next;
    }
}

void EpollBackend::run_queue(Watch& watch, OpQueue& queue, const FdEntry& entry) {
    while (IoOp* op = queue.first()) {
        if (!try_now(*op, watch, entry)) {
            return;
        }
        finish(*op, queue);
        bool blocked = &queue == &watch.readers ? watch.read_blocked : watch.write_blocked;
        if (blocked) {
            return;
        }
    }
}

// An idle thread's operation is in no cache, nor is its page in the TLB. The burst's are fetched all at once, so that
// their page walks overlap: first a line of each, then the rest, with what the thread returns through below it.
void EpollBackend::warm_up(int burst) const {
    constexpr int kLinesBelow = 8;
    constexpr int kLinesAbove = 12;
    const IoOp* ops[kBurst];
    for (int i = 0; i < burst; ++i) {
        ops[i] = watches_[fd_of(events_[next_event_ + i])].readers.first();
        __builtin_prefetch(ops[i]);
    }
    for (int i = 0; i < burst; ++i) {
        auto* middle = reinterpret_cast<const char*>(ops[i]);
        for (int line = -kLinesBelow; middle != nullptr && line <= kLinesAbove; ++line) {
            __builtin_prefetch(middle + line * 64);
        }
    }
    for (int i = 0; i < burst; ++i) {
        if (ops[i] != nullptr) {
            __builtin_prefetch(ops[i]->waiter.fiber);
        }
    }
    for (int i = next_event_ + burst; i < next_event_ + 2 * kBurst && i < event_count_; ++i) {
        __builtin_prefetch(&watches_[fd_of(events_[i])]);
        __builtin_prefetch(FdTable::instance().entry(fd_of(events_[i])));
    }
}

// How long the kernel may sleep: until the deadline, and no longer than until the next look at old operations.
Nanoseconds EpollBackend::longest_sleep(Nanoseconds deadline) const {
    Nanoseconds wait = deadline == 0 ? 0 : kNever;
    if (deadline != 0 && deadline != kNever) {
        Nanoseconds left = deadline - now_ns();
        wait = left > 0 ? left : 0;
    }
    if (!looked_at_.empty()) {
        return 0;
    }
    bool ageing = pending_ > 0 && !waited_on_.empty();
    return ageing && wait > kCheckAfterMs * kMillisecond ? kCheckAfterMs * kMillisecond : wait;
}

int EpollBackend::harvest(Nanoseconds deadline) {
    Nanoseconds wait = longest_sleep(deadline);
    long count = -ENOSYS;
    if (has_pwait2_) {
        timespec timeout = to_timespec(wait == kNever ? 0 : wait);
        count = sys::call(SYS_epoll_pwait2, epoll_, sys::to_arg(events_), kEvents,
                          sys::to_arg(wait == kNever ? nullptr : &timeout), 0);
        has_pwait2_ = count != -ENOSYS;
    }
    if (!has_pwait2_) {
        long ms = wait == kNever ? -1 : static_cast<long>((wait + kMillisecond - 1) / kMillisecond);
        count = sys::call(SYS_epoll_pwait, epoll_, sys::to_arg(events_), kEvents, ms < INT32_MAX ? ms : INT32_MAX, 0);
    }
    RONDO_CHECK(count >= 0 || count == -EINTR);
    return count > 0 ? static_cast<int>(count) : 0;
}

}  // namespace rondo
