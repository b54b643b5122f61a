// SPDX-License-Identifier: Apache-2.0
//
// A line of the map: "LOW-HIGH PERMISSIONS OFFSET DEVICE INODE   PATH".

#include "runtime/system/mappings.h"

#include "runtime/base/proc_file.h"

namespace rondo {

namespace {

using std::string_view;

constexpr int kWordsBeforePath = 2;  // device and inode

}  // namespace

bool find_mapped_file(uint64_t address, Text& path, uint64_t& offset) {
    ProcFile maps("/proc/self/maps");
    string_view line;
    while (maps.next_line(line)) {
        uint64_t low = to_number(take_word(line, '-'), 16);
        line.remove_prefix(line.empty() ? 0 : 1);
        uint64_t high = to_number(take_word(line), 16);
        if (address < low || address >= high) {
            continue;
        }
        take_word(line);
        offset = to_number(take_word(line), 16) + (address - low);
        for (int i = 0; i < kWordsBeforePath; ++i) {
            take_word(line);
        }
        size_t begin = line.find('/');
        if (begin == string_view::npos) {
            return false;
        }
        line.remove_prefix(begin);
        path << line;
        return true;
    }
    return false;
}

void describe_address(uint64_t address, Text& out) {
    uint64_t offset = 0;
    if (!find_mapped_file(address, out, offset)) {
        out << reinterpret_cast<const void*>(address);
        return;
    }
    out << "+" << reinterpret_cast<const void*>(offset);
}

}  // namespace rondo
