// SPDX-License-Identifier: Apache-2.0
// Happens-before by initialisation that is done once: pthread_once, call_once, and the static local variables of C++.
//
// What the routine did happened before every return of pthread_once. The routine is told through the thread's record,
// for pthread_once passes no argument. A C++ compiler's own fast path loads the guard atomically; only the slow one
// comes here.
#include <pthread.h>
#include <threads.h>

#include "wrappers.h"

using namespace rondo::race;

namespace {

RONDO_REAL(pthread_once);

RONDO_REGISTERED constinit rondo::shim::Real<int(long long*)> real_guard_acquire("__cxa_guard_acquire");
RONDO_REGISTERED constinit rondo::shim::Real<void(long long*)> real_guard_release("__cxa_guard_release");

void run_routine() {
    Thread& thread = *current();
    void* control = thread.once_control;
    thread.once();
    release(control);
}

int once(pthread_once_t* control, void (*routine)()) {
    Thread* thread = detecting ? current() : nullptr;
    if (thread == nullptr) return real_pthread_once(control, routine);
    auto* outer = thread->once;
    auto* outer_control = thread->once_control;
    thread->once = routine;
    thread->once_control = control;
    int result = real_pthread_once(control, run_routine);
    thread->once = outer;
    thread->once_control = outer_control;
    acquire(control);
    return result;
}

}  // namespace

RONDO_EXPORT(int, pthread_once, (pthread_once_t * control, void (*routine)())) { return once(control, routine); }

RONDO_EXPORT(void, call_once, (once_flag * control, void (*routine)())) {
    once(reinterpret_cast<pthread_once_t*>(control), routine);
}

RONDO_EXPORT_UNDECLARED(int, __cxa_guard_acquire, (long long* guard)) {
    int initialise = real_guard_acquire(guard);
    acquire(guard);
    return initialise;
}

RONDO_EXPORT_UNDECLARED(void, __cxa_guard_release, (long long* guard)) {
    release(guard);
    real_guard_release(guard);
}
