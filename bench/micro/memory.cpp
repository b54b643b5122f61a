// SPDX-License-Identifier: Apache-2.0
//
// Question: how much memory does a parked thread keep, page tables included?
// THREADS threads wait on one condition variable; the growth of resident memory and page tables (VmRSS + VmPTE of
// /proc/self/status) from before the first to after the last, divided by their number. The table of thread
// handles is touched before, so it does not count. smaps_rollup was rejected: it walks every mapping.
// usage: memory [STACK_BYTES]; without it the default stack size.
#include <cstring>

#include "micro.h"

namespace {

constexpr int kThreads = 20000;

rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
rondo_cond_t all_wait = RONDO_COND_INITIALIZER;
rondo_cond_t released = RONDO_COND_INITIALIZER;
int waiting = 0;
bool release = false;

void* park(void*) {
    rondo_mutex_lock(&mutex);
    if (++waiting == kThreads) rondo_cond_signal(&all_wait);
    while (!release) rondo_cond_wait(&released, &mutex);
    rondo_mutex_unlock(&mutex);
    return nullptr;
}

double status_kib(const char* key) {
    FILE* file = fopen("/proc/self/status", "r");
    char line[256];
    double value = -1;
    while (file != nullptr && fgets(line, sizeof line, file) != nullptr) {
        if (strncmp(line, key, strlen(key)) == 0) value = strtod(line + strlen(key), nullptr);
    }
    if (file != nullptr) fclose(file);
    if (value < 0) micro::require(1, key);
    return value;
}

struct Footprint {
    double resident = status_kib("VmRSS:");
    double tables = status_kib("VmPTE:");
};

void park_all(std::vector<rondo_t>& threads, const rondo_attr_t* attr) {
    for (rondo_t& thread : threads) thread = micro::spawn(park, nullptr, attr);
    rondo_mutex_lock(&mutex);
    while (waiting < kThreads) rondo_cond_wait(&all_wait, &mutex);
    rondo_mutex_unlock(&mutex);
}

void release_all(const std::vector<rondo_t>& threads) {
    rondo_mutex_lock(&mutex);
    release = true;
    rondo_cond_broadcast(&released);
    rondo_mutex_unlock(&mutex);
    for (const rondo_t thread : threads) micro::join(thread);
}

}  // namespace

int main(int argc, char** argv) {
    micro::start_runtime();
    rondo_attr_t attr;
    micro::require(rondo_attr_init(&attr), "rondo_attr_init");
    const size_t stack = argc > 1 ? strtoull(argv[1], nullptr, 10) : 0;
    if (stack != 0) micro::require(rondo_attr_setstacksize(&attr, stack), "rondo_attr_setstacksize");
    std::vector<rondo_t> threads(kThreads, 1);
    const Footprint before;
    const double cpu = micro::clock_of(CLOCK_PROCESS_CPUTIME_ID);
    park_all(threads, &attr);
    const double cpu_per_thread = (micro::clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu) / kThreads;
    const Footprint after;
    release_all(threads);
    const double resident = (after.resident - before.resident) * 1024 / kThreads;
    const double tables = (after.tables - before.tables) * 1024 / kThreads;
    printf("{\"bench\":\"memory\",\"threads\":%d,\"stack_bytes\":%zu,\"unit\":\"bytes\"", kThreads, stack);
    printf(",\"resident\":%.0f,\"page_tables\":%.0f,\"total\":%.0f,\"cpu_ns_per_thread\":%.0f}\n", resident, tables,
           resident + tables, cpu_per_thread);
}
