// SPDX-License-Identifier: Apache-2.0
//
// See signal_actions.h.

#include "runtime/system/signal_actions.h"

#include <atomic>
#include <cerrno>

#include "runtime/base/interruptible.h"
#include "runtime/base/sanitizer.h"
#include "runtime/base/sys.h"
#include "runtime/core/worker.h"

extern "C" int __libc_allocate_rtsig(int high);
#if defined(RONDO_TSAN)
extern "C" int __interceptor_sigaction(int number, const struct sigaction* wanted, struct sigaction* before);
#endif

namespace rondo {

namespace {

constexpr unsigned long kRestorer = 0x04000000;                                // SA_RESTORER of the kernel's headers
constexpr unsigned long kOurFlags = SA_RESTART | SA_NOCLDSTOP | SA_NOCLDWAIT;  // that the kernel has to know

struct Entry {
    std::atomic<uint32_t> version{0};  // odd while it is written
    SignalAction action;               // written under actions_lock
    bool ours = false;                 // the kernel calls our entry; under actions_lock
};

constinit Spinlock actions_lock;
constinit Entry entries[kLastSignal + 1];
SignalEntry our_entry = nullptr;
std::atomic<SignalSet> ever_blocked{0};  // written under actions_lock

int own_number = 0;  // own_signal()'s
std::atomic<void (*)()> before_quit{nullptr};

// The numbers that libc keeps for itself, and ours.
bool is_reserved(int number) { return number == 32 || number == 33 || number == own_number; }

long tell_kernel(int number, const SignalAction* wanted, SignalAction* before) {
    return sys::call(SYS_rt_sigaction, number, sys::to_arg(wanted), sys::to_arg(before), sizeof(SignalSet));
}

// No signal interrupts the owner: a handler on this kernel thread would wait for the version for ever.
class ActionsGuard {
   public:
    ActionsGuard() {
        SignalSet all = ~SignalSet{0};
        sys::call(SYS_rt_sigprocmask, SIG_SETMASK, sys::to_arg(&all), sys::to_arg(&before_), sizeof all);
        actions_lock.lock();
    }
    ~ActionsGuard() {
        actions_lock.unlock();
        sys::call(SYS_rt_sigprocmask, SIG_SETMASK, sys::to_arg(&before_), 0, sizeof before_);
    }
    ActionsGuard(const ActionsGuard&) = delete;
    ActionsGuard& operator=(const ActionsGuard&) = delete;

