// SPDX-License-Identifier: Apache-2.0
//
// What the close-and-reuse stress is made of: threads whose worker is known, and calls that are known to wait.
//
// A thread that another thread on the same worker sees inside a call has parked there (or the call has ended), because
// nothing else lets the other run. So each worker has a witness: it says of a part on its worker that the part's call
// has begun in earnest. Only then is the number closed. Without that a call could begin after the close and rightly
// meet the number's next owner, and no test could tell its bytes from stolen ones.
//
// Alternative rejected: waiting until the dump shows the thread parked. That costs a system call for each look.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <deque>
#include <functional>

#include "stress.h"

namespace rondo::stress {

class Semaphore {
   public:
    Semaphore() { rondo_sem_init(&sem_, 0, 0); }
    Semaphore(const Semaphore&) = delete;
    Semaphore& operator=(const Semaphore&) = delete;
    ~Semaphore() { rondo_sem_destroy(&sem_); }
    void post() { rondo_sem_post(&sem_); }
    void wait();

   private:
    rondo_sem_t sem_;
};

// Jobs for one thread, in order; a null job is the last.
class Mailbox {
   public:
    using Job = std::function<void()>;
    void post(Job job);
    void serve();

   private:
    rondo_mutex_t mutex_ = RONDO_MUTEX_INITIALIZER;
    std::deque<Job> jobs_;
    Semaphore waiting_;
};

// A thread on a worker that is known, which waits for its role.
class Seat {
   public:
    Seat();
    ~Seat();
    void play(std::function<void()> role);
    int worker() const { return worker_; }  // a number that names the worker's kernel thread

   private:
    static void* run(void* seat);
    rondo_t thread_{};
    std::function<void()> role_;
    Semaphore seated_, begin_;
    int worker_ = 0;
};

// Sorts new threads by their workers until each of them has `each`.
class Seating {
   public:
    Seating(int workers, size_t each);
    size_t workers() const { return rows_.size(); }
    std::unique_ptr<Seat> take(size_t worker);

   private:
    std::vector<std::vector<std::unique_ptr<Seat>>> rows_;
};

// One call on a descriptor, made by a thread of its own when asked.
class Part {
   public:
    using Call = std::function<ssize_t()>;
    Part(std::unique_ptr<Seat> seat, Mailbox* witness);
    ~Part();
    // Returns when the call waits, or has ended.
    void begin(Call call);
    // Waits for its end.
    ssize_t result();
    int error() const { return error_; }

   private:
    enum class State { idle, inside, ended };
    void loop();
    std::unique_ptr<Seat> seat_;
    Mailbox* witness_;
    Call call_;
    Semaphore start_, done_, seen_;
    std::atomic<State> state_{State::idle};
    ssize_t result_ = 0;
    int error_ = 0;
};

}  // namespace rondo::stress
