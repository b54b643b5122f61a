// SPDX-License-Identifier: Apache-2.0
//
// See replay.h. Lines that are empty or begin with # are comments.

#include "runtime/sched/replay.h"

namespace rondo {

namespace {

using std::string_view;

constexpr string_view kHeader = "rondo-trace 1 ";

string_view take_until(string_view& text, char end) {
    string_view taken = first(text, text.find(end));
    text.remove_prefix(taken.size() < text.size() ? taken.size() + 1 : taken.size());
    return taken;
}

string_view take_word(string_view& line) {
    while (!line.empty() && line.front() == ' ') {
        line.remove_prefix(1);
    }
    return take_until(line, ' ');
}

// At most 18 digits, which no choice's number needs.
bool parse_number(string_view word, uint64_t& out) {
    constexpr size_t kMostDigits = 18;
    out = 0;
    for (char character : word) {
        if (character < '0' || character > '9') {
            return false;
        }
        out = out * 10 + static_cast<uint64_t>(character - '0');
    }
    return !word.empty() && word.size() <= kMostDigits;
}

uint64_t kind_of(string_view word) {
    uint64_t kind = 0;
    while (kind < kChoiceKinds && word != choice_name(static_cast<ChoiceKind>(kind))) {
        ++kind;
    }
    return kind;
}

bool is_comment(string_view line) {
    string_view rest = line;
    string_view word = take_word(rest);
    return word.empty() || word.front() == '#';
}

}  // namespace

bool Replay::read_entry(string_view line, Entry& out) const {
    bool good = parse_number(take_word(line), out.number);
    out.kind = kind_of(take_word(line));
    good = good && out.kind < kChoiceKinds && parse_number(take_word(line), out.answer);
    return good && is_comment(line);
}

string_view Replay::next_line() {
    string_view line;
    while (!rest_.empty() && is_comment(line)) {
        line = take_until(rest_, '\n');
    }
    return line;
}

bool Replay::take(string_view text, Text& error) {
    text_ = text;
    if (first(take_until(text_, '\n'), kHeader.size()) != kHeader) {
        error << "no trace: it must begin with \"rondo-trace 1 \"";
        return false;
    }
    uint64_t least = 0;
    for (rest_ = text_; !rest_.empty();) {
        string_view line = next_line();
        Entry entry;
        if (is_comment(line)) {
            break;
        }
        bool good = read_entry(line, entry);
        if (!good || entry.number < least) {
            error << (good ? "not in order: " : "not a choice: ");
            error.quote(line);
            return false;
        }
        least = entry.number + 1;
    }
    rewind();
    return true;
}

void Replay::rewind() {
    rest_ = text_;
    advance();
}

void Replay::advance() {
    entry_ = {};
    string_view line = next_line();
    if (!is_comment(line)) {
        read_entry(line, entry_);
    }
}

unsigned Replay::answer(uint64_t number, ChoiceKind kind, unsigned alternatives) {
    while (entry_.number < number) {
        advance();
    }
    bool fits = entry_.number == number && entry_.kind == static_cast<uint64_t>(kind) && entry_.answer < alternatives;
    return fits ? static_cast<unsigned>(entry_.answer) : 0;
}

}  // namespace rondo
