// SPDX-License-Identifier: Apache-2.0
//
// What the proactor keeps of a connection: a few words for as long as it is open, and a Work while something is under
// way.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "bench/servers/exchange.h"
#include "bench/servers/service.h"
#include "bench/servers/timer_wheel.h"

namespace twin {

// A connection's exchange and what the kernel reads while it sends from it.
struct Work {
    Work(const knot::Site& site, const knot::Limits& limits) : exchange(site, limits) {}

    static constexpr size_t kMostPieces = 16;

    Exchange exchange;
    msghdr message{};
    iovec pieces[kMostPieces];
};

// A received buffer that waits until what is being sent is gone.
struct Held {
    uint16_t buffer;
    uint32_t length;
};

struct alignas(16) Connection : TimerNode {
    int fd = -1;
    unsigned operations = 0;  // in flight
    Phase phase = Phase::idle;
    bool receiving = false;
    bool sending = false;  // or waiting for room to send
    bool ended = false;    // the client sends no more
    bool dead = false;     // to be freed
    std::unique_ptr<Work> work;
    std::vector<Held> held;
    Connection* older = nullptr;
    Connection* newer = nullptr;
};

}  // namespace twin
