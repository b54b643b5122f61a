// SPDX-License-Identifier: Apache-2.0
//
// See access_log.h. Two buffers change places: swapping two pointers under the lock is all that the writing thread
// holds it for.

#include "knot/access_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

#include "knot/lock.h"

namespace knot {

namespace {

constexpr size_t kLine = 2048;
constexpr size_t kMostRequestLine = 240;  // bytes before escaping, which makes four of one
constexpr size_t kMostField = 120;
constexpr long kInterval = 200'000'000;  // ns between two writings

// Text that stays within a size.
class Line {
   public:
    void add(std::string_view text) {
        memcpy(text_ + length_, text.data(), text.size());
        length_ += text.size();
    }

    void add_escaped(std::string_view text, size_t most) {
        for (char c : text.substr(0, most)) {
            if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') {
                static constexpr char kHex[] = "0123456789ABCDEF";
                auto byte = static_cast<uint8_t>(c);
                const char escape[] = {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
                add({escape, sizeof escape});
            } else {
                text_[length_++] = c;
            }
        }
    }

    void add_number(uint64_t value) {
        length_ = static_cast<size_t>(std::to_chars(text_ + length_, text_ + kLine, value).ptr - text_);
    }

    void add_quoted(std::string_view text, size_t most) {
        add(" \"");
        text.empty() ? add("-") : add_escaped(text, most);
        add("\"");
    }

    const char* data() const { return text_; }
    size_t size() const { return length_; }

   private:
    size_t length_ = 0;
    char text_[kLine];
};

static_assert(4 * (kMostRequestLine + 2 * kMostField) + 128 <= kLine);

int open_log(const std::string& file) { return ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644); }

}  // namespace

AccessLog::~AccessLog() {
    if (enabled()) {
        close(descriptor_);
    }
}

int AccessLog::open(const std::string& file) {
    file_ = file;
    if (file == "off") {
        return 0;
    }
    filling_ = std::make_unique<char[]>(kSize);
    writing_ = std::make_unique<char[]>(kSize);
    descriptor_ = open_log(file);
    return descriptor_ >= 0 ? 0 : errno;
}

int AccessLog::start() {
    if (!enabled()) {
        return 0;
    }
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&half_full_, &attributes);
    pthread_condattr_destroy(&attributes);
    return pthread_create(&thread_, nullptr, run, this);
}

void AccessLog::stop() {
    if (!enabled()) {
        return;
    }
    {
        Locked locked(lock_);
        stopping_ = true;
        pthread_cond_signal(&half_full_);
    }
    pthread_join(thread_, nullptr);
}

void AccessLog::add(std::string_view address, const Request& request, int status, uint64_t body_length) {
    Line line;
    line.add(address);
    line.add(" - - [");
    line.add(clock_.log_date());
    line.add("]");
    line.add_quoted(request.line, kMostRequestLine);
    line.add(" ");
    line.add_number(static_cast<uint64_t>(status));
    line.add(" ");
    line.add_number(body_length);
    line.add_quoted(request.referer, kMostField);
    line.add_quoted(request.user_agent, kMostField);
    line.add("\n");
    Locked locked(lock_);
    if (line.size() > kSize - filled_) {
        dropped_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    bool was_below = filled_ <= kSize / 2;
    memcpy(filling_.get() + filled_, line.data(), line.size());
    filled_ += line.size();
    if (was_below && filled_ > kSize / 2) {
        pthread_cond_signal(&half_full_);
    }
}

void* AccessLog::run(void* log) {
    static_cast<AccessLog*>(log)->write_out();
    return nullptr;
}

void AccessLog::write_out() {
    for (bool last = false; !last;) {
        pthread_mutex_lock(&lock_);
        if (!stopping_ && filled_ <= kSize / 2) {
            timespec until{};
            clock_gettime(CLOCK_MONOTONIC, &until);
            until.tv_nsec += kInterval;
            until.tv_sec += until.tv_nsec / 1'000'000'000;
            until.tv_nsec %= 1'000'000'000;
            pthread_cond_timedwait(&half_full_, &lock_, &until);
        }
        std::swap(filling_, writing_);
        size_t length = std::exchange(filled_, 0);
        last = stopping_;
        pthread_mutex_unlock(&lock_);
        write_all(writing_.get(), length);
        if (wants_reopen_.exchange(false, std::memory_order_relaxed)) {
            open_again();
        }
        report_drops();
    }
}

void AccessLog::write_all(const char* text, size_t length) {
    while (length > 0) {
        ssize_t written = write(descriptor_, text, length);
        if (written > 0) {
            text += written;
            length -= static_cast<size_t>(written);
        } else if (errno != EINTR) {
            uint64_t lines = 0;
            for (size_t i = 0; i < length; ++i) {
                lines += text[i] == '\n';
            }
            dropped_.fetch_add(lines, std::memory_order_relaxed);
            return;
        }
    }
}

void AccessLog::open_again() {
    int fresh = open_log(file_);
    if (fresh < 0) {
        fprintf(stderr, "knot: %s: %s; the access log stays where it was\n", file_.c_str(), strerror(errno));
        return;
    }
    dup3(fresh, descriptor_, O_CLOEXEC);
    close(fresh);
}

void AccessLog::report_drops() {
    uint64_t dropped = this->dropped();
    if (dropped != reported_drops_) {
        fprintf(stderr, "knot: access log: %llu lines dropped\n",
                static_cast<unsigned long long>(dropped - reported_drops_));
        reported_drops_ = dropped;
    }
}

}  // namespace knot
