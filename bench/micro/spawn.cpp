// SPDX-License-Identifier: Apache-2.0
//
// Question: what does it cost to create an empty thread and join it?
// One after the other, default attributes, so both sides reuse the stack of the thread before: the best case of
// each. The NPTL side is libc's own pthread_create: this program is not run under the shim.
#include <pthread.h>

#include "micro.h"

namespace {

constexpr int kRepetitions = 15;
constexpr int kRondoThreads = 20000;
constexpr int kNptlThreads = 2000;

void* nothing(void*) { return nullptr; }

void run_rondo() {
    for (int i = 0; i < kRondoThreads; ++i) micro::join(micro::spawn(nothing, nullptr));
}

void run_nptl() {
    for (int i = 0; i < kNptlThreads; ++i) {
        pthread_t thread;
        micro::require(pthread_create(&thread, nullptr, nothing, nullptr), "pthread_create");
        micro::require(pthread_join(thread, nullptr), "pthread_join");
    }
}

}  // namespace

int main() {
    micro::start_runtime();
    micro::Samples rondo, nptl;
    for (int i = 0; i < kRepetitions; ++i) {
        rondo.measure(kRondoThreads, run_rondo);
        nptl.measure(kNptlThreads, run_nptl);
    }
    micro::print_pair("spawn", "nptl", kRondoThreads, kRepetitions, rondo, nptl);
}
