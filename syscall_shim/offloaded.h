// SPDX-License-Identifier: Apache-2.0
// Calls libc's own function on a kernel thread while the Rondo thread is parked; in place on any other kernel thread.
//
// errno goes with the call and comes back with it. Where no kernel thread can be had the worker makes the call: late is
// better than failed; so it does inside dlopen, whose lock another kernel thread might need. The function runs with
// another thread's handle and thread-local data, so it must call nothing of the program.
#ifndef RONDO_SHIM_OFFLOADED_H
#define RONDO_SHIM_OFFLOADED_H

#include <errno.h>
#include <fcntl.h>
#include <rondo/rondo.h>

#include "guard.h"
#include "real.h"

namespace rondo::shim {

// Whether the calling thread is inside dlopen or dlclose (dl.cpp).
bool loads_library();

using Offload = int (*)(void (*)(void*), void*);

template <typename Call>
auto offload_by(Offload offload, Call call) {
    using Result = decltype(call());
    struct Job {
        Call& call;
        Result result;
        int error;
    } job{call, {}, errno};
    auto run = [](void* arg) {
        auto& made = *static_cast<Job*>(arg);
        errno = made.error;
        made.result = made.call();
        made.error = errno;
    };
    if (!on_thread() || loads_library() || offload(run, &job) != 0) return call();
    errno = job.error;
    return job.result;
}

// On the threads for files.
template <typename F, typename... Arguments>
auto offloaded(Real<F>& real, Arguments... arguments) {
    return offload_by(rondo_offload, [&] { return real(arguments...); });
}

// The same only where a look at the path may wait.
template <typename F, typename... Arguments>
auto looked_up(int directory, const char* path, bool follow, Real<F>& real, Arguments... arguments) {
    if (!on_thread() || rondo_path_waits(directory, path, follow ? 1 : 0) == 0) return real(arguments...);
    return offloaded(real, arguments...);
}

// The same only where the descriptor's file is kept by a server.
template <typename F, typename... Arguments>
auto asked_about(int fd, Real<F>& real, Arguments... arguments) {
    if (!on_thread() || rondo_fd_remote(fd) <= 0) return real(arguments...);
    return offloaded(real, arguments...);
}

}  // namespace rondo::shim

#endif
