// SPDX-License-Identifier: Apache-2.0
// The report of a data race: both accesses with thread, function and line, what they touch, where the threads were
// created, and the schedule. Then the process ends with status 66, as under ThreadSanitizer: what a program does after
// a race means nothing, and each further run can find the next one.
#ifndef RONDO_RACE_REPORT_H
#define RONDO_RACE_REPORT_H

#include "shadow.h"

namespace rondo::race {

[[noreturn]] void end_with_report(const Race& race, const Thread& thread);

}  // namespace rondo::race

#endif
