// SPDX-License-Identifier: Apache-2.0
//
// Which file is mapped at an address of this process, from /proc/self/maps: for places in programs that nothing better
// describes, and to find what was installed with this library. Unlike dladdr, it takes no lock and calls nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/base/text.h"

namespace rondo {

// Writes the file's path and gives the address's offset in it. False: no file is mapped there.
bool find_mapped_file(uint64_t address, Text& path, uint64_t& offset);

// "/path/file+0xOFFSET", or "0xADDRESS".
void describe_address(uint64_t address, Text& out);

}  // namespace rondo
