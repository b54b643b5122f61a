// SPDX-License-Identifier: Apache-2.0
//
// One line a request in the combined format, to a file. A request never waits for the disk: it copies its line into a
// buffer of fixed size under a lock that is held for the copying alone, and one thread writes the buffer out some times
// a second. If the disk does not keep up, lines are dropped and counted, and the count is reported.
//
// What clients sent is escaped (\xHH), so that no line can be forged, and cut at some hundred bytes a field.
#pragma once

#include <netinet/in.h>
#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "knot/clock.h"
#include "knot/request.h"

namespace knot {

class AccessLog {
   public:
    explicit AccessLog(const Clock& clock) : clock_(clock) {}
    ~AccessLog();
    AccessLog(const AccessLog&) = delete;
    AccessLog& operator=(const AccessLog&) = delete;

    // "off" or a file to append to. 0 or an error number.
    int open(const std::string& file);
    // Starts the thread; to be called once the process has its limits and signals. 0 or an error number.
    int start();
    // Writes what is left and ends the thread.
    void stop();
    // The file's name leads to another file now. May be called in a signal handler.
    void reopen() { wants_reopen_.store(true, std::memory_order_relaxed); }

    bool enabled() const { return descriptor_ >= 0; }
    // `address` is the client's, as text.
    void add(std::string_view address, const Request& request, int status, uint64_t body_length);

    uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

   private:
    static constexpr size_t kSize = 1 << 20;

    static void* run(void* log);
    void write_out();
    void write_all(const char* text, size_t length);
    void open_again();
    void report_drops();

    const Clock& clock_;
    std::string file_;
    int descriptor_ = -1;  // after open() the thread's alone
    std::atomic<bool> wants_reopen_{false};
    std::atomic<uint64_t> dropped_{0};
    uint64_t reported_drops_ = 0;  // the thread's
    pthread_t thread_{};
    pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t half_full_;
    // Under lock_. Lines go into one half while the other is written.
    std::unique_ptr<char[]> filling_, writing_;
    size_t filled_ = 0;
    bool stopping_ = false;
};

}  // namespace knot
