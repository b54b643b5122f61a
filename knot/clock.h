// SPDX-License-Identifier: Apache-2.0
//
// The time as a server needs it: coarse, and free to read. One thread calls tick() some times a second; everybody else
// reads what it left: milliseconds for deadlines, seconds for logs, the Date field as text. A request reads no clock.
//
// The text is published under a sequence number that is odd while it changes, in atomic words: a reader that meets a
// change reads again.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>

#include "knot/http_date.h"

namespace knot {

class Clock {
   public:
    Clock() { tick(); }

    // One thread at a time.
    void tick();

    // Since the clock was made; monotonic. Wraps after 49 days: compare differences.
    uint32_t milliseconds() const { return milliseconds_.load(std::memory_order_relaxed); }
    // Since 1970.
    int64_t seconds() const { return seconds_.load(std::memory_order_relaxed); }
    // kDateLength bytes.
    void date(char* out) const { read(date_, out, kDateLength); }
    // kLogDateLength bytes.
    void log_date(char* out) const { read(log_date_, out, kLogDateLength); }

   private:
    static constexpr size_t kWords = 4;
    static_assert(kDateLength <= kWords * sizeof(uint64_t) && kLogDateLength <= kDateLength);
    using Text = std::atomic<uint64_t>[kWords];

    void read(const Text& text, char* out, size_t length) const;
    static void write(Text& text, const char* from, size_t length);

    std::atomic<uint32_t> milliseconds_{0};
    std::atomic<int64_t> seconds_{-1};
    std::atomic<uint32_t> sequence_{0};
    Text date_{};
    Text log_date_{};
    int64_t origin_ = 0;  // milliseconds of the monotonic clock; tick() alone uses it
};

}  // namespace knot
