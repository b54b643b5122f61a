// SPDX-License-Identifier: Apache-2.0
//
// The sleep family: the C façade. A sleep is a park that its timer ends, or a signal whose handler ran; all of them are
// cancellation points.

#include <cerrno>

#include "runtime/api/deadline.h"
#include "runtime/core/cancel.h"
#include "runtime/core/interrupt.h"
#include "runtime/core/worker.h"
#include "runtime/include/rondo/rondo.h"
#include "runtime/io/offload_pool.h"
#include "runtime/system/runtime.h"

using namespace rondo;

namespace {

// 0 or EINTR.
int sleep_until(Deadline deadline) {
    cancellation_point();
    if (deadline.passed()) {
        self_->yield_current();
        return 0;
    }
    if (interrupted_by_choice(Restart::never, "sleep")) {
        return EINTR;
    }
    for (;;) {
        Waiter waiter(WaitReason::sleep, nullptr);
        waiter.cancellable = true;
        waiter.interruptible = true;
        WakeCause cause = park(waiter, {}, deadline);
        if (cause == WakeCause::cancelled) {
            cancellation_point();
        }
        bool fails = interrupted(Restart::never);  // a signal that comes with the last moment runs, too
        if (cause != WakeCause::interrupted) {
            return 0;
        }
        if (fails) {
            return EINTR;
        }
    }
}

int sleep_for(Nanoseconds duration, timespec* remaining) {
    Nanoseconds end = add_ns(now_ns(), duration);
    int error = sleep_until({end, CLOCK_MONOTONIC});
    if (error != 0 && remaining != nullptr) {
        Nanoseconds left = end - now_ns();
        *remaining = to_timespec(left > 0 ? left : 0);
    }
    return error;
}

struct ClockSleep {
    clockid_t clock;
    int flags;
    const timespec* time;
    long result;
};

void sleep_in_kernel(void* arg) {
    auto* sleep = static_cast<ClockSleep*>(arg);
    sleep->result = sys::call(SYS_clock_nanosleep, sleep->clock, sleep->flags, sys::to_arg(sleep->time), 0);
}

bool is_sleepable(clockid_t clock) {
    return VirtualClock::used() || is_supported_clock(clock) || clock == CLOCK_BOOTTIME || clock == CLOCK_TAI;
}

// A clock of CPU time stands still while nobody runs: a kernel thread waits for it.
int sleep_on_cpu_clock(clockid_t clock, int flags, const timespec* time) {
    ClockSleep sleep{clock, flags, time, 0};
    int error = OffloadPool::waits().run(sleep_in_kernel, &sleep);
    return error != 0 ? error : static_cast<int>(-sleep.result);
}

Nanoseconds time_until(const timespec& time, clockid_t clock) {
    Nanoseconds left = to_ns(time) - clock_now(clock);
    return left > 0 ? left : 0;
}

int sleep_without_fiber(clockid_t clock, int flags, const timespec& time, timespec* remaining) {
    bool absolute = (flags & TIMER_ABSTIME) != 0;
    timespec until = absolute && is_valid(time) ? to_timespec(in_kernel_time(to_ns(time), clock)) : time;
    return static_cast<int>(-sys::call(SYS_clock_nanosleep, clock, flags, sys::to_arg(&until), sys::to_arg(remaining)));
}

}  // namespace

extern "C" {

// 0 or an error number, as POSIX has it for this one alone.
int rondo_clock_nanosleep(clockid_t clock, int flags, const struct timespec* time, struct timespec* remaining) {
    if (clock == CLOCK_THREAD_CPUTIME_ID) {
        return EINVAL;
    }
    if (current_fiber() == nullptr && (runtime_started() || !VirtualClock::used())) {
        return sleep_without_fiber(clock, flags, *time, remaining);
    }
    if (!is_valid(*time) || time->tv_sec < 0) {
        return EINVAL;
    }
    if (!runtime_started()) {
        VirtualClock::advance((flags & TIMER_ABSTIME) != 0 ? time_until(*time, clock) : to_ns(*time));
        return 0;
    }
    if (!is_sleepable(clock)) {
        return sleep_on_cpu_clock(clock, flags, time);
    }
    if ((flags & TIMER_ABSTIME) != 0) {
        return sleep_until({to_ns(*time), clock});
    }
    return sleep_for(to_ns(*time), remaining);
}

int rondo_nanosleep(const struct timespec* duration, struct timespec* remaining) {
    int error = rondo_clock_nanosleep(CLOCK_MONOTONIC, 0, duration, remaining);
    if (error == 0) {
        return 0;
    }
    errno = error;
    return -1;
}

int rondo_usleep(unsigned microseconds) {
    timespec duration = to_timespec(static_cast<Nanoseconds>(microseconds) * 1000);
    return rondo_nanosleep(&duration, nullptr);
}

unsigned rondo_sleep(unsigned seconds) {
    timespec duration{seconds, 0};
    timespec remaining{0, 0};
    constexpr Nanoseconds kHalf = kSecond / 2;
    if (rondo_nanosleep(&duration, &remaining) == 0) {
        return 0;
    }
    return static_cast<unsigned>((to_ns(remaining) + kHalf) / kSecond);
}

}  // extern "C"
