// SPDX-License-Identifier: Apache-2.0
//
// The two protocols seen as one: a connection makes exchanges, one after the other; an exchange is a request
// of known bytes and an answer that is checked as it comes in, in pieces of any length. A protocol holds what
// all connections of the process share (prepared requests, reference bodies); what one exchange needs is in
// Exchange.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "options.h"

namespace loadgen {

struct Exchange {
    uint32_t connection = 0;
    uint64_t sequence = 0;
    size_t sent = 0;
    size_t received = 0;
    // HTTP: header text until it is whole, then the body's length and what makes it up.
    std::string header;
    size_t body_size = 0;
    bool in_body = false;

    void next() {
        ++sequence;
        sent = received = body_size = 0;
        in_body = false;
        header.clear();
    }
};

enum class Verdict { kMore, kComplete, kWrong };

class Protocol {
   public:
    virtual ~Protocol() = default;
    // The next bytes of the request to send, at most one buffer of them; empty when all are sent. Valid until
    // the next call.
    virtual std::string_view pending(const Exchange& exchange) = 0;
    // Checks bytes that came in. kWrong: `wrong_bytes()` grew, or the answer is not of the protocol.
    virtual Verdict consume(Exchange& exchange, std::string_view bytes) = 0;

    uint64_t wrong_bytes() const { return wrong_bytes_; }
    uint64_t malformed() const { return malformed_; }

   protected:
    // Counts the bytes of `got` that differ from `expected` (same length).
    void count_differences(const char* got, const char* expected, size_t length);

    uint64_t wrong_bytes_ = 0;
    uint64_t malformed_ = 0;
};

// Ends the process with one line when a --docroot file cannot be read.
std::unique_ptr<Protocol> make_protocol(const Options& options);

}  // namespace loadgen
