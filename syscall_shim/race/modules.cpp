// SPDX-License-Identifier: Apache-2.0
// See modules.h. Each instrumented object file has a constructor that calls us, so a file's range is noted before its
// code runs, and the calls from other libraries, which know of no races, can be told from those of the program.
#include "modules.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "../raw_call.h"

namespace rondo::race {
namespace {

struct Range {
    uint64_t begin;
    uint64_t end;
};

constexpr unsigned kMostRanges = 64;
constinit Range ranges[kMostRanges] = {};
constinit unsigned count = 0;

int note_if_it_holds(dl_phdr_info* info, size_t, void* address) {
    auto wanted = reinterpret_cast<uint64_t>(address);
    for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
        const ElfW(Phdr)& part = info->dlpi_phdr[i];
        uint64_t begin = info->dlpi_addr + part.p_vaddr;
        if (part.p_type != PT_LOAD || wanted < begin || wanted >= begin + part.p_memsz) continue;
        if (count < kMostRanges) ranges[count++] = {begin, begin + part.p_memsz};
        return 1;
    }
    return 0;
}

}  // namespace

bool instrumented(Pc caller) {
    for (unsigned i = 0; i < count; ++i) {
        if (caller >= ranges[i].begin && caller < ranges[i].end) return true;
    }
    return false;
}

void note_instrumented(Pc caller) {
    if (!instrumented(caller)) dl_iterate_phdr(note_if_it_holds, reinterpret_cast<void*>(caller));
}

bool find_file(uint64_t address, char* path, size_t size, uint64_t& in_file) {
    Dl_info info;
    link_map* map = nullptr;
    if (dladdr1(reinterpret_cast<void*>(address), &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0) {
        return false;
    }
    in_file = address - map->l_addr;
    if (map->l_name[0] != '\0') {
        strncpy(path, map->l_name, size - 1);
        path[size - 1] = '\0';
        return true;
    }
    long length =
        shim::raw_call(SYS_readlink, shim::to_arg("/proc/self/exe"), shim::to_arg(path), static_cast<long>(size - 1));
    path[length > 0 ? length : 0] = '\0';
    return length > 0;
}

}  // namespace rondo::race
