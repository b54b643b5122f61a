// SPDX-License-Identifier: Apache-2.0
//
// The intrusive list against std::deque, under random operations; and the panic on a node that is linked twice.

#include "runtime/base/list.h"

#include <algorithm>
#include <deque>
#include <random>

#include "system/faults.h"

namespace {

struct Element : rondo::ListNode {
    int number = 0;
};

using Model = std::deque<Element*>;

// Takes all elements out in order and puts them back.
bool same(rondo::List<Element>& list, const Model& model) {
    bool agrees = list.empty() == model.empty();
    for (Element* expected : model) {
        agrees = list.pop_front() == expected && !expected->linked() && agrees;
        list.push_back(*expected);
    }
    return agrees;
}

void flip(rondo::List<Element>& list, Model& model, Element& element) {
    auto found = std::find(model.begin(), model.end(), &element);
    if (found != model.end()) {
        element.unlink();
        model.erase(found);
    } else if (element.linked()) {
        return;
    } else {
        list.push_back(element);
        model.push_back(&element);
    }
}

}  // namespace

TEST_CASE("random operations agree with a deque") {
    for (unsigned seed = 1; seed <= 5; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        std::vector<Element> elements(12);
        rondo::List<Element> lists[2];
        Model models[2];
        for (int step = 0; step < 5000; ++step) {
            unsigned which = random() % 2;
            unsigned choice = random() % 16;
            if (choice == 0) {
                lists[which].append(lists[1 - which]);
                models[which].insert(models[which].end(), models[1 - which].begin(), models[1 - which].end());
                models[1 - which].clear();
            } else if (choice == 1) {
                Element* first = lists[which].pop_front();
                REQUIRE(first == (models[which].empty() ? nullptr : models[which].front()));
                if (first != nullptr) {
                    CHECK_FALSE(first->linked());
                    models[which].pop_front();
                }
            } else {
                flip(lists[which], models[which], elements[random() % elements.size()]);
            }
            REQUIRE(same(lists[0], models[0]));
            REQUIRE(same(lists[1], models[1]));
        }
    }
}

TEST_CASE("a node that is linked twice panics") {
    rondo_test::panics_in_child(
        [] {
            rondo::List<Element> list;
            Element element;
            list.push_back(element);
            list.push_back(element);
        },
        "broken invariant: !linked()");
}
