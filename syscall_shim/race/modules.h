// SPDX-License-Identifier: Apache-2.0
// Which of the process's files are instrumented, and where an address lies in its file.
#ifndef RONDO_RACE_MODULES_H
#define RONDO_RACE_MODULES_H

#include "thread.h"

namespace rondo::race {

// The file that holds the caller says that it is instrumented.
void note_instrumented(Pc caller);
bool instrumented(Pc caller);

// The file and the address as the file counts; false if it lies in none.
bool find_file(uint64_t address, char* path, size_t size, uint64_t& in_file);

}  // namespace rondo::race

#endif
