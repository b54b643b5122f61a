// SPDX-License-Identifier: Apache-2.0
//
// See reuse_parts.h.
#include "reuse_parts.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace rondo::stress {

void Semaphore::wait() {
    while (rondo_sem_wait(&sem_) != 0) {
        expect_equal(errno, EINTR, "sem_wait");
    }
}

void Mailbox::post(Job job) {
    {
        MutexGuard guard(&mutex_);
        jobs_.push_back(std::move(job));
    }
    waiting_.post();
}

void Mailbox::serve() {
    while (true) {
        waiting_.wait();
        Job job;
        {
            MutexGuard guard(&mutex_);
            job = std::move(jobs_.front());
            jobs_.pop_front();
        }
        if (job == nullptr) return;
        job();
    }
}

Seat::Seat() {
    expect_equal(rondo_create(&thread_, nullptr, run, this), 0, "rondo_create");
    seated_.wait();
}

Seat::~Seat() {
    begin_.post();
    expect_equal(rondo_join(thread_, nullptr), 0, "rondo_join");
}

void* Seat::run(void* arg) {
    auto* seat = static_cast<Seat*>(arg);
    seat->worker_ = static_cast<int>(syscall(SYS_gettid));
    seat->seated_.post();
    seat->begin_.wait();
    if (seat->role_ != nullptr) seat->role_();
    return nullptr;
}

void Seat::play(std::function<void()> role) {
    role_ = std::move(role);
    begin_.post();
}

Seating::Seating(int workers, size_t each) {
    const size_t most = static_cast<size_t>(workers) * each * 4;
    std::vector<int> names;
    auto full = [&] {
        return rows_.size() == static_cast<size_t>(workers) &&
               std::all_of(rows_.begin(), rows_.end(), [each](const auto& row) { return row.size() >= each; });
    };
    for (size_t made = 0; made < most && !full(); ++made) {
        auto seat = std::make_unique<Seat>();
        size_t row = static_cast<size_t>(std::find(names.begin(), names.end(), seat->worker()) - names.begin());
        if (row == names.size()) {
            names.push_back(seat->worker());
            rows_.emplace_back();
        }
        rows_[row].push_back(std::move(seat));
    }
    expect(full(), "new threads spread over the workers");
}

std::unique_ptr<Seat> Seating::take(size_t worker) {
    std::unique_ptr<Seat> seat = std::move(rows_[worker].back());
    rows_[worker].pop_back();
    return seat;
}

Part::Part(std::unique_ptr<Seat> seat, Mailbox* witness) : seat_(std::move(seat)), witness_(witness) {
    seat_->play([this] { loop(); });
}

Part::~Part() {
    call_ = nullptr;
    start_.post();
    seat_.reset();
}

void Part::loop() {
    while (true) {
        start_.wait();
        if (call_ == nullptr) return;
        state_.store(State::inside);
        errno = 0;
        result_ = call_();
        error_ = errno;
        state_.store(State::ended);
        done_.post();
    }
}

void Part::begin(Call call) {
    call_ = std::move(call);
    state_.store(State::idle);
    start_.post();
    witness_->post([this] {
        while (state_.load() == State::idle) rondo_yield();
        seen_.post();
    });
    seen_.wait();
}

ssize_t Part::result() {
    done_.wait();
    return result_;
}

}  // namespace rondo::stress
