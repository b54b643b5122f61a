// SPDX-License-Identifier: Apache-2.0
//
// What the runtime does around a fork. libc calls it for every fork that runs the handlers of pthread_atfork.
#pragma once

namespace rondo {

void before_fork();
void after_fork_in_parent();
void after_fork_in_child();

}  // namespace rondo
