// SPDX-License-Identifier: Apache-2.0
//
// Compiled once for all tests of a kind and included before each (tests/meson.build): the framework, and the headers of
// the standard library that take long. A test includes what it uses all the same.
#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/test.h"
