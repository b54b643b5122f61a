// SPDX-License-Identifier: Apache-2.0
//
// Descriptors that travel in messages (SCM_RIGHTS): received numbers are born here, sent ones are shared from now on.
#pragma once

#include <sys/socket.h>

namespace rondo {

void note_received_fds(msghdr& message);
void note_passed_fds(const msghdr& message);

}  // namespace rondo
