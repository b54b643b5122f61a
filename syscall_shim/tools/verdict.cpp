// SPDX-License-Identifier: Apache-2.0
//
// See verdict.h.

#include "syscall_shim/tools/verdict.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string_view>

namespace rondo {

namespace {

using std::string;
using std::string_view;

constexpr string_view kSpoken = "rondo: ";
constexpr string_view kAssertion = "Assertion `";
// What is said of every run, not of a failure.
bool is_note(string_view line) { return line.find("thread-local variables") != string_view::npos; }

// The first line with which Rondo or assert() says what is wrong; empty if there is none.
string spoken_reason(string_view errors) {
    for (size_t end; !errors.empty(); errors.remove_prefix(std::min(end + 1, errors.size()))) {
        end = std::min(errors.find('\n'), errors.size());
        string_view line = errors.substr(0, end);
        if (line.starts_with(kSpoken) && !is_note(line)) {
            return string(line.substr(kSpoken.size()));
        }
        if (line.find(kAssertion) != string_view::npos) {
            return string(line);
        }
    }
    return {};
}

// Numbers, also hexadecimal ones, become '#': addresses and thread numbers differ between schedules.
string without_numbers(string_view text) {
    string masked;
    for (size_t i = 0; i < text.size(); ++i) {
        bool word_before = i > 0 && (isalnum(static_cast<unsigned char>(text[i - 1])) != 0 || text[i - 1] == '_');
        if (word_before || isdigit(static_cast<unsigned char>(text[i])) == 0) {
            masked += text[i];
            continue;
        }
        masked += '#';
        while (i + 1 < text.size() && isalnum(static_cast<unsigned char>(text[i + 1])) != 0) {
            ++i;
        }
    }
    return masked;
}

string ending_of(const Outcome& outcome, const Expectation& expectation) {
    switch (outcome.ending) {
        case Ending::not_started:
            return "it could not be started";
        case Ending::timeout:
            return "no end in time";
        case Ending::signal:
            return string("ended by SIG") + sigabbrev_np(outcome.number);
        case Ending::status:
            break;
    }
    if (outcome.number != expectation.status) {
        return "exit status " + std::to_string(outcome.number);
    }
    return expectation.compare && outcome.output != expectation.output ? "other output" : "";
}

}  // namespace

Verdict judge(const Outcome& outcome, const Expectation& expectation) {
    string ending = ending_of(outcome, expectation);
    if (ending.empty()) {
        return {};
    }
    string spoken = spoken_reason(outcome.errors);
    return {spoken.empty() ? ending : spoken + " (" + ending + ")", ending + " " + without_numbers(spoken)};
}

}  // namespace rondo
