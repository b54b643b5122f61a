// SPDX-License-Identifier: Apache-2.0
//
// See tools.h.

#include "runtime/system/tools.h"

#include "runtime/base/sys.h"
#include "runtime/base/text.h"
#include "runtime/system/mappings.h"

namespace rondo {

namespace {

constexpr int kMayExecute = 1;
// From the library's folder: beside it, a build tree, an installation.
constexpr const char* kPlaces[] = {"/", "/../syscall_shim/", "/../bin/", "/../../bin/"};

}  // namespace

bool find_tool(const char* name, char (&path)[kToolPathBytes]) {
    char library[kToolPathBytes];
    Text library_text(library, sizeof library);
    uint64_t offset = 0;
    path[0] = '\0';
    if (!find_mapped_file(reinterpret_cast<uint64_t>(kPlaces), library_text, offset)) {
        return false;
    }
    std::string_view folder(library);
    folder = first(folder, folder.rfind('/'));
    for (const char* place : kPlaces) {
        Text(path, sizeof path) << folder << place << name;
        if (sys::call(SYS_access, sys::to_arg(path), kMayExecute) == 0) {
            return true;
        }
    }
    path[0] = '\0';
    return false;
}

}  // namespace rondo
