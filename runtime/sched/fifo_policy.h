// SPDX-License-Identifier: Apache-2.0
//
// First come, first served: an intrusive queue. The default policy, and the one with no opinion.
//
// With thousands of threads the control block and the stack of the next one are in no cache and in no TLB. While one
// runs, the next one's stack top and the control block after that are fetched.
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
            warm_up();
        }
        return fiber;
    }

    bool empty() const override { return first_ == nullptr; }

   private:
    void warm_up() const {
        if (first_ == nullptr) {
            return;
        }
        const auto* frames = static_cast<const char*>(first_->context.stack_pointer());
        for (int line = 0; line < kWarmLines; ++line) {
            __builtin_prefetch(frames + line * 64);
        }
        __builtin_prefetch(first_->next_ready);
    }

    static constexpr int kWarmLines = 4;
    Fiber* first_ = nullptr;
    Fiber* last_ = nullptr;
};

}  // namespace rondo
