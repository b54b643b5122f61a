// SPDX-License-Identifier: Apache-2.0
//
// See signal_entry.h. What may run while the runtime's own code is interrupted takes no lock.
//
// The thread sanitizer's run-time counts as the runtime's code, and it is not reentrant: a handler that enters it while
// it was interrupted corrupts its record of the thread. (It puts off the signals of programs for that reason, but these
// handlers are installed behind it.) So in such a build this file is compiled without instrumentation, optimised so
// that nothing inline of the headers is left as a function, which the linker could replace by an instrumented one; a
// test looks at the object code. The rest of the runtime is entered only where the program's code was interrupted.

#include "runtime/system/signal_entry.h"

#include <sys/mman.h>
#include <ucontext.h>

#include "runtime/base/print.h"
#include "runtime/base/real.h"
#include "runtime/base/reserve.h"
#include "runtime/base/settings.h"
#include "runtime/core/guard.h"
#include "runtime/core/workers.h"
#include "runtime/system/signal_code.h"
#include "runtime/system/signal_delivery.h"

namespace rondo {

namespace {

constexpr long kKickNanoseconds = 1'000'000;
constexpr size_t kAlternateBytes = 64 * 1024;
constexpr uint32_t kRing = 1024;
constexpr SignalSet kAll = ~SignalSet{0};

struct WorkerSignals {
    std::atomic<int> tid{0};
    std::atomic<bool> kick_armed{false};
    bool has_timer = false;
    int timer = 0;
    SignalSet kernel_mask = 0;  // what its kernel thread blocks while nothing special happens
};

WorkerSignals states[kMaxWorkers];
int kick_number = 0;

// Written in the signal handler, read by the loop, on one kernel thread.
siginfo_t ring[kRing];
std::atomic<uint32_t> ring_head{0};
std::atomic<uint32_t> ring_tail{0};
std::atomic<bool> ring_full{false};
std::atomic<bool> hurry_by_kick{false};
std::atomic<bool> ring_waits{false};  // for memory to queue signals in

SignalSet& kernel_mask_of(void* context) {
    return *reinterpret_cast<SignalSet*>(&static_cast<ucontext_t*>(context)->uc_sigmask);
}

const void* interrupted_at(void* context) {
    return reinterpret_cast<const void*>(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
}

void set_kernel_mask(SignalSet mask) { sys::call(SYS_rt_sigprocmask, SIG_SETMASK, sys::to_arg(&mask), 0, sizeof mask); }

bool is_fault(const siginfo_t& info) { return (kFaults & signal_bit(info.si_signo)) != 0 && info.si_code > 0; }

bool is_segmentation_fault(const siginfo_t& info) { return info.si_signo == SIGSEGV && is_fault(info); }

// The guard is the last thing that a stack's owner meets below it.
bool hits_guard(const Fiber& fiber, const void* address) {
    auto* at = static_cast<const char*>(address);
    return !fiber.adopted && at < fiber.stack.low() && at >= fiber.stack.low() - kGuardBytes;
}

bool ring_is_empty() { return ring_head.load(std::memory_order_relaxed) == ring_tail.load(std::memory_order_relaxed); }

void arm_kick(WorkerSignals& state) {
    if (state.kick_armed.exchange(true, std::memory_order_relaxed)) {
        return;
    }
    if (!state.has_timer) {
        sigevent event{};
        event.sigev_notify = SIGEV_THREAD_ID;
        event.sigev_signo = kick_number;
        event._sigev_un._tid = state.tid.load(std::memory_order_relaxed);
        state.has_timer =
            sys::call(SYS_timer_create, CLOCK_MONOTONIC, sys::to_arg(&event), sys::to_arg(&state.timer)) == 0;
    }
    itimerspec once{{0, 0}, {0, kKickNanoseconds}};
    sys::call(SYS_timer_settime, state.timer, 0, sys::to_arg(&once));
}

SignalSet kept_while_full() { return ~kFaults & ~signal_bit(kick_number); }

void record(Worker& worker, const siginfo_t& info, void* context) {
    uint32_t head = ring_head.load(std::memory_order_relaxed);
    ring[head % kRing] = info;
    ring_head.store(head + 1, std::memory_order_release);
    if (head + 2 - ring_tail.load(std::memory_order_relaxed) >= kRing) {
        ring_full.store(true, std::memory_order_relaxed);
        kernel_mask_of(context) |= kept_while_full();
    }
    worker.hurry();
    arm_kick(states[worker.index()]);
}

// In the loop, or on a fiber whose own code was interrupted.
void empty_ring(Worker& worker) {
    uint32_t tail = ring_tail.load(std::memory_order_relaxed);
    while (tail != ring_head.load(std::memory_order_acquire)) {
        siginfo_t info = ring[tail % kRing];
        if (!accept_process_signal(info)) {
            ring_waits.store(true, std::memory_order_seq_cst);  // room_for_signals() comes back to it
            break;
        }
        ring_tail.store(++tail, std::memory_order_release);
    }
    if (ring_full.load(std::memory_order_relaxed) && ring_is_empty()) {
        ring_full.store(false, std::memory_order_relaxed);
        set_kernel_mask(states[worker.index()].kernel_mask);
    }
}

// What a kernel thread that is no worker would have seen without us.
void run_in_place(siginfo_t& info, void* context) {
    int number = info.si_signo;
    SignalAction action = program_action(number);
    if (action.is_default() && is_segmentation_fault(info)) {
        let_fault_end_process(number);
    } else if (action.is_default()) {
        act_by_default(number);
    }
    if (!action.handles()) {
        return;
    }
    reset_if_one_shot(number, action);
    SignalSet own = (action.flags & SA_NODEFER) != 0 ? 0 : signal_bit(number);
    set_kernel_mask(kernel_mask_of(context) | action.mask | own);
    action.handler(number, &info, context);
}

// What the worker's kernel thread is to block now: more than usual while the ring is full.
SignalSet present_mask(const WorkerSignals& state) {
    return state.kernel_mask | (ring_full.load(std::memory_order_relaxed) ? kept_while_full() : 0);
}

// The program's code was interrupted: no lock is held here and the fiber is queued nowhere. The kernel's mask is opened
// for the handler, which may park and let others run on this kernel thread.
void run_on_fiber(Worker& worker, Fiber& fiber, void* context, bool for_main) {
    WorkerSignals& state = states[worker.index()];
    set_kernel_mask(present_mask(state));
    run_due_signals(fiber, Restart::always, for_main);
    set_kernel_mask(kAll & ~kFaults);
    kernel_mask_of(context) = present_mask(state);
}

// The same for a signal that the fiber sent to its kernel thread: abort() does, and has changed the kernel's mask.
void run_own(Worker& worker, Fiber& fiber, siginfo_t& info, void* context) {
    SignalSet before = kernel_mask_of(context);
    set_kernel_mask(before);
    run_handler(fiber, info, context);
    set_kernel_mask(kAll & ~kFaults);
    kernel_mask_of(context) = before;
    if (fiber.signal_due.load(std::memory_order_relaxed)) {
        arm_kick(states[worker.index()]);
    }
}

void run_fault(Worker& worker, siginfo_t& info, void* context) {
    Fiber* fiber = worker.current();
    SignalSet bit = signal_bit(info.si_signo);
    SignalAction action = program_action(info.si_signo);
    if (action.is_default() && info.si_signo == SIGSEGV) {
        if (fiber != nullptr && hits_guard(*fiber, info.si_addr)) {
            overflow_line(*fiber).send(2);
        }
        let_fault_end_process(info.si_signo);
        return;
    }
    bool blocked = fiber != nullptr && (fiber->rest->signals.mask.load(std::memory_order_relaxed) & bit) != 0;
    if (fiber == nullptr || blocked || !action.handles()) {
        act_by_default(info.si_signo);
        return;
    }
    SignalSet open = kernel_mask_of(context);
    set_kernel_mask(open);
    run_handler(*fiber, info, context);
    kernel_mask_of(context) = open;
}

// The program's code on a fiber was interrupted by a signal for the process.
void take_or_queue(Worker& worker, Fiber& current, siginfo_t& info, void* context) {
    empty_ring(worker);
    if (!accept_process_signal(info)) {
        record(worker, info, context);
        return;
    }
    if (current.signal_due.load(std::memory_order_relaxed)) {
        run_on_fiber(worker, current, context, false);
    } else {
        worker.hurry();
        arm_kick(states[worker.index()]);
    }
}

// A signal to this kernel thread, which its fiber caused in the runtime: a write to a pipe that nobody reads. What the
// loop writes in a thread's place is told by the operation's result.
void note_raised(Fiber* current, int number) {
    if (current != nullptr) {
        current->rest->signals.raised.fetch_or(signal_bit(number), std::memory_order_relaxed);
        current->signal_due.store(true, std::memory_order_relaxed);
    }
}

bool something_waits(const Worker& worker, const Fiber& current) {
    const Fiber* main = worker.index() == 0 ? adopted_fiber.load(std::memory_order_relaxed) : nullptr;
    bool mains = main != nullptr && main->signal_due.load(std::memory_order_relaxed);
    return mains || current.signal_due.load(std::memory_order_relaxed) || (worker.index() == 0 && !ring_is_empty());
}

void on_kick(int, siginfo_t*, void* context) {
    Worker* worker = self_;
    if (worker == nullptr) {
        return;
    }
    WorkerSignals& state = states[worker->index()];
    state.kick_armed.store(false, std::memory_order_relaxed);
    if (worker->index() == 0 && hurry_by_kick.exchange(false, std::memory_order_relaxed)) {
        worker->hurry();
    }
    Fiber* current = worker->current();
    if (current == nullptr || !something_waits(*worker, *current)) {
        return;
    }
    if (in_runtime_code(interrupted_at(context))) {
        arm_kick(state);
        return;
    }
    if (worker->index() == 0) {
        empty_ring(*worker);
    }
    run_on_fiber(*worker, *current, context, worker->index() == 0);
}

// A fault's number sent to the process may reach any worker; the first one's kernel thread takes it.
void pass_on(siginfo_t& info) {
    int tid = states[0].tid.load(std::memory_order_relaxed);
    sys::call(SYS_rt_tgsigqueueinfo, sys::getpid(), tid, info.si_signo, sys::to_arg(&info));
}

void on_recorded(Worker& worker) {
    if (worker.index() == 0) {
        empty_ring(worker);
    }
}

void on_due(Worker& worker) { arm_kick(states[worker.index()]); }

bool run_hook(Fiber& fiber, Restart restart) { return run_due_signals(fiber, restart, false); }

}  // namespace

void on_signal(int number, siginfo_t* info, void* context) {
    Worker* worker = self_;
    if (number == SIGQUIT && quit_ends_process()) {
        act_by_default(number);
        return;
    }
    if (worker == nullptr) {
        run_in_place(*info, context);
        return;
    }
    if (is_fault(*info)) {
        run_fault(*worker, *info, context);
        return;
    }
    Fiber* current = worker->current();
    bool in_runtime = current == nullptr || in_runtime_code(interrupted_at(context));
    bool own = info->si_pid == sys::getpid() && (number == SIGPIPE || info->si_code == SI_TKILL);
    if (own && in_runtime && number != SIGABRT) {
        note_raised(current, number);
    } else if (worker->index() != 0 && !own) {
        pass_on(*info);
    } else if (own && current != nullptr) {
        run_own(*worker, *current, *info, context);
    } else if (in_runtime) {
        record(*worker, *info, context);
    } else {
        take_or_queue(*worker, *current, *info, context);
    }
}

void room_for_signals() {
    if (!ring_waits.load(std::memory_order_relaxed) || !ring_waits.exchange(false, std::memory_order_seq_cst)) {
        return;
    }
    if (self_ != nullptr && self_->index() == 0) {
        self_->hurry();
    } else {
        hurry_by_kick.store(true, std::memory_order_seq_cst);
        kick_worker(*worker_at(0));
    }
}

void kick_worker(Worker& worker) {
    sys::call(SYS_tgkill, sys::getpid(), states[worker.index()].tid.load(std::memory_order_relaxed), kick_number);
}

void prepare_worker_signals(Worker& worker, bool takes_all) {
    WorkerSignals& state = states[worker.index()];
    state.tid.store(sys::gettid(), std::memory_order_relaxed);
    SignalSet always = kFaults | signal_bit(SIGPIPE) | signal_bit(kick_number) | signal_bit(real::kChangeUserSignal);
    state.kernel_mask = takes_all ? 0 : kAll & ~always;
    stack_t before{};
    sys::call(SYS_sigaltstack, 0, sys::to_arg(&before));
    void* memory = (before.ss_flags & SS_DISABLE) != 0 ? reserve_bytes(kAlternateBytes) : nullptr;
    if (memory != nullptr) {
        stack_t alternate{memory, 0, kAlternateBytes};
        sys::call(SYS_sigaltstack, sys::to_arg(&alternate), 0);
    }
    set_kernel_mask(state.kernel_mask);
}

void keep_in_kernel(SignalSet set) {
    states[0].kernel_mask = set;
    if (self_ != nullptr && self_->index() == 0) {
        set_kernel_mask(set);
    }
}

void prepare_signal_entry() {
    kick_number = own_signal();
    install_own_signal(on_kick);
}

void start_signal_entry() {
    find_runtime_code();
    set_signal_hooks({run_hook, on_recorded, on_due, could_fail_with_eintr});
    take_over_actions(on_signal);
}

void reset_signal_entry_in_child() {
    ring_head.store(0);
    ring_tail.store(0);
    ring_full.store(false);
    ring_waits.store(false);
    hurry_by_kick.store(false);
    for (WorkerSignals& state : states) {
        state.tid.store(0);
        state.kick_armed.store(false);
        state.has_timer = false;  // a child has none of its parent's timers
    }
}

}  // namespace rondo
