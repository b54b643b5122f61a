// SPDX-License-Identifier: Apache-2.0
//
// A queue of operations whose all-zero state is empty, so that it can lie in reserved memory that nobody constructed.
#pragma once

#include "runtime/core/io_backend.h"

namespace rondo {

class OpQueue {
   public:
    bool empty() const { return first_ == nullptr; }
    IoOp* first() const { return first_; }

    void push_back(IoOp& op) {
        op.held = true;
        op.behind = nullptr;
        op.before = last_;
        (last_ != nullptr ? last_->behind : first_) = &op;
        last_ = &op;
    }

    void remove(IoOp& op) {
        op.held = false;
        (op.before != nullptr ? op.before->behind : first_) = op.behind;
        (op.behind != nullptr ? op.behind->before : last_) = op.before;
        op.behind = op.before = nullptr;
    }

   private:
    IoOp* first_;
    IoOp* last_;
};

}  // namespace rondo
