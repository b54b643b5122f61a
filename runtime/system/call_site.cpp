// SPDX-License-Identifier: Apache-2.0
//
// See call_site.h. The address is of the call, not of the instruction after it: that may belong to the next line.

#include "runtime/system/call_site.h"

#include <dlfcn.h>
#include <link.h>
#include <unwind.h>

#include <cstring>

#include "runtime/core/choice.h"

namespace rondo {

namespace {

constexpr unsigned kMostFrames = 32;

struct Search {
    const char* libc;  // its path, as the loader has it
    unsigned frames = 0;
    uintptr_t found = 0;
    Dl_info file{};
    link_map* map = nullptr;
};

bool find_file(uintptr_t address, Dl_info& file, link_map*& map) {
    return dladdr1(reinterpret_cast<void*>(address), &file, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) != 0;
}

const char* base_name(const char* path) {
    const char* slash = strrchr(path, '/');
    return slash != nullptr ? slash + 1 : path;
}

bool is_ours(const char* file) { return strncmp(file, "librondo", 8) == 0; }

_Unwind_Reason_Code look_at(_Unwind_Context* context, void* argument) {
    auto& search = *static_cast<Search*>(argument);
    uintptr_t call = _Unwind_GetIP(context) - 1;
    if (++search.frames > kMostFrames) {
        return _URC_END_OF_STACK;
    }
    if (!find_file(call, search.file, search.map) || is_ours(base_name(search.file.dli_fname)) ||
        strcmp(search.file.dli_fname, search.libc) == 0) {
        return _URC_NO_REASON;
    }
    search.found = call;
    return _URC_END_OF_STACK;
}

}  // namespace

void add_call_site(Line& line) {
    Dl_info libc;
    link_map* map = nullptr;
    if (!find_file(reinterpret_cast<uintptr_t>(&memcmp), libc, map)) {
        return;
    }
    Search search{libc.dli_fname};
    ChoiceSource* source = choice_source;
    choice_source =
        nullptr;  // the unwinder calls pthread_once, and a run is the same whether it is written down or not
    _Unwind_Backtrace(look_at, &search);
    choice_source = source;
    if (search.found != 0) {
        line << " at " << base_name(search.file.dli_fname) << '+'
             << reinterpret_cast<void*>(search.found - search.map->l_addr);
    }
}

}  // namespace rondo
