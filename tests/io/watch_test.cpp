// SPDX-License-Identifier: Apache-2.0
//
// The list of watches that operations wait on: order, removal from the middle, and moving one list behind another.
#include "runtime/io/watch.h"

#include <doctest/doctest.h>

#include <array>
#include <vector>

namespace {

using rondo::Watch;
using rondo::WatchList;

struct Lists {
    static constexpr uint32_t kNumbers = 8;

    Lists() {
        young.init(watches.data(), kNumbers);
        old.init(watches.data(), kNumbers + 1);
    }
    std::vector<uint32_t> drain(WatchList& list) {
        std::vector<uint32_t> seen;
        while (!list.empty()) {
            seen.push_back(list.pop_front());
            CHECK_FALSE(WatchList::linked(watches[seen.back()]));
        }
        return seen;
    }

    std::array<Watch, kNumbers + 2> watches{};
    WatchList young;
    WatchList old;
};

using Order = std::vector<uint32_t>;

TEST_CASE("the list keeps the order of arrival, number 0 included") {
    Lists lists;
    CHECK(lists.young.empty());
    for (uint32_t number : {3, 0, 7}) {
        CHECK_FALSE(WatchList::linked(lists.watches[number]));
        lists.young.push_back(number);
        CHECK(WatchList::linked(lists.watches[number]));
    }
    CHECK(lists.drain(lists.young) == Order{3, 0, 7});
}

TEST_CASE("a watch leaves from any place, whichever list it is in") {
    for (uint32_t leaving : {0, 1, 2}) {
        Lists lists;
        for (uint32_t number : {0, 1, 2}) lists.old.push_back(number);
        lists.young.remove(lists.watches[leaving]);
        Order left;
        for (uint32_t number : {0, 1, 2}) {
            if (number != leaving) left.push_back(number);
        }
        CHECK(lists.drain(lists.old) == left);
        lists.young.push_back(leaving);
        CHECK(lists.drain(lists.young) == Order{leaving});
    }
}

TEST_CASE("one list moves behind the other and is empty then") {
    Lists lists;
    lists.old.append(lists.young);
    CHECK(lists.old.empty());
    lists.young.push_back(4);
    lists.old.append(lists.young);
    for (uint32_t number : {5, 6}) lists.young.push_back(number);
    lists.old.append(lists.young);
    CHECK(lists.young.empty());
    CHECK(lists.drain(lists.old) == Order{4, 5, 6});
}

}  // namespace
