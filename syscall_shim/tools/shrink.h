// SPDX-License-Identifier: Apache-2.0
//
// Delta debugging (Zeller and Hildebrandt, IEEE TSE 2002): the fewest items of a list with which a property still
// holds. The list is cut into pieces; a piece without which the property holds is dropped, else the pieces are halved.
// The result is minimal in that no single item can be dropped, if the budget allowed to find out.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace rondo {

using Items = std::vector<std::string>;

// `holds` must be true of `items`. `go_on` is asked before each try.
Items shrink(Items items, const std::function<bool(const Items&)>& holds, const std::function<bool()>& go_on);

}  // namespace rondo
