// SPDX-License-Identifier: Apache-2.0
//
// The inspector's answers as JSON, one line each; docs/inspect.md describes their members. Whoever reads them ignores
// members that it does not know. Takes no lock and no memory; any kernel thread.
#pragma once

#include "runtime/system/json_out.h"

namespace rondo {

void answer_threads(JsonOut& out);
void answer_stats(JsonOut& out);

}  // namespace rondo
