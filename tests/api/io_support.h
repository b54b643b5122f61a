// SPDX-License-Identifier: Apache-2.0
//
// What the I/O tests share: a byte pattern whose every position tells where it belongs, loops that move all of it, and
// the state of a blocking call made by another thread.
// Reader threads record the result and errno of the one call under test; the main thread judges them after the join.
#pragma once

#include <string>

#include "api_test.h"

namespace rondo::api_test {

using rondo_test::connect_tcp;
using rondo_test::connect_unix;
using rondo_test::Connection;
using rondo_test::Fd;
using rondo_test::listen_tcp;
using rondo_test::Listener;
using rondo_test::loopback;

inline std::string pattern(size_t bytes, unsigned seed = 1) {
    std::string text(bytes, '\0');
    for (size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>((i * 31 + i / 251 + seed) & 0xff);
    return text;
}

// Writes everything, in calls of at most `chunk` bytes; returns how much went out before an error.
inline size_t write_all(int fd, const std::string& text, size_t chunk = SIZE_MAX) {
    size_t done = 0;
    while (done < text.size()) {
        ssize_t wrote = rondo_write(fd, text.data() + done, std::min(chunk, text.size() - done));
        if (wrote <= 0) break;
        done += static_cast<size_t>(wrote);
    }
    return done;
}

// Reads until the end of the stream or `limit` bytes.
inline std::string read_up_to(int fd, size_t limit = SIZE_MAX, size_t chunk = 4096) {
    std::string text;
    std::string buffer(chunk, '\0');
    while (text.size() < limit) {
        ssize_t got = rondo_read(fd, buffer.data(), std::min(chunk, limit - text.size()));
        if (got <= 0) break;
        text.append(buffer.data(), static_cast<size_t>(got));
    }
    return text;
}

// An address that nothing is mapped at, which the compiler cannot see.
template <class Object>
Object* bad_address() {
    volatile uintptr_t address = 8;
    return reinterpret_cast<Object*>(address);
}

inline bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

// Runs one call on a thread of its own and keeps what it returned and the errno it left.
class Call {
   public:
    template <class Body>
    explicit Call(Body body)
        : outcome_(std::make_unique<Outcome>()), thread_([outcome = outcome_.get(), body = std::move(body)] {
              errno = 0;
              ssize_t result = body();
              outcome->error = errno;
              outcome->result = result;
          }) {}
    void await_parked() { thread_.await_parked(); }
    ssize_t result() {
        if (!joined_) thread_.join();
        joined_ = true;
        return outcome_->result;
    }
    int error() { return result() < 0 ? outcome_->error : 0; }

   private:
    struct Outcome {
        ssize_t result = -2;
        int error = 0;
    };
    std::unique_ptr<Outcome> outcome_;
    Thread thread_;
    bool joined_ = false;
};

inline std::pair<Fd, Fd> make_pipe() {
    int ends[2];
    REQUIRE(rondo_pipe2(ends, O_CLOEXEC) == 0);
    return {Fd(ends[0]), Fd(ends[1])};
}

}  // namespace rondo::api_test
