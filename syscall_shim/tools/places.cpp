// SPDX-License-Identifier: Apache-2.0
//
// See places.h. Symbols are looked up in the file's own tables first; debug information adds lines and what was
// inlined.

#include "syscall_shim/tools/places.h"

#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdwfl.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace rondo {

namespace {

std::string_view base_name(const char* path) {
    std::string_view text = path;
    return text.substr(text.rfind('/') + 1);
}

Owner owner_of(const char* module) {
    std::string_view name = base_name(module);
    if (name.starts_with("librondo")) {
        return Owner::rondo;
    }
    constexpr std::string_view kLibc[] = {"libc.so", "libc-",   "libpthread", "libstdc++", "ld-linux",
                                          "[vdso",   "libasan", "libtsan",    "libubsan"};
    bool libc = std::any_of(std::begin(kLibc), std::end(kLibc), [&](auto prefix) { return name.starts_with(prefix); });
    return libc ? Owner::libc : Owner::user;
}

std::string readable(const char* symbol) {
    if (!std::string_view(symbol).starts_with("_Z")) {
        return symbol;  // of C: __cxa_demangle takes a function b for the type bool
    }
    int status = 0;
    char* name = abi::__cxa_demangle(symbol, nullptr, nullptr, &status);
    std::string text = status == 0 ? name : symbol;
    free(name);
    return text;
}

std::string hex(uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "0x%lx", value);
    return text;
}

std::string at_line(const char* file, int line) {
    return file == nullptr ? std::string() : std::string(" at ") + file + ":" + std::to_string(line);
}

int number_attribute(Dwarf_Die* die, unsigned name) {
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;
    bool found = dwarf_formudata(dwarf_attr(die, name, &attribute), &value) == 0;
    return found ? static_cast<int>(value) : 0;
}

// Where the inlined function was called from.
std::string call_place(Dwarf_Die* unit, Dwarf_Die* inlined) {
    Dwarf_Files* files = nullptr;
    size_t count = 0;
    auto index = static_cast<size_t>(number_attribute(inlined, DW_AT_call_file));
    bool known = dwarf_getsrcfiles(unit, &files, &count) == 0 && index < count;
    return at_line(known ? dwarf_filesrc(files, index, nullptr, nullptr) : nullptr,
                   number_attribute(inlined, DW_AT_call_line));
}

// The compilation unit of an address; null without debug information. gcc writes an index of addresses, clang does not.
Dwarf_Die* unit_of(Dwfl_Module* module, Dwarf_Addr address, Dwarf_Addr& bias) {
    Dwarf_Die* unit = dwfl_module_addrdie(module, address, &bias);
    bool found = unit != nullptr;
    while (!found && (unit = dwfl_module_nextcu(module, unit, &bias)) != nullptr) {
        found = dwarf_haspc(unit, address - bias) == 1;
    }
    return unit;
}

// Where an address of the unit (as the unit counts) comes from, or nothing.
std::string source_line(Dwarf_Die* unit, Dwarf_Addr address) {
    int number = 0;
    Dwarf_Line* line = unit != nullptr ? dwarf_getsrc_die(unit, address) : nullptr;
    bool known = line != nullptr && dwarf_lineno(line, &number) == 0;
    return at_line(known ? dwarf_linesrc(line, nullptr, nullptr) : nullptr, number);
}

// Puts the inlined functions into place.lines. Returns where in the function that holds them.
std::string add_inlined(Dwfl_Module* module, Dwarf_Addr address, Place& place) {
    Dwarf_Addr bias = 0;
    Dwarf_Die* unit = unit_of(module, address, bias);
    std::string line = source_line(unit, address - bias);
    Dwarf_Die* innermost = nullptr;
    Dwarf_Die* scopes = nullptr;
    bool found = unit != nullptr && dwarf_getscopes(unit, address - bias, &innermost) > 0;
    int count = found ? dwarf_getscopes_die(innermost, &scopes) : 0;  // getscopes itself goes on at the definition
    for (int i = 0; i < count && dwarf_tag(&scopes[i]) != DW_TAG_subprogram; ++i) {
        const char* name = dwarf_tag(&scopes[i]) == DW_TAG_inlined_subroutine ? dwarf_diename(&scopes[i]) : nullptr;
        if (name != nullptr) {
            place.lines.push_back(name + line);
            line = call_place(unit, &scopes[i]);
        }
    }
    free(innermost);
    free(scopes);
    return line;
}

}  // namespace

Place place_of(Dwfl* dwfl, Dwarf_Addr address) {
    Dwfl_Module* module = dwfl_addrmodule(dwfl, address);
    if (module == nullptr) {
        return {Owner::user, address, {hex(address)}};
    }
    Dwarf_Addr start = 0;
    const char* path = dwfl_module_info(module, nullptr, &start, nullptr, nullptr, nullptr, nullptr, nullptr);
    Place place{owner_of(path), address, {}};
    std::string line = add_inlined(module, address, place);
    std::string module_name(base_name(path));
    GElf_Off offset = 0;
    GElf_Sym symbol;
    const char* name = dwfl_module_addrinfo(module, address, &offset, &symbol, nullptr, nullptr, nullptr);
    if (name == nullptr) {
        place.lines.push_back(module_name + "+" + hex(address - start));
        return place;
    }
    place.function = address - offset;
    place.lines.push_back(readable(name) + (line.empty() ? " in " + module_name : line));
    return place;
}

std::string symbol_of(Dwfl* dwfl, uint64_t address) {
    Dwfl_Module* module = dwfl_addrmodule(dwfl, address);
    GElf_Off offset = 0;
    GElf_Sym symbol;
    const char* name = module != nullptr
                           ? dwfl_module_addrinfo(module, address, &offset, &symbol, nullptr, nullptr, nullptr)
                           : nullptr;
    if (name == nullptr || (offset != 0 && offset >= symbol.st_size)) {
        return {};
    }
    return readable(name) + (offset == 0 ? "" : "+" + hex(offset));
}

Dwfl* open_process(pid_t pid) {
    static constexpr Dwfl_Callbacks kCallbacks = {dwfl_linux_proc_find_elf, dwfl_standard_find_debuginfo, nullptr,
                                                  nullptr};
    Dwfl* dwfl = dwfl_begin(&kCallbacks);
    if (dwfl != nullptr && (dwfl_linux_proc_report(dwfl, pid) != 0 || dwfl_report_end(dwfl, nullptr, nullptr) != 0)) {
        dwfl_end(dwfl);
        return nullptr;
    }
    return dwfl;
}

}  // namespace rondo
