// SPDX-License-Identifier: Apache-2.0
//
// How the opaque types of rondo.h are laid out. Thread attributes have the fields of glibc's own, so that a libc call
// that is handed one reads what was meant; the others are ours alone, in the size of their pthread namesakes.
#pragma once

#include <pthread.h>
#include <semaphore.h>

#include <cstddef>
#include <cstdint>

#include "runtime/base/spinlock.h"
#include "runtime/include/rondo/rondo.h"
#include "runtime/sync/barrier.h"
#include "runtime/sync/condvar.h"
#include "runtime/sync/mutex.h"
#include "runtime/sync/once.h"
#include "runtime/sync/rwlock.h"
#include "runtime/sync/semaphore.h"

namespace rondo {

struct ThreadAttr {
    static constexpr int kDetached = 1;   // glibc's ATTR_FLAG_DETACHSTATE
    static constexpr int kStackAddr = 8;  // glibc's ATTR_FLAG_STACKADDR

    int priority;
    int policy;
    int flags;
    size_t guard_bytes;
    char* stack_top;
    size_t stack_bytes;  // 0: the default
    void* extension;
};

template <typename Inner, typename Outer>
Inner& as(Outer* outer) {
    static_assert(sizeof(Inner) <= sizeof(Outer) && alignof(Inner) <= alignof(Outer));
    return *reinterpret_cast<Inner*>(outer);
}

template <typename Inner, typename Outer>
const Inner& as(const Outer* outer) {
    return as<Inner>(const_cast<Outer*>(outer));
}

static_assert(sizeof(rondo_attr_t) == sizeof(pthread_attr_t) && sizeof(ThreadAttr) <= sizeof(pthread_attr_t));
static_assert(sizeof(rondo_mutex_t) == sizeof(pthread_mutex_t));
static_assert(sizeof(rondo_cond_t) == sizeof(pthread_cond_t));
static_assert(sizeof(rondo_rwlock_t) == sizeof(pthread_rwlock_t));
static_assert(sizeof(rondo_barrier_t) == sizeof(pthread_barrier_t));
static_assert(sizeof(rondo_sem_t) == sizeof(sem_t));
static_assert(sizeof(rondo_mutexattr_t) == sizeof(pthread_mutexattr_t));
static_assert(sizeof(rondo_condattr_t) == sizeof(pthread_condattr_t));
static_assert(sizeof(rondo_rwlockattr_t) == sizeof(pthread_rwlockattr_t));
static_assert(sizeof(rondo_barrierattr_t) == sizeof(pthread_barrierattr_t));
static_assert(sizeof(rondo_once_t) == sizeof(pthread_once_t) && sizeof(rondo_key_t) == sizeof(pthread_key_t));
static_assert(sizeof(rondo_spinlock_t) == sizeof(pthread_spinlock_t) && sizeof(Spinlock) == sizeof(int));
static_assert(offsetof(pthread_mutex_t, __data.__kind) == 16 && offsetof(pthread_rwlock_t, __data.__flags) == 48);

}  // namespace rondo
