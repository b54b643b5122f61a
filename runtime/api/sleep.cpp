// SPDX-License-Identifier: Apache-2.0
//
// The sleep family: the C façade. A sleep is a park that only its timer ends; all of them are cancellation points. A
// fiber's sleep is not cut short by signals, so nothing ever remains of it.

#include <cerrno>

#include "runtime/api/deadline.h"
#include "runtime/core/cancel.h"
#include "runtime/core/worker.h"
#include "runtime/include/rondo/rondo.h"
#include "runtime/io/offload_pool.h"

using namespace rondo;

namespace {

void sleep_until(Deadline deadline) {
    cancellation_point();
    if (deadline.passed()) {
        self_->yield_current();
        return;
    }
    Waiter waiter(WaitReason::sleep, nullptr);
    waiter.cancellable = true;
    if (park(waiter, {}, deadline) == WakeCause::cancelled) {
        cancellation_point();
    }
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
    return is_supported_clock(clock) || clock == CLOCK_BOOTTIME || clock == CLOCK_TAI;
}

// A clock of CPU time stands still while nobody runs: a kernel thread waits for it.
int sleep_on_cpu_clock(clockid_t clock, int flags, const timespec* time) {
    ClockSleep sleep{clock, flags, time, 0};
    int error = OffloadPool::waits().run(sleep_in_kernel, &sleep);
    return error != 0 ? error : static_cast<int>(-sleep.result);
}

}  // namespace

extern "C" {

// 0 or an error number, as POSIX has it for this one alone.
int rondo_clock_nanosleep(clockid_t clock, int flags, const struct timespec* time, struct timespec* remaining) {
    if (clock == CLOCK_THREAD_CPUTIME_ID) {
        return EINVAL;
    }
    if (current_fiber() == nullptr) {
        return static_cast<int>(
            -sys::call(SYS_clock_nanosleep, clock, flags, sys::to_arg(time), sys::to_arg(remaining)));
    }
    if (!is_valid(*time) || time->tv_sec < 0) {
        return EINVAL;
    }
    if (!is_sleepable(clock)) {
        return sleep_on_cpu_clock(clock, flags, time);
    }
    if ((flags & TIMER_ABSTIME) != 0) {
        sleep_until({to_ns(*time), clock});
    } else {
        sleep_until({add_ns(now_ns(), to_ns(*time)), CLOCK_MONOTONIC});
    }
    return 0;
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
    return rondo_nanosleep(&duration, &remaining) == 0 ? 0 : static_cast<unsigned>(remaining.tv_sec);
}

}  // extern "C"
