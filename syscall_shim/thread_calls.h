// SPDX-License-Identifier: Apache-2.0
// What the pthread and the C11 families share: the calls that treat a kernel thread and a Rondo thread differently.
//
// Each does what its pthread namesake does; the definitions are in pthread_threads.cpp.
#ifndef RONDO_SHIM_THREAD_CALLS_H
#define RONDO_SHIM_THREAD_CALLS_H

#include <pthread.h>
#include <rondo/rondo.h>

namespace rondo::shim {

int create_thread(pthread_t* thread, const rondo_attr_t* attr, void* (*start)(void*), void* arg);
[[noreturn]] void exit_thread(void* result);
int yield_thread();

}  // namespace rondo::shim

#endif
