// SPDX-License-Identifier: Apache-2.0
// See blocks.h. An address is given out again and again, so records are kept and used again.
#include "blocks.h"

namespace rondo::race {
namespace {

constinit AddressTable<Block> blocks;

}  // namespace

void note_block(uint64_t address, size_t size, const Thread& owner, Pc pc) {
    Block* block = blocks.find(address);
    if (block == nullptr) {
        block = allocate_array<Block>(1);
        blocks.set(address, block);
    }
    *block = {size, &owner, pc};
}

void forget_block(uint64_t address) {
    if (Block* block = blocks.find(address)) block->size = 0;
}

const Block* find_block(uint64_t address, uint64_t& begin) {
    const Block* found = nullptr;
    blocks.each([&](uint64_t at, const Block& block) {
        if (address >= at && address - at < block.size) {
            found = &block;
            begin = at;
        }
    });
    return found;
}

}  // namespace rondo::race
