// SPDX-License-Identifier: Apache-2.0
//
// How --check writes: a label's column, then text wrapped at a width that fits a terminal and a bug report.

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "syscall_shim/tools/check.h"

namespace rondo {

namespace {

constexpr size_t kLabelColumn = 17;
constexpr size_t kTextWidth = 95;

}  // namespace

void report(std::string_view label, std::string_view text) {
    do {
        size_t end = text.size();
        if (end > kTextWidth) {
            size_t blank = text.rfind(' ', kTextWidth);
            end = blank != std::string_view::npos && blank > 0 ? blank : kTextWidth;
        }
        printf("%-*.*s%.*s\n", static_cast<int>(kLabelColumn), static_cast<int>(label.size()), label.data(),
               static_cast<int>(end), text.data());
        text.remove_prefix(end);
        text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
        label = "";
    } while (!text.empty());
}

std::string grouped(unsigned long long value) {
    std::string digits = std::to_string(value);
    std::string text;
    for (size_t at = 0; at < digits.size(); ++at) {
        if (at > 0 && (digits.size() - at) % 3 == 0) {
            text += ',';
        }
        text += digits[at];
    }
    return text;
}

std::string in_bytes(unsigned long long value) {
    constexpr const char* kUnits[] = {"bytes", "KB", "MB", "GB", "TB", "PB"};
    size_t unit = 0;
    while (unit + 1 < std::size(kUnits) && value >= 1024 && (value % 1024 == 0 || value >= 10 * 1024)) {
        value /= 1024;
        ++unit;
    }
    return grouped(value) + " " + kUnits[unit];
}

std::string first_line(const char* path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

}  // namespace rondo
