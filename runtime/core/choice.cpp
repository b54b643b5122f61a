// SPDX-License-Identifier: Apache-2.0
//
// See choice.h. Kernel threads that are no workers have an order that nobody can repeat, so nothing is asked there.

#include "runtime/core/choice.h"

#include "runtime/core/worker.h"

namespace rondo {

ChoiceSource* choice_source = nullptr;
unsigned outside_waits = 0;

unsigned choose_slowly(ChoiceKind kind, unsigned alternatives, const char* call) {
    return current_fiber() != nullptr ? choice_source->choose(kind, alternatives, call) : 0;
}

void offer_yield(const char* call) {
    if (current_fiber() != nullptr) {
        self_->offer_yield(call);
    }
}

}  // namespace rondo
