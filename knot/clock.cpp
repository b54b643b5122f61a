// SPDX-License-Identifier: Apache-2.0
//
// See clock.h.

#include "knot/clock.h"

#include <ctime>

namespace knot {

void Clock::tick() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t milliseconds = int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
    if (origin_ == 0) {
        origin_ = milliseconds - 1;
    }
    milliseconds_.store(static_cast<uint32_t>(milliseconds - origin_), std::memory_order_relaxed);
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec == seconds()) {
        return;
    }
    char date[kDateLength], log_date[kLogDateLength];
    write_http_date(now.tv_sec, date);
    write_log_date(now.tv_sec, log_date);
    uint32_t sequence = sequence_.load(std::memory_order_relaxed);
    sequence_.store(sequence + 1, std::memory_order_relaxed);
    write(date_, date, sizeof date);
    write(log_date_, log_date, sizeof log_date);
    seconds_.store(now.tv_sec, std::memory_order_relaxed);
    sequence_.store(sequence + 2, std::memory_order_release);
}

void Clock::write(Text& text, const char* from, size_t length) {
    uint64_t words[kWords] = {};
    memcpy(words, from, length);
    for (size_t i = 0; i < kWords; ++i) {
        text[i].store(words[i], std::memory_order_release);
    }
}

// The words are loaded with acquire, so that the second look at the sequence cannot come before them: a fence would do,
// but ThreadSanitizer does not know fences.
void Clock::read(const Text& text, char* out, size_t length) const {
    uint64_t words[kWords];
    uint32_t before;
    do {
        before = sequence_.load(std::memory_order_acquire);
        for (size_t i = 0; i < kWords; ++i) {
            words[i] = text[i].load(std::memory_order_acquire);
        }
    } while ((before & 1) != 0 || sequence_.load(std::memory_order_relaxed) != before);
    memcpy(out, words, length);
}

}  // namespace knot
