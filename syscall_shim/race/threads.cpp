// SPDX-License-Identifier: Apache-2.0
// Happens-before by the life of threads: one knows what its creator had done, and who joins it knows all that it did.
//
// Each starts in a function of ours, which has to say who it is before it runs. The last part is what cond_wait.c
// needs.
#include <pthread.h>
#include <threads.h>

#include "cond_wait.h"
#include "wrappers.h"

using namespace rondo::race;

namespace {

RONDO_REAL(pthread_create);
RONDO_REAL(pthread_join);
RONDO_REAL(pthread_tryjoin_np);
RONDO_REAL(pthread_timedjoin_np);
RONDO_REAL(pthread_clockjoin_np);
RONDO_REAL(thrd_create);
RONDO_REAL(thrd_join);
RONDO_REAL(pthread_cond_wait);
RONDO_REAL(pthread_cond_timedwait);
RONDO_REAL(pthread_cond_clockwait);
RONDO_REAL(cnd_wait);
RONDO_REAL(cnd_timedwait);

struct Start {
    void* (*posix)(void*);
    int (*c11)(void*);
    void* argument;
    Thread* thread;
};

Start* new_start(void* (*posix)(void*), int (*c11)(void*), void* argument, Pc created_at) {
    Thread* creator = current();
    if (creator == nullptr) return nullptr;
    auto* start = allocate_array<Start>(1);
    *start = {posix, c11, argument, new_thread(*creator, created_at)};
    return start;
}

// The creator may join the thread before it has run.
void note_created(const Start& start, pthread_t handle) {
    if (start.thread->stack == 0) bind_handle(*start.thread, handle);
}

// The stack may have been another thread's.
void begin(const Start& start) {
    bind(*start.thread);
    pthread_attr_t attributes;
    void* lowest = nullptr;
    size_t bytes = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &lowest, &bytes);
        pthread_attr_destroy(&attributes);
        start.thread->stack = reinterpret_cast<uint64_t>(lowest);
        start.thread->stack_bytes = bytes;
        forget_memory(start.thread->stack, bytes);
    }
}

void* run_posix(void* argument) {
    const Start& start = *static_cast<Start*>(argument);
    begin(start);
    return start.posix(start.argument);
}

int run_c11(void* argument) {
    const Start& start = *static_cast<Start*>(argument);
    begin(start);
    return start.c11(start.argument);
}

template <typename F>
int join_by(F join, pthread_t handle) {
    Thread* ended = detecting ? find_thread(handle) : nullptr;
    int result = join();
    Thread* self = ended != nullptr ? current() : nullptr;
    if (result == 0 && self != nullptr) self->clock.join(ended->clock);
    return result;
}

}  // namespace

RONDO_EXPORT(int, pthread_create,
             (pthread_t * thread, const pthread_attr_t* attr, void* (*function)(void*), void* argument)) {
    Start* start = exploring ? new_start(function, nullptr, argument, RONDO_CALLER) : nullptr;
    if (start == nullptr) return real_pthread_create(thread, attr, function, argument);
    int error = real_pthread_create(thread, attr, run_posix, static_cast<void*>(start));
    if (error == 0) note_created(*start, *thread);
    return error;
}

RONDO_EXPORT(int, thrd_create, (thrd_t * thread, thrd_start_t function, void* argument)) {
    Start* start = exploring ? new_start(nullptr, function, argument, RONDO_CALLER) : nullptr;
    if (start == nullptr) return real_thrd_create(thread, function, argument);
    int error = real_thrd_create(thread, run_c11, static_cast<void*>(start));
    if (error == 0) note_created(*start, *thread);
    return error;
}

RONDO_EXPORT(int, pthread_join, (pthread_t thread, void** result)) {
    return join_by([&] { return real_pthread_join(thread, result); }, thread);
}

RONDO_EXPORT(int, pthread_tryjoin_np, (pthread_t thread, void** result)) {
    return join_by([&] { return real_pthread_tryjoin_np(thread, result); }, thread);
}

RONDO_EXPORT(int, pthread_timedjoin_np, (pthread_t thread, void** result, const timespec* deadline)) {
    return join_by([&] { return real_pthread_timedjoin_np(thread, result, deadline); }, thread);
}

RONDO_EXPORT(int, pthread_clockjoin_np, (pthread_t thread, void** result, clockid_t clock, const timespec* deadline)) {
    return join_by([&] { return real_pthread_clockjoin_np(thread, result, clock, deadline); }, thread);
}

RONDO_EXPORT(int, thrd_join, (thrd_t thread, int* result)) {
    return join_by([&] { return real_thrd_join(thread, result); }, thread);
}

extern "C" {

void rondo_race_acquire(const volatile void* object) { acquire(object); }
void rondo_race_release(const volatile void* object) { release(object); }

rondo_race_waits rondo_race_real_waits() {
    return {real_pthread_cond_wait.get(), real_pthread_cond_timedwait.get(), real_pthread_cond_clockwait.get(),
            real_cnd_wait.get(), real_cnd_timedwait.get()};
}
}
