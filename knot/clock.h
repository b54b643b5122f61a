// SPDX-License-Identifier: Apache-2.0
//
// The time as a server needs it: coarse, and free to read. One thread calls tick() some times a second; everybody else
// reads what it left: milliseconds for deadlines, seconds for logs, texts that hold the date. A request reads no clock.
//
// A text is written once a second into the next of many places, and its address is published. So a reader may keep and
// send it without a copy for as long as there are places: a minute.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

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
    // "HTTP/1.1 200 OK", the Server and the Date field: the lines with which most answers begin.
    std::string_view ok_lines() const { return {text()->ok_lines, sizeof Text::ok_lines}; }
    // As in a Date field.
    std::string_view date() const { return ok_lines().substr(sizeof Text::ok_lines - kDateLength - 2, kDateLength); }
    // As in a log.
    std::string_view log_date() const { return {text()->log_date, kLogDateLength}; }

   private:
    static constexpr size_t kPlaces = 64;
    static constexpr std::string_view kBeforeDate = "HTTP/1.1 200 OK\r\nServer: knot\r\nDate: ";

    struct Text {
        char ok_lines[kBeforeDate.size() + kDateLength + 2];
        char log_date[kLogDateLength];
    };

    const Text* text() const { return text_.load(std::memory_order_acquire); }

    std::atomic<uint32_t> milliseconds_{0};
    std::atomic<int64_t> seconds_{-1};
    std::atomic<const Text*> text_{nullptr};
    Text texts_[kPlaces];
    // tick() alone uses these.
    size_t next_ = 0;
    int64_t origin_ = 0;  // milliseconds of the monotonic clock
};

}  // namespace knot
