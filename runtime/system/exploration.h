// SPDX-License-Identifier: Apache-2.0
//
// RONDO_SCHED=seed:N and replay:FILE at the start and at a fork: makes the source of choices with its files.
#pragma once

#include "runtime/base/settings.h"
#include "runtime/core/policy.h"

namespace rondo {

// The policy of worker 0 if the settings ask for a schedule of choices, else null. choice_source is set with it, before
// the worker is built. A file that cannot be read or written, or is no trace, is said on stderr and ends the process
// with status 2.
Policy* begin_exploration(const Settings& settings);

// After a start that failed, and in a forked child.
void end_exploration();

}  // namespace rondo
