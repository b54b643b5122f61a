// SPDX-License-Identifier: Apache-2.0
// Names for addresses: "function at file:line" for code, the variable for data.
//
// rondo-unwind finds them; it is started at the first question and lives as long as this process. Without it, or
// without debug information, an address is its file and the offset therein.
#ifndef RONDO_RACE_PLACES_H
#define RONDO_RACE_PLACES_H

#include "thread.h"

namespace rondo::race {

// Of the call or access that ends at the address.
void name_of_code(Pc after, char* text, size_t size);
// False: it has no name.
bool name_of_data(uint64_t address, char* text, size_t size);

}  // namespace rondo::race

#endif
