// SPDX-License-Identifier: Apache-2.0
//
// One try at an operation without waiting, whatever the description's O_NONBLOCK says: MSG_DONTWAIT on sockets,
// RWF_NOWAIT elsewhere. Accept and connect need a description in non-blocking mode; their callers see to that.
#pragma once

#include "runtime/core/io_backend.h"

namespace rondo {

enum class Attempt : uint8_t {
    finished,     // op.result is set
    would_block,  // nothing more is possible now
    unsupported,  // this descriptor cannot be asked without waiting (terminals; pipes before Linux 6.4)
};

// drained: set when the last read returned less than was asked for.
Attempt attempt(IoOp& op, bool& drained);

// A send or sendmsg (`what` is the buffer or the msghdr), of as much as is possible now: bytes or -errno.
long send_once(IoKind kind, int fd, const void* what, size_t length, int flags);

// The result of an operation that ends before it is complete: what it moved, or the error.
long partial_result(const IoOp& op, long error);

}  // namespace rondo
