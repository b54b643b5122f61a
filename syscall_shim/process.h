// SPDX-License-Identifier: Apache-2.0
// Starting programs: what process.cpp and process_commands.cpp share.
#ifndef RONDO_SHIM_PROCESS_H
#define RONDO_SHIM_PROCESS_H

#include <spawn.h>
#include <sys/types.h>

namespace rondo::shim {

// posix_spawn of a path (search: along PATH) whose child starts with the calling thread's signal mask, and whose
// descriptors have the flags that the program set. 0 or an error number.
int spawn(pid_t* pid, const char* file, bool search, const posix_spawn_file_actions_t* actions,
          const posix_spawnattr_t* attributes, char* const* argv, char* const* envp);

// Until the child has ended; false with errno set. A signal does not end the wait.
bool wait_for(pid_t child, int* status);

}  // namespace rondo::shim

#endif
