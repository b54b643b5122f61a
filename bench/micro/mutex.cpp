// SPDX-License-Identifier: Apache-2.0
//
// Question: what does an uncontended lock and unlock cost?
// Each side is measured on a thread of its own kind. A second kernel thread is kept waiting all the time, because
// libc leaves the atomic instruction out in a process of one thread, which no threaded program is. The NPTL side is
// libc's own mutex: this program is not run under the shim.
#include <pthread.h>
#include <unistd.h>

#include "micro.h"

namespace {

constexpr int kRepetitions = 15;
constexpr int kPairs = 2000000;

rondo_mutex_t rondo_mutex = RONDO_MUTEX_INITIALIZER;
pthread_mutex_t nptl_mutex = PTHREAD_MUTEX_INITIALIZER;

void* run_rondo(void* samples) {
    static_cast<micro::Samples*>(samples)->measure(kPairs, [] {
        for (int i = 0; i < kPairs; ++i) {
            rondo_mutex_lock(&rondo_mutex);
            rondo_mutex_unlock(&rondo_mutex);
        }
    });
    return nullptr;
}

void* run_nptl(void* samples) {
    static_cast<micro::Samples*>(samples)->measure(kPairs, [] {
        for (int i = 0; i < kPairs; ++i) {
            pthread_mutex_lock(&nptl_mutex);
            pthread_mutex_unlock(&nptl_mutex);
        }
    });
    return nullptr;
}

void* wait_for_end(void* pipe_end) {
    char byte;
    return read(*static_cast<int*>(pipe_end), &byte, 1) < 0 ? pipe_end : nullptr;
}

pthread_t start_kernel_thread(void* (*start)(void*), void* arg) {
    pthread_t thread;
    micro::require(pthread_create(&thread, nullptr, start, arg), "pthread_create");
    return thread;
}

}  // namespace

int main() {
    micro::start_runtime();
    int ends[2];
    micro::require(pipe(ends), "pipe");
    const pthread_t waiting = start_kernel_thread(wait_for_end, &ends[0]);
    micro::Samples rondo, nptl;
    for (int i = 0; i < kRepetitions; ++i) {
        micro::join(micro::spawn(run_rondo, &rondo));
        micro::require(pthread_join(start_kernel_thread(run_nptl, &nptl), nullptr), "pthread_join");
    }
    close(ends[1]);
    pthread_join(waiting, nullptr);
    micro::print_pair("mutex", "nptl", kPairs, kRepetitions, rondo, nptl);
}
