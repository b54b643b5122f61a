// SPDX-License-Identifier: Apache-2.0
//
// From a request's path to the name of a file below the root, without a leading '/'. Escapes are decoded, "." and ".."
// taken out, empty segments dropped, "index.html" added behind a final '/'. Most paths are plain (Request::plain_path)
// and need none of it. The result is the cache's key: a file has one, however it was asked for.
//
// An escaped '/' is not a separator and no file's name holds one, so it names nothing (404); NUL, control characters
// and a path that leaves the root are refused (400). That symbolic links do not lead out is the kernel's business
// (file_cache.h).
#pragma once

#include <cstddef>
#include <string_view>

namespace knot {

constexpr size_t kMostPath = 1023;
constexpr std::string_view kIndex = "index.html";

// The name's length in `name`, which has room for kMostPath bytes and a NUL; or a negative status: -400, -404.
int file_name(std::string_view path, char* name);

}  // namespace knot
