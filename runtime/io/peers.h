// SPDX-License-Identifier: Apache-2.0
//
// Who can make a descriptor ready: this process's own threads alone, or somebody else. With virtual time (base/
// virtual_clock.h) that decides whether the clock may jump while threads wait on it.
#pragma once

namespace rondo {

// False for certain is: a pipe, socket pair or eventfd made here, and a connection whose other end is a socket of this
// process, as long as the process has given descriptors to no other. A listener leads outside. Makes system calls.
bool leads_outside(int fd);

}  // namespace rondo
