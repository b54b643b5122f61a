// SPDX-License-Identifier: Apache-2.0
//
// See json_reader.h. Of the escapes in strings, the inspector uses \" and \\.

#include "syscall_shim/tools/json_reader.h"

#include <cctype>
#include <charconv>

namespace rondo {

char JsonReader::next() {
    while (!text_.empty() && isspace(static_cast<unsigned char>(text_.front())) != 0) {
        text_.remove_prefix(1);
    }
    return text_.empty() ? '\0' : text_.front();
}

bool JsonReader::take(char wanted) {
    if (next() != wanted) {
        return false;
    }
    text_.remove_prefix(1);
    return true;
}

bool JsonReader::take(std::string_view word) {
    if (next() == '\0' || !text_.starts_with(word)) {
        return false;
    }
    text_.remove_prefix(word.size());
    return true;
}

bool JsonReader::string(std::string& value) {
    value.clear();
    if (!take('"')) {
        return false;
    }
    while (!text_.empty() && text_.front() != '"') {
        if (text_.front() == '\\') {
            text_.remove_prefix(1);
        }
        if (!text_.empty()) {
            value += text_.front();
            text_.remove_prefix(1);
        }
    }
    return take('"');
}

bool JsonReader::number(uint64_t& value) {
    next();
    auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    text_.remove_prefix(static_cast<size_t>(end - text_.data()));
    return error == std::errc();
}

bool JsonReader::address(uint64_t& value) {
    std::string text;
    if (!string(text) || !text.starts_with("0x")) {
        return false;
    }
    auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
    return error == std::errc() && end == text.data() + text.size();
}

bool JsonReader::flag(bool& value) {
    value = take("true");
    return value || take("false");
}

bool JsonReader::skip() {
    std::string text;
    uint64_t number_value = 0;
    bool flag_value = false;
    switch (next()) {
        case '{':
            return object([this](const std::string&) { return skip(); });
        case '[':
            return array([this] { return skip(); });
        case '"':
            return string(text);
        case 't':
        case 'f':
            return flag(flag_value);
        default:
            return number(number_value);
    }
}

}  // namespace rondo
