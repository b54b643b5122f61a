// SPDX-License-Identifier: Apache-2.0
//
// The list of watches that operations have waited on: order, and linking again.
#include "runtime/io/watch.h"

#include <doctest/doctest.h>

#include <array>
#include <vector>

namespace {

using rondo::Watch;
using rondo::WatchList;

using Order = std::vector<uint32_t>;

struct Listed {
    Order drain() {
        Order seen;
        while (!list.empty()) {
            seen.push_back(list.pop_front(watches.data()));
            CHECK_FALSE(WatchList::linked(watches[seen.back()]));
        }
        return seen;
    }
    void add(uint32_t number) {
        CHECK_FALSE(WatchList::linked(watches[number]));
        list.push_back(watches.data(), number);
        CHECK(WatchList::linked(watches[number]));
    }

    std::array<Watch, 8> watches{};
    WatchList list;
};

TEST_CASE("the list keeps the order of arrival, number 0 included") {
    Listed listed;
    CHECK(listed.list.empty());
    for (uint32_t number : {3, 0, 7}) listed.add(number);
    CHECK(listed.drain() == Order{3, 0, 7});
}

TEST_CASE("what was taken out can come back, behind those that stayed") {
    Listed listed;
    for (uint32_t number : {0, 1, 2}) listed.add(number);
    CHECK(listed.list.pop_front(listed.watches.data()) == 0);
    listed.add(0);
    CHECK(listed.drain() == Order{1, 2, 0});
    listed.add(1);
    CHECK(listed.drain() == Order{1});
}

TEST_CASE("a list that was taken over leaves an empty one behind") {
    Listed listed;
    for (uint32_t number : {4, 5}) listed.add(number);
    WatchList taken = listed.list;
    listed.list = {};
    CHECK(listed.list.empty());
    listed.add(6);
    CHECK(listed.drain() == Order{6});
    listed.list = taken;
    CHECK(listed.drain() == Order{4, 5});
}

}  // namespace
