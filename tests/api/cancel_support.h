// SPDX-License-Identifier: Apache-2.0
//
// A thread that runs a body and is cancelled in it, in the two ways that a cancellation point must act on.
#pragma once

#include "api_test.h"

namespace rondo::api_test {

// Starts the body, cancels it once it is parked, and checks that it ended so.
template <class Body>
void cancel_parked(Body body) {
    bool returned = false;
    Thread thread([&] {
        body();
        returned = true;
    });
    thread.await_parked();
    thread.cancel();
    CHECK(thread.join() == RONDO_CANCELED);
    CHECK(!returned);
}

// Asks the thread to cancel itself first: the call must act on the pending request although it need not wait.
template <class Body>
void cancel_pending(Body body) {
    bool returned = false;
    Thread thread([&] {
        rondo_cancel(rondo_self());
        body();
        returned = true;
    });
    CHECK(thread.join() == RONDO_CANCELED);
    CHECK(!returned);
}

}  // namespace rondo::api_test
