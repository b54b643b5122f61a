// SPDX-License-Identifier: Apache-2.0
//
// SIGQUIT, which a terminal sends for Ctrl-\, ends a process that does not handle it, and people send it to one that
// hangs. Before it ends one that has an inspector, `rondo ps` shows on standard error what all threads wait for: it is
// started from the signal handler, for it needs nothing of this process but its inspector's kernel thread. Where that
// fails, the list of threads is written without places in the source.
//
// Rejected: going on after the report. What sends SIGQUIT expects the process to end, with a core and that status.
#pragma once

namespace rondo {

// With the inspector.
void start_quit_report();

}  // namespace rondo
