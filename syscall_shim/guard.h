// SPDX-License-Identifier: Apache-2.0
// Who goes where, and the casts between libc's types and ours.
//
//   synchronisation objects, keys, attributes   always rondo_*: there is one representation for everybody, from the
//                                               process's first instruction
//   calls that may wait                         rondo_* on a Rondo thread, else libc (on_thread)
//   exit, cancellation, cleanup handlers        the same, also on what a forked child keeps (is_thread)
//   births and deaths of descriptor numbers,    rondo_* on every thread, always, for the runtime keeps a record of
//   and the options it must know                each number, also of those that were born before it started
//   a thread's handle                           libc only for the calling kernel thread's own handle when it is no
//                                               Rondo thread: libc reads whatever a handle points to (foreign_self)
#ifndef RONDO_SHIM_GUARD_H
#define RONDO_SHIM_GUARD_H

#include <pthread.h>
#include <rondo/rondo.h>
#include <semaphore.h>
#include <threads.h>

#include <type_traits>

namespace rondo::shim {

inline bool on_thread() { return rondo_on_thread() != 0; }
inline bool is_thread() { return rondo_is_thread() != 0; }
inline bool started() { return rondo_started() != 0; }

// libc's own name for the calling kernel thread: its thread pointer.
pthread_t kernel_thread();

inline bool foreign_self(pthread_t thread) { return !is_thread() && thread == kernel_thread(); }

template <typename T>
struct RondoType;
// clang-format off
template <> struct RondoType<pthread_attr_t> { using Type = rondo_attr_t; };
template <> struct RondoType<pthread_mutex_t> { using Type = rondo_mutex_t; };
template <> struct RondoType<pthread_mutexattr_t> { using Type = rondo_mutexattr_t; };
template <> struct RondoType<pthread_cond_t> { using Type = rondo_cond_t; };
template <> struct RondoType<pthread_condattr_t> { using Type = rondo_condattr_t; };
template <> struct RondoType<pthread_rwlock_t> { using Type = rondo_rwlock_t; };
template <> struct RondoType<pthread_rwlockattr_t> { using Type = rondo_rwlockattr_t; };
template <> struct RondoType<pthread_barrier_t> { using Type = rondo_barrier_t; };
template <> struct RondoType<pthread_barrierattr_t> { using Type = rondo_barrierattr_t; };
template <> struct RondoType<sem_t> { using Type = rondo_sem_t; };
template <> struct RondoType<mtx_t> { using Type = rondo_mutex_t; };
template <> struct RondoType<cnd_t> { using Type = rondo_cond_t; };
// clang-format on

template <typename T>
auto as_rondo(T* object) {
    using Type = typename RondoType<std::remove_const_t<T>>::Type;
    static_assert(sizeof(Type) == sizeof(T) && alignof(Type) <= alignof(T));
    if constexpr (std::is_const_v<T>) {
        return reinterpret_cast<const Type*>(object);
    } else {
        return reinterpret_cast<Type*>(object);
    }
}

}  // namespace rondo::shim

#endif
