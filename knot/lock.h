// SPDX-License-Identifier: Apache-2.0
//
// Holds a mutex while it lives. std::lock_guard would do for std::mutex; ours is a pthread mutex because condition
// variables with a monotonic deadline go with it.
#pragma once

#include <pthread.h>

namespace knot {

class Locked {
   public:
    explicit Locked(pthread_mutex_t& mutex) : mutex_(mutex) { pthread_mutex_lock(&mutex_); }
    ~Locked() { pthread_mutex_unlock(&mutex_); }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

   private:
    pthread_mutex_t& mutex_;
};

}  // namespace knot
