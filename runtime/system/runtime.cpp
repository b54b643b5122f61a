// SPDX-License-Identifier: Apache-2.0
//
// See runtime.h. The start runs once, on the stack of the first creator, under a spinlock that later creators wait for.

#include "runtime/system/runtime.h"

#include <sys/single_threaded.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "runtime/base/check.h"
#include "runtime/base/print.h"
#include "runtime/base/real.h"
#include "runtime/base/reserve.h"
#include "runtime/base/settings.h"
#include "runtime/core/cancel.h"
#include "runtime/core/wait_table.h"
#include "runtime/core/worker.h"
#include "runtime/core/workers.h"
#include "runtime/io/epoll_backend.h"
#include "runtime/io/offload_pool.h"
#include "runtime/io/thread_call.h"
#include "runtime/sched/fifo_policy.h"
#include "runtime/sync/once.h"
#include "runtime/system/deadlock.h"
#include "runtime/system/diagnostics.h"
#include "runtime/system/exploration.h"
#include "runtime/system/inspector.h"
#include "runtime/system/signals.h"
#include "runtime/system/watchdog.h"

extern char** environ;

namespace rondo {

namespace {

struct WorkerParts {
    FifoPolicy policy;
    EpollBackend backend;
    Worker worker;
};

constinit Spinlock start_lock;
std::atomic<bool> started{false};
WorkerParts* parts = nullptr;
size_t parts_bytes = 0;
Policy* chosen_policy = nullptr;  // worker 0's, in place of its own
Worker* workers[kMaxWorkers];
alignas(Fiber) char adopted_room[sizeof(Fiber)];
alignas(FiberRest) char adopted_rest_room[sizeof(FiberRest)];

// The time stamp counter's rate against the monotonic clock, over a span that gives 1 % with either's resolution.
uint64_t measure_ticks_per_ms() {
    constexpr Nanoseconds kSpan = 20'000;
    Nanoseconds begin = real_now_ns();
    uint64_t first = ticks();
    Nanoseconds now = begin;
    while (now - begin < kSpan) {
        now = real_now_ns();
    }
    return (ticks() - first) * static_cast<uint64_t>(kMillisecond) / static_cast<uint64_t>(now - begin);
}

Settings read_settings() {
    Settings settings;
    char error[256];
    if (!parse_settings(environ, settings, error, sizeof error)) {
        Line line;
        line << error;
        line.send(2);
        sys::call(SYS_exit_group, 2);
    }
    settings.workers = settings.workers != 0 ? settings.workers : default_workers();
    return settings;
}

bool build_worker(unsigned index, uint64_t ticks_per_ms) {
    auto* built = new (&parts[index]) WorkerParts;
    workers[index] = &built->worker;
    return built->backend.init(index, ticks_per_ms) == 0 &&
           built->worker.init(index, chosen_policy != nullptr ? *chosen_policy : built->policy, built->backend,
                              ticks_per_ms);
}

// Undoes build_worker, also a half one, for those in [first, end).
void drop_workers(unsigned first, unsigned end) {
    for (unsigned i = first; i < end; ++i) {
        parts[i].worker.release(true);
        parts[i].backend.release();
    }
}

void* worker_main(void* worker) {
    signals_enter_worker(*static_cast<Worker*>(worker));
    static_cast<Worker*>(worker)->run_here();
}

bool start_worker_thread(Worker& worker) {
    Stack stack = worker.loop_stack();
    return real::start_kernel_thread(worker_main, &worker, stack.low(), stack.bytes()) == 0;
}

// The main thread's own stack matters to the sanitizers only.
void describe_main_stack([[maybe_unused]] Fiber& fiber) {
#if defined(RONDO_ASAN) || defined(RONDO_TSAN)
    pthread_attr_t attr;
    void* low = nullptr;
    size_t bytes = 0;
    if (real::functions().getattr(real::functions().self(), &attr) == 0) {
        pthread_attr_getstack(&attr, &low, &bytes);
        real::functions().attr_destroy(&attr);
    }
    fiber.context.describe_running(low, bytes);
#endif
}

void adopt_main_thread(Worker& worker) {
    auto* fiber = new (adopted_room) Fiber;
    fiber->rest = new (adopted_rest_room) FiberRest;
    fiber->adopted = true;
    fiber->id = 1;
    fiber->handle = real::functions().self();
    memcpy(fiber->rest->name, "main", sizeof "main");
    fiber->rest->locals.adopt_foreign();
    fiber->cancel_bits.store(cancel_bits_before_start.load());
    describe_main_stack(*fiber);
    worker.adopt(*fiber);
    adopted_fiber.store(fiber, std::memory_order_release);
}

void adopt_caller(Worker& worker) {
    if (kept_caller.fiber == nullptr) {
        adopt_main_thread(worker);
        return;
    }
    worker.adopt(*kept_caller.fiber);
    kept_caller = {};
}

// How many of the workers [first, wanted) got a kernel thread: all, or those before the first failure.
unsigned start_threads(unsigned first, unsigned wanted) {
    unsigned running = first;
    while (running < wanted && start_worker_thread(*workers[running])) {
        ++running;
    }
    return running;
}

void say_fewer(unsigned running, unsigned wanted) {
    Line note;
    note << "rondo: too few descriptors, memory or kernel threads; running " << running << " of " << wanted
         << " workers";
    note.send(2);
}

// So long a millisecond that none ends: under a seed nothing is decided by the time it takes.
constexpr uint64_t kEndlessMs = UINT64_MAX / 1000;

// There is nobody to wait for where a schedule is tried out.
OnDeadlock reaction_to_deadlock(const Settings& settings) {
    if (settings.on_deadlock != OnDeadlock::automatic) {
        return settings.on_deadlock;
    }
    return settings.sched == SchedKind::fifo ? OnDeadlock::report : OnDeadlock::abort;
}

int start_workers() {
    Settings settings = read_settings();
    chosen_policy = begin_exploration(settings);
    uint64_t ticks_per_ms = chosen_policy != nullptr ? kEndlessMs : measure_ticks_per_ms();
    StackPool::instance().init(settings.stack_bytes);
    set_panic_hook(dump_threads);
    watch_for_deadlock(reaction_to_deadlock(settings), settings.sched != SchedKind::fifo);
    parts = reserve_array<WorkerParts>(settings.workers);
    parts_bytes = settings.workers * sizeof(WorkerParts);
    if (parts == nullptr) {
        return EAGAIN;
    }
    unsigned built = 0;
    while (built < settings.workers && build_worker(built, ticks_per_ms)) {
        ++built;
    }
    if (built < settings.workers) {
        drop_workers(built, built + 1);
    }
    bool on_main_thread = sys::gettid() == sys::getpid();
    if (built == 0 || (!on_main_thread && !start_worker_thread(*workers[0]))) {
        drop_workers(0, built);
        sys::munmap(parts, parts_bytes);
        return EAGAIN;
    }
    if (on_main_thread) {
        adopt_caller(*workers[0]);
    }
    live_fibers.store(1, std::memory_order_relaxed);  // main, or the process's own threads, which outlive all fibers
    unsigned running = start_threads(1, built);
    drop_workers(running, built);
    if (running < settings.workers) {
        say_fewer(running, settings.workers);
    }
    set_workers(workers, running);
    started.store(true, std::memory_order_release);
    if (settings.stall_ms != 0) {
        start_watchdog(settings.stall_ms);
    }
    if (settings.inspection != Inspection::off) {
        start_inspector(settings.inspection == Inspection::on);
    }
    // One worker makes no kernel thread that libc would see. The C++ library takes a thread that waits at a
    // function-local static for one that recurses into it as long as libc says that there are no others. Said last: a
    // libc that knows of others already does not prepare for its first thread, without which it cannot change users.
    __libc_single_threaded = 0;
    return 0;
}

// No signal comes in while the thread that starts the runtime turns into a fiber.
int start() {
    SignalSet mask = signals_before_start();
    int error = start_workers();
    if (error != 0) {
        end_exploration();
        signals_start_failed(mask);
    } else {
        signals_started(mask, current_fiber(), *workers[0]);
    }
    return error;
}

void place_by_message(Message& message) {
    auto* fiber = static_cast<Fiber*>(message.subject);
    fiber->worker->make_ready(*fiber);
}

}  // namespace

bool runtime_started() { return started.load(std::memory_order_acquire); }

int ensure_runtime() {
    if (runtime_started()) {
        return 0;
    }
    SpinGuard hold(start_lock);
    return runtime_started() ? 0 : start();
}

int spawn(uint64_t& handle, Fiber::Start start, void* arg, size_t stack_bytes, bool detached) {
    int error = ensure_runtime();
    error = error == 0 && choose(ChoiceKind::fail, 2, "create") != 0 ? EAGAIN : error;
    Fiber* fiber = error == 0 ? Fiber::create(start, arg, stack_bytes) : nullptr;
    if (fiber == nullptr) {
        return EAGAIN;
    }
    handle = fiber->handle;
    fiber->join_state.store(detached ? JoinState::detached : JoinState::joinable, std::memory_order_relaxed);
    Worker& worker = least_loaded_worker();
    fiber->worker = &worker;
    fiber->set_state(FiberState::created);
    worker.load.fetch_add(1, std::memory_order_relaxed);
    live_fibers.fetch_add(1, std::memory_order_relaxed);
    if (is_here(&worker)) {
        worker.make_ready(*fiber);
        return 0;
    }
    fiber->wake_message.run = place_by_message;
    fiber->wake_message.subject = fiber;
    worker.post(fiber->wake_message);
    return 0;
}

Spinlock& start_fork_lock() { return start_lock; }

// The caller's worker keeps its loop stack: libc may have its block of the kernel thread there.
void leave_runtime_to_parent() {
    if (!runtime_started()) {
        return;
    }
    Worker* own = self_;
    Fiber* caller = current_fiber();
    kept_caller = {caller, thread_pointer()};
    self_ = nullptr;
    for (unsigned i = 0; i < worker_count(); ++i) {
        parts[i].backend.release();
        parts[i].worker.release(&parts[i].worker != own);
    }
    set_workers(nullptr, 0);
    end_exploration();
    sys::munmap(parts, parts_bytes);
    bool in_slab = caller != nullptr && !caller->adopted;
    StackPool::instance().forget_others(in_slab ? caller : nullptr);
    forget_all_waiters();
    OffloadPool::files().forget_all();
    OffloadPool::names().forget_all();
    OffloadPool::waits().forget_all();
    forget_thread_calls();
    real::kernel_threads.store(0, std::memory_order_relaxed);
    forget_deadlock();
    Once::after_fork_in_child();
    if (caller == nullptr || in_slab) {
        adopted_fiber.store(nullptr, std::memory_order_relaxed);
    }
    live_fibers.store(0, std::memory_order_relaxed);
    started.store(false, std::memory_order_release);
}

const char* io_backend_name() { return runtime_started() ? worker_at(0)->backend().name() : ""; }

}  // namespace rondo
