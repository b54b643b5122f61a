// SPDX-License-Identifier: Apache-2.0
//
// Blocks: zeroed whenever they are taken, distinct, reused last in first out, refused when the capacity or the address
// space is used up.

#include "runtime/base/block_pool.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <thread>

#include "system/faults.h"

namespace {

struct Block {
    uint64_t words[5];
};

bool is_zero(const Block& block) {
    return std::all_of(std::begin(block.words), std::end(block.words), [](uint64_t word) { return word == 0; });
}

template <typename T>
void dirty(T* block) {
    memset(static_cast<void*>(block), 0xA5, sizeof *block);
}

}  // namespace

TEST_CASE("blocks are zeroed, distinct and bounded by the capacity") {
    static constinit rondo::BlockPool<Block, 100> pool;
    std::set<Block*> taken;
    for (int i = 0; i < 100; ++i) {
        Block* block = pool.take();
        REQUIRE(block != nullptr);
        CHECK(is_zero(*block));
        dirty(block);
        CHECK(taken.insert(block).second);
    }
    CHECK(pool.take() == nullptr);
    for (Block* block : taken) {
        CHECK(block->words[4] == 0xA5A5A5A5A5A5A5A5);
        pool.give_back(block);
    }
    for (int i = 0; i < 100; ++i) {
        Block* block = pool.take();
        REQUIRE(block != nullptr);
        CHECK(is_zero(*block));
        CHECK(taken.erase(block) == 1);
    }
    CHECK(pool.take() == nullptr);
}

TEST_CASE("the last block given back is the next one taken") {
    static constinit rondo::BlockPool<Block, 10> pool;
    Block* first = pool.take();
    Block* second = pool.take();
    pool.give_back(first);
    pool.give_back(second);
    CHECK(pool.take() == second);
    CHECK(pool.take() == first);
}

TEST_CASE("a block smaller than a link") {
    static constinit rondo::BlockPool<char, 3> pool;
    char* blocks[3] = {pool.take(), pool.take(), pool.take()};
    CHECK(pool.take() == nullptr);
    for (char* block : blocks) {
        *block = 'x';
        pool.give_back(block);
    }
    for (char* block : {blocks[2], blocks[1], blocks[0]}) {
        CHECK(pool.take() == block);
        CHECK(*block == 0);
    }
}

TEST_CASE("two kernel threads never hold the same block") {
    static constinit rondo::BlockPool<Block, 8> pool;
    bool clean[2] = {true, true};
    auto churn = [&clean](uint64_t mark) {
        for (int round = 0; round < 20000; ++round) {
            Block* block = pool.take();
            bool good = block != nullptr && is_zero(*block);
            if (good) {
                block->words[1] = mark;
                rondo::sys::call(SYS_getppid);
                good = block->words[1] == mark;
                pool.give_back(block);
            }
            clean[mark - 1] = clean[mark - 1] && good;
        }
    };
    std::thread other(churn, 1);
    churn(2);
    other.join();
    CHECK(clean[0]);
    CHECK(clean[1]);
}

TEST_CASE("refused address space is null, and asked for again") {
    rondo_test::passes_in_child([] {
        static constinit rondo::BlockPool<Block, 1 << 20> pool;
        rlimit before{};
        CHILD_REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
        rlimit none{0, before.rlim_max};
        CHILD_REQUIRE(setrlimit(RLIMIT_AS, &none) == 0);
        Block* refused = pool.take();
        CHILD_REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
        CHILD_REQUIRE(refused == nullptr);
        CHILD_REQUIRE(pool.take() != nullptr);
    });
}
