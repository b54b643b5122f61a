// SPDX-License-Identifier: Apache-2.0
//
// From signal handlers to the accepting thread: a handler sets a flag and writes a byte into a pipe, which that thread
// polls beside its listener. SIGTERM and SIGINT end the server, a second one at once; SIGHUP reopens the access log;
// SIGUSR1 prints a line of figures.
#pragma once

namespace knot::signals {

// Also ignores SIGPIPE. 0 or an error number.
int install();
// Readable when a signal has come that was not cleared.
int descriptor();
void clear();

bool ends();
// True once for each time (or several) that it came.
bool take_hangup();
bool take_report();

}  // namespace knot::signals
