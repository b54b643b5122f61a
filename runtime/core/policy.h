// SPDX-License-Identifier: Apache-2.0
//
// Which ready thread runs next: the questions that a scheduler answers (Capriccio, section 4: "the scheduler is a
// module behind three functions"). One policy object a worker, used only on its kernel thread, so none of it locks.
#pragma once

namespace rondo {

class Fiber;

class Policy {
   public:
    virtual void ready(Fiber& fiber) = 0;
    virtual Fiber* next() = 0;  // null: nobody is ready
    // ready(fiber), then next(), in one call: what a yield needs.
    virtual Fiber* exchange(Fiber& fiber) = 0;
    virtual bool empty() const = 0;

   protected:
    ~Policy() = default;
};

}  // namespace rondo