   private:
    SignalSet before_ = 0;
};

void store(Entry& entry, const SignalAction& action) {
    entry.version.fetch_add(1, std::memory_order_seq_cst);
    entry.action = action;
    entry.version.fetch_add(1, std::memory_order_seq_cst);
}

// A fault is handled on an alternate stack where the program wants that, for its own may be exhausted; everything else
// runs on the thread's stack, where a handler may park.
void install(int number, Entry& entry) {
    bool fault = (kFaults & signal_bit(number)) != 0;
    SignalAction ours;
    ours.handler = our_entry;
    ours.flags = SA_SIGINFO | kRestorer | (entry.action.flags & (kOurFlags | (fault ? SA_ONSTACK : 0)));
    ours.flags |= entry.action.is_default() ? SA_RESTART | (fault ? SA_ONSTACK : 0) : 0;
    ours.restorer = rondo_signal_return;
    ours.mask = ~kFaults;
    tell_kernel(number, &ours, nullptr);
    entry.ours = true;
}

bool needs_us(int number, const SignalAction& action) {
    SignalSet reported = before_quit.load(std::memory_order_relaxed) != nullptr ? signal_bit(SIGQUIT) : 0;
    SignalSet taken = ever_blocked.load(std::memory_order_relaxed) | signal_bit(SIGSEGV) | reported;
    return action.handles() || (action.is_default() && (taken & signal_bit(number)) != 0);
}

#if defined(RONDO_TSAN)
// The sanitizer's handler stands in the kernel for the program's, and keeps the signal until the thread next comes by.
// It then calls the program's with the kernel's whole mask closed: if that one parks, other threads run with all
// closed, and two that end in another order than they began leave it closed for ever. So the program's own is taken
// over.
void look_behind_sanitizer(int number, SignalAction& action) {
    struct sigaction programs;
    if (action.handles() && __interceptor_sigaction(number, nullptr, &programs) == 0) {
        action.handler = programs.sa_sigaction;
        action.flags = static_cast<unsigned>(programs.sa_flags);
        action.mask = *reinterpret_cast<const SignalSet*>(&programs.sa_mask);
    }
}
#else
void look_behind_sanitizer(int, SignalAction&) {}
#endif

// The program's own action, where the kernel can do what it means.
void put(int number, Entry& entry) {
    if (needs_us(number, entry.action)) {
        install(number, entry);
        return;
    }
    SignalAction plain = entry.action;
    plain.flags |= kRestorer;
    plain.restorer = rondo_signal_return;
    tell_kernel(number, &plain, nullptr);
    entry.ours = false;
}

}  // namespace

void take_over_actions(SignalEntry entry) {
    ActionsGuard hold;
    our_entry = entry;
    for (int number = 1; number <= kLastSignal; ++number) {
        SignalAction theirs;
        if ((kUnblockable & signal_bit(number)) != 0 || is_reserved(number) ||
            tell_kernel(number, nullptr, &theirs) != 0) {
            continue;
        }
        look_behind_sanitizer(number, theirs);
        store(entries[number], theirs);
        if (needs_us(number, theirs)) {
            install(number, entries[number]);
        }
    }
}

int own_signal() {
    if (own_number == 0) {
        own_number = __libc_allocate_rtsig(0);
    }
    return own_number;
}

void install_own_signal(SignalEntry entry) {
    SignalAction ours;
    ours.handler = entry;
    ours.flags = SA_SIGINFO | SA_RESTART | kRestorer;
    ours.restorer = rondo_signal_return;
    ours.mask = ~kFaults;
    tell_kernel(own_signal(), &ours, nullptr);
}

Spinlock& actions_fork_lock() { return actions_lock; }

void give_back_actions() {
    for (int number = 1; number <= kLastSignal; ++number) {
        Entry& entry = entries[number];
        if (entry.ours) {
            SignalAction theirs = entry.action;
            theirs.flags |= kRestorer;
            theirs.restorer = rondo_signal_return;
            tell_kernel(number, &theirs, nullptr);
            entry.ours = false;
        }
    }
    ever_blocked.store(0, std::memory_order_relaxed);
    our_entry = nullptr;
    before_quit.store(nullptr, std::memory_order_relaxed);
}

#if defined(RONDO_TSAN)
__attribute__((no_sanitize("thread")))
#endif
SignalAction
program_action(int number) {
    const Entry& entry = entries[number];
    for (;;) {
        uint32_t before = entry.version.load(std::memory_order_seq_cst);
        SignalAction copy = entry.action;
        std::atomic_thread_fence(std::memory_order_acquire);
        if (before % 2 == 0 && entry.version.load(std::memory_order_relaxed) == before) {
            return copy;
        }
        cpu_relax();
    }
}

int change_action(int number, const SignalAction* wanted, SignalAction* before) {
    if (number < 1 || number > kLastSignal || is_reserved(number)) {
        return EINVAL;
    }
    if (our_entry == nullptr || (kUnblockable & signal_bit(number)) != 0) {
        SignalAction plain = wanted != nullptr ? *wanted : SignalAction{};
        plain.flags |= kRestorer;
        plain.restorer = rondo_signal_return;
        return static_cast<int>(-tell_kernel(number, wanted != nullptr ? &plain : nullptr, before));
    }
    ActionsGuard hold;
    Entry& entry = entries[number];
    if (before != nullptr) {
        *before = entry.action;
    }
    if (wanted != nullptr) {
        SignalAction next = *wanted;
        next.mask &= ~kUnblockable;
        store(entry, next);
        put(number, entry);
    }
    return 0;
}

void reset_if_one_shot(int number, const SignalAction& action) {
    if ((action.flags & SA_RESETHAND) != 0) {
        SignalAction reset;
        change_action(number, &reset, nullptr);
    }
}

void note_blocked(SignalSet set) {
    if (our_entry == nullptr || (set & ~ever_blocked.load(std::memory_order_relaxed)) == 0) {
        return;
    }
    ActionsGuard hold;
    SignalSet newly = set & ~ever_blocked.fetch_or(set, std::memory_order_relaxed) & ~kUnblockable;
    for (int number = 1; number <= kLastSignal; ++number) {
        Entry& entry = entries[number];
        if ((newly & signal_bit(number)) != 0 && !is_reserved(number) && entry.action.is_default()) {
            put(number, entry);
        }
    }
}

void let_fault_end_process(int number) {
    SignalAction plain;
    plain.flags = kRestorer;
    plain.restorer = rondo_signal_return;
    tell_kernel(number, &plain, nullptr);
}

void report_before_quit(void (*report)()) { before_quit.store(report, std::memory_order_relaxed); }

#if defined(RONDO_TSAN)
__attribute__((no_sanitize("thread")))
#endif
bool
quit_ends_process() {
    return before_quit.load(std::memory_order_relaxed) != nullptr && program_action(SIGQUIT).is_default() &&
           (ever_blocked.load(std::memory_order_relaxed) & signal_bit(SIGQUIT)) == 0;
}

// The kernel does it, on this kernel thread, and the exit status is the right one. After a stop the process goes on.
void act_by_default(int number) {
    SignalSet bit = signal_bit(number);
    if ((kIgnoredByDefault & bit) != 0) {
        return;
    }
    void (*report)() = number == SIGQUIT ? before_quit.load(std::memory_order_relaxed) : nullptr;
    if (report != nullptr) {
        report();
    }
    SignalAction plain;
    plain.flags = kRestorer;
    plain.restorer = rondo_signal_return;
    SignalSet before = 0;
    tell_kernel(number, &plain, nullptr);
    sys::call(SYS_tgkill, sys::getpid(), sys::gettid(), number);
    sys::call(SYS_rt_sigprocmask, SIG_UNBLOCK, sys::to_arg(&bit), sys::to_arg(&before), sizeof bit);
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, sys::to_arg(&before), 0, sizeof before);
    ActionsGuard hold;
    put(number, entries[number]);
}

}  // namespace rondo
