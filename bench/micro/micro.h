// SPDX-License-Identifier: Apache-2.0
//
// What the micro benchmarks share: clocks, a set of samples with min/median/max, and the check that the runtime
// runs as the benchmark means it (one worker). Two peers are measured in the same process, one repetition each in
// turn, so that whatever disturbs the machine disturbs both; the result is the ratio of the medians.
#pragma once

#include <rondo/rondo.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace micro {

inline double clock_of(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

// Samples of one peer: wall and process CPU nanoseconds per operation.
class Samples {
   public:
    // Runs `work`, which makes `operations` of them, and keeps what one took.
    template <typename Work>
    void measure(double operations, Work&& work) {
        const double cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
        const double wall = clock_of(CLOCK_MONOTONIC);
        work();
        wall_.push_back((clock_of(CLOCK_MONOTONIC) - wall) / operations);
        cpu_.push_back((clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu) / operations);
    }

    double median() const { return middle(wall_); }

    std::string json() const {
        char text[160];
        snprintf(text, sizeof text, "{\"min\":%.2f,\"median\":%.2f,\"max\":%.2f,\"cpu_median\":%.2f}",
                 *std::min_element(wall_.begin(), wall_.end()), middle(wall_),
                 *std::max_element(wall_.begin(), wall_.end()), middle(cpu_));
        return text;
    }

   private:
    static double middle(std::vector<double> values) {
        std::sort(values.begin(), values.end());
        return values[values.size() / 2];
    }

    std::vector<double> wall_;
    std::vector<double> cpu_;
};

inline void require(int error, const char* what) {
    if (error == 0) return;
    fprintf(stderr, "%s: error %d\n", what, error);
    exit(1);
}

inline rondo_t spawn(void* (*start)(void*), void* arg, const rondo_attr_t* attr = nullptr) {
    rondo_t thread;
    require(rondo_create(&thread, attr, start, arg), "rondo_create");
    return thread;
}

inline void join(rondo_t thread) { require(rondo_join(thread, nullptr), "rondo_join"); }

// Starts the runtime and refuses to measure with more than one worker.
inline void start_runtime() {
    join(spawn([](void*) -> void* { return nullptr; }, nullptr));
    rondo_stats stats{};
    rondo_get_stats(&stats);
    if (stats.workers == 1) return;
    fprintf(stderr, "set RONDO_WORKERS=1: there are %u workers\n", stats.workers);
    exit(2);
}

inline void print_pair(const char* bench, const char* peer, double operations, int repetitions, const Samples& rondo,
                       const Samples& other) {
    printf("{\"bench\":\"%s\",\"operations\":%.0f,\"repetitions\":%d,\"unit\":\"ns\"", bench, operations, repetitions);
    printf(",\"rondo\":%s,\"%s\":%s,\"ratio\":%.4f}\n", rondo.json().c_str(), peer, other.json().c_str(),
           rondo.median() / other.median());
}

}  // namespace micro
