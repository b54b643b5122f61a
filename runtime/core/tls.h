// SPDX-License-Identifier: Apache-2.0
//
// What C and C++ keep per kernel thread and a thread owns: errno and the two words of __cxa_eh_globals (the stack of
// caught exceptions and the count of uncaught ones). A fiber saves them in its own frame when it leaves the processor
// and restores them when it returns, 4 ns in all. Other thread_local data is shared by the threads of one worker.
//
// Everything here runs on the worker's kernel thread; fibers never change worker, so the addresses stay good.
#pragma once

#include <cerrno>

namespace rondo {

class Worker;

// The runtime's only thread-local variable: this kernel thread's worker, or null on all other kernel threads.
extern __thread Worker* self_ __attribute__((tls_model("initial-exec")));

struct EhGlobals {
    void* caught;
    unsigned uncaught;
};

// The calling kernel thread's, or null when no C++ runtime is loaded.
EhGlobals* find_eh_globals();

// A value that differs for each kernel thread: the thread pointer (FS base).
inline void* thread_pointer() { return __builtin_thread_pointer(); }

class SavedThreadState {
   public:
    explicit SavedThreadState(EhGlobals* eh) : errno_(errno), eh_(eh != nullptr ? *eh : EhGlobals{}) {}

    void restore(EhGlobals* eh) const {
        errno = errno_;
        if (eh != nullptr) {
            *eh = eh_;
        }
    }

    // What a new thread starts with.
    static void clear(EhGlobals* eh) {
        errno = 0;
        if (eh != nullptr) {
            *eh = {};
        }
    }

   private:
    int errno_;
    EhGlobals eh_;
};

}  // namespace rondo
