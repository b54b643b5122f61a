// SPDX-License-Identifier: Apache-2.0
//
// Headers of the standard library that most files take and that cost more to read than the files themselves. Each
// library and program compiles them once and includes the result before each of its sources: a build is a third
// shorter. Every file includes what it uses all the same; clang's builds go without this (./dev build --clang), so they
// tell.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
