// SPDX-License-Identifier: Apache-2.0
//
// What C and C++ keep per kernel thread and a thread owns: errno and the two words of __cxa_eh_globals (the stack of
// caught exceptions and the count of uncaught ones). A fiber saves them in its own frame when it leaves the processor
// and restores them when it returns, 4 ns in all. Other thread_local data is shared by the threads of one worker.
//
// Everything here runs on the worker's kernel thread; fibers never change worker, so the addresses stay good.
#pragma once

namespace rondo {

class Worker;

// The runtime's only thread-local variable: this kernel thread's worker, or null on all other kernel threads.
extern __thread Worker* self_ __attribute__((tls_model("initial-exec")));

struct EhGlobals {
    void* caught;
    unsigned uncaught;
};

// A value that differs for each kernel thread: the thread pointer (FS base).
inline void* thread_pointer() { return __builtin_thread_pointer(); }

// Where this kernel thread keeps them; found once, for each look-up is a call into libc.
struct ThreadStatePlaces {
    int* error_number = nullptr;
    EhGlobals* eh = nullptr;  // null when no C++ runtime is loaded

    void find();
    // What a new thread starts with.
    void clear() const;
};

class SavedThreadState {
   public:
    explicit SavedThreadState(const ThreadStatePlaces& places) : errno_(*places.error_number) {
        if (places.eh != nullptr) {
            eh_ = *places.eh;
        }
    }

    void restore(const ThreadStatePlaces& places) const {
        *places.error_number = errno_;
        if (places.eh != nullptr) {
            *places.eh = eh_;
        }
    }

   private:
    int errno_;
    EhGlobals eh_;
};

}  // namespace rondo
