// SPDX-License-Identifier: Apache-2.0
//
// See clock.h.

#include "knot/clock.h"

#include <cstring>
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
    Text& text = texts_[next_];
    next_ = (next_ + 1) % kPlaces;
    memcpy(text.ok_lines, kBeforeDate.data(), kBeforeDate.size());
    write_http_date(now.tv_sec, text.ok_lines + kBeforeDate.size());
    memcpy(text.ok_lines + kBeforeDate.size() + kDateLength, "\r\n", 2);
    write_log_date(now.tv_sec, text.log_date);
    seconds_.store(now.tv_sec, std::memory_order_relaxed);
    text_.store(&text, std::memory_order_release);
}

}  // namespace knot
