// SPDX-License-Identifier: Apache-2.0
//
// When the next request goes out.
// Closed loop: at once. Lines: at once, until all are done. Open loop: instants lie `interval_` apart from
// the start on, processes interleaved; instant k belongs to active connection k mod A, and stays due while
// that connection still waits for an earlier answer. A latency counts from the instant, not from the late
// send, so a server that stalls is charged for every request it held up (no coordinated omission). What was
// due and has no answer at the end is recorded with the time it had waited by then, and counted.
#include <sys/prctl.h>

#include <algorithm>

#include "client.h"

namespace loadgen {
namespace {

constexpr uint64_t kSilence = 2000000000;

}  // namespace

void Client::drive(const Schedule& schedule) {
    schedule_ = schedule;
    last_progress_ = now_ = now_ns();
    prctl(PR_SET_TIMERSLACK, 1);
    switch (options_.mode) {
        case Mode::kClosed:
            drive_closed();
            break;
        case Mode::kOpen:
            drive_open();
            break;
        case Mode::kLines:
            drive_lines();
            break;
    }
    results_.mismatched_bytes += protocol_->wrong_bytes();
    results_.malformed += protocol_->malformed();
}

void Client::drive_closed() {
    wait(schedule_.start);
    for (Connection& c : connections_) {
        if (c.active && c.state == State::kIdle) begin_exchange(c);
    }
    while (now_ < schedule_.stop) wait(schedule_.stop);
    drain();
}

void Client::drive_lines() {
    for (Connection& c : connections_) {
        if (c.active && c.state == State::kIdle) completed_line(c);
    }
    const uint64_t patience = static_cast<uint64_t>(options_.timeout * 1e9);
    const auto busy = [this] {
        return std::any_of(connections_.begin(), connections_.end(),
                           [](const Connection& c) { return c.active && c.state != State::kClosed; });
    };
    while (busy()) {
        wait(last_progress_ + patience);
        if (now_ < last_progress_ + patience) continue;
        for (const Connection& c : connections_) results_.stalled += c.active && c.state != State::kClosed;
        return;
    }
}

void Client::drive_open() {
    if (active_ > 0) interval_ = 1e9 / options_.rate * options_.active / active_;
    while (now_ < schedule_.stop) {
        release_due(now_ns());
        wait(active_ > 0 ? std::min(instant(next_instant_), schedule_.stop) : schedule_.stop);
    }
    while (now_ < schedule_.last_send && anyone_waits()) wait(schedule_.last_send);
    account_unanswered();
    drain();
}

bool Client::anyone_waits() const {
    const auto waits = [](const Connection& c) { return c.state == State::kBusy; };
    return std::any_of(connections_.begin(), connections_.end(), waits);
}

// Nothing new is sent any more. Who has no answer when nothing moves for kSilence has lost a wake-up or a byte.
void Client::drain() {
    last_progress_ = now_;
    while (anyone_waits()) {
        wait(last_progress_ + kSilence);
        if (now_ < last_progress_ + kSilence) continue;
        for (const Connection& c : connections_) results_.stalled += c.state == State::kBusy;
        return;
    }
}

uint64_t Client::instant(uint64_t k) const {
    const double phase = static_cast<double>(index_) / options_.processes;
    return schedule_.start + static_cast<uint64_t>((static_cast<double>(k) + phase) * interval_);
}

void Client::release_due(uint64_t now) {
    for (; active_ > 0 && instant(next_instant_) <= now; ++next_instant_) {
        Connection& c = connections_[next_instant_ % active_];
        ++c.due;
        if (c.state == State::kIdle) begin_exchange(c);
    }
}

// The instant of the connection's nth request.
uint64_t Client::intended(const Connection& c, uint64_t nth) const {
    const uint64_t position = (c.exchange.connection - index_) / options_.processes;
    return instant(nth * active_ + position);
}

void Client::account_unanswered() {
    const uint64_t now = now_ns();
    for (Connection& c : connections_) {
        for (; c.done < c.due; ++c.done) {
            const uint64_t wanted = intended(c, c.done);
            if (wanted < schedule_.begin || wanted >= schedule_.end) continue;
            ++results_.unanswered;
            results_.latency.record(now - wanted);
        }
    }
}

}  // namespace loadgen
