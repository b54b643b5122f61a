// SPDX-License-Identifier: Apache-2.0
//
// What `rondo ps`, `rondo stacks` and `rondo stats` ask a running process. One kernel thread of the inspector's own
// listens on the socket whose abstract name is kInspectorName and the process's number, takes one line as the request
// and sends one line of JSON as the answer:
//
//   threads   every Rondo thread, as thread_view.h sees it
//   stats     the workers, and how many threads wait for what
//   permit    lets the asker read the process's memory, where the system has that forbidden (Yama)
//
// Only the process's user and root are answered; the kernel tells who asks (SO_PEERCRED), and tells the asker who
// answers. The workers do nothing for it and are never stopped; it works while they hang.
//
// An abstract name lives as long as the process: nothing is left behind by a crash, nothing has to be found, made or
// guarded in a file system that may be read-only, changed by chroot or shared with others. It belongs to a network
// namespace: who asks from another one finds nobody. Rejected: a file in a directory of the user's, for these reasons;
// a worker's epoll set, which a hung worker does not poll.
#pragma once

namespace rondo {

constexpr char kInspectorName[] = "rondo-inspect-";

// After the workers have started; at once. `asked_for`: says so when there cannot be an inspector.
void start_inspector(bool asked_for);

}  // namespace rondo
