// SPDX-License-Identifier: Apache-2.0
// The blocks of memory that the program has from malloc, for the report: an address inside one has no better name.
#ifndef RONDO_RACE_BLOCKS_H
#define RONDO_RACE_BLOCKS_H

#include "thread.h"

namespace rondo::race {

struct Block {
    size_t size;  // 0: given back
    const Thread* owner;
    Pc pc;
};

void note_block(uint64_t address, size_t size, const Thread& owner, Pc pc);
void forget_block(uint64_t address);
// The block that holds the address, with its beginning; null if none does. Looks at all blocks.
const Block* find_block(uint64_t address, uint64_t& begin);

}  // namespace rondo::race

#endif
