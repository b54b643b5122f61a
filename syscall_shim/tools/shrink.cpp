// SPDX-License-Identifier: Apache-2.0
//
// See shrink.h. Pieces are tried from the last to the first: what came after the cause of a failure goes soonest.

#include "syscall_shim/tools/shrink.h"

#include <algorithm>
#include <cstddef>

namespace rondo {

namespace {

Items without(const Items& items, size_t begin, size_t end) {
    Items rest(items.begin(), items.begin() + static_cast<ptrdiff_t>(begin));
    rest.insert(rest.end(), items.begin() + static_cast<ptrdiff_t>(end), items.end());
    return rest;
}

}  // namespace

Items shrink(Items items, const std::function<bool(const Items&)>& holds, const std::function<bool()>& go_on) {
    if (items.empty() || !go_on()) {
        return items;
    }
    if (holds({})) {
        return {};
    }
    for (size_t piece = (items.size() + 1) / 2; piece > 0;) {
        bool dropped = false;
        for (size_t end = items.size(); end > 0 && go_on(); end = end > piece ? end - piece : 0) {
            Items rest = without(items, end > piece ? end - piece : 0, end);
            if (!rest.empty() && holds(rest)) {
                items = std::move(rest);
                dropped = true;
            }
        }
        if (!go_on() || (piece == 1 && !dropped)) {
            break;
        }
        piece = dropped && piece == 1 ? 1 : std::max<size_t>(piece / 2, 1);
        piece = std::min(piece, std::max<size_t>(items.size() / 2, 1));
    }
    return items;
}

}  // namespace rondo
