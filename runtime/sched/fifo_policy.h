// SPDX-License-Identifier: Apache-2.0
//
// First come, first served: an intrusive queue. The default policy, and the one with no opinion.
#pragma once

#include "runtime/core/fiber.h"
#include "runtime/core/policy.h"

namespace rondo {

class FifoPolicy final : public Policy {
   public:
    void ready(Fiber& fiber) override {
        fiber.next_ready = nullptr;
        (first_ != nullptr ? last_->next_ready : first_) = &fiber;
        last_ = &fiber;
    }

    Fiber* next() override {
        Fiber* fiber = first_;
        if (fiber != nullptr) {
            first_ = fiber->next_ready;
        }
        return fiber;
    }

    Fiber* exchange(Fiber& fiber) override {
        if (first_ == nullptr) {
            return &fiber;
        }
        Fiber* next = first_;
        fiber.next_ready = nullptr;
        last_->next_ready = &fiber;
        last_ = &fiber;
        first_ = next->next_ready;
        return next;
    }

    bool empty() const override { return first_ == nullptr; }

   private:
    Fiber* first_ = nullptr;
    Fiber* last_ = nullptr;
};

}  // namespace rondo
