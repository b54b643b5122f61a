// SPDX-License-Identifier: Apache-2.0
//
// See file_places.h. Each file is opened once, as libdw opens one without a process.

#include "syscall_shim/tools/file_places.h"

#include <elfutils/libdwfl.h>

#include <climits>
#include <cstdio>
#include <map>
#include <string>

#include "syscall_shim/tools/places.h"

namespace rondo {

namespace {

using std::string;

struct File {
    Dwfl* dwfl = nullptr;  // null: it cannot be read
    Dwarf_Addr bias = 0;   // between the file's own addresses and libdw's
};

File open_file(const string& path) {
    static constexpr Dwfl_Callbacks kCallbacks = {nullptr, dwfl_standard_find_debuginfo, dwfl_offline_section_address,
                                                  nullptr};
    File file{dwfl_begin(&kCallbacks)};
    Dwfl_Module* module =
        file.dwfl == nullptr ? nullptr : dwfl_report_offline(file.dwfl, path.c_str(), path.c_str(), -1);
    bool good = module != nullptr && dwfl_report_end(file.dwfl, nullptr, nullptr) == 0 &&
                dwfl_module_getelf(module, &file.bias) != nullptr;
    return good ? file : File{};
}

const File& file_of(const string& path) {
    static std::map<string, File> files;
    auto [file, fresh] = files.try_emplace(path);
    if (fresh) {
        file->second = open_file(path);
    }
    return file->second;
}

// An inlined function and those that it is inlined in are one line.
string code_at(Dwfl* dwfl, uint64_t address) {
    string text;
    for (const string& line : place_of(dwfl, address).lines) {
        text += (text.empty() ? "" : ", called by ") + line;
    }
    return text;
}

string answer(char kind, uint64_t address, const string& path) {
    const File& file = file_of(path);
    if (file.dwfl == nullptr) {
        return {};
    }
    return kind == 'd' ? symbol_of(file.dwfl, address + file.bias) : code_at(file.dwfl, address + file.bias);
}

}  // namespace

int name_places() {
    char kind = 0;
    unsigned long address = 0;
    char path[PATH_MAX];
    static_assert(PATH_MAX == 4096);
    while (scanf("%c %lx %4095[^\n]%*c", &kind, &address, path) == 3) {
        printf("%s\n", answer(kind, address, path).c_str());
        fflush(stdout);
    }
    return 0;
}

}  // namespace rondo
