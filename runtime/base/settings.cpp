// SPDX-License-Identifier: Apache-2.0
//
// One row a setting; each row's parser says what it expected. A misspelt name is answered with the nearest
// known one by edit distance, when that is near enough to be what was meant.

#include "runtime/base/settings.h"

#include <cstdint>
#include <string_view>

#include "runtime/base/cgroup.h"
#include "runtime/base/sys.h"
#include "runtime/base/text.h"

namespace rondo {

namespace {

using std::string_view;

enum class Verdict { good, bad, not_available };

constexpr string_view kPrefix = "RONDO_";
constexpr string_view kTestPrefix = "RONDO_TEST_";
constexpr size_t kMinStack = 16 << 10;
constexpr size_t kMaxStack = 1 << 30;
constexpr uint64_t kMaxStallMs = 3'600'000;
constexpr uint64_t kMaxChoices = 1'000'000'000'000'000;

// Digits only; false if there are none, other characters, or more than the limit.
bool parse_number(string_view text, uint64_t limit, uint64_t& out) {
    uint64_t value = 0;
    for (char character : text) {
        if (character < '0' || character > '9') {
            return false;
        }
        auto digit = static_cast<uint64_t>(character - '0');
        if (digit > limit || value > (limit - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    out = value;
    return !text.empty();
}

unsigned suffix_shift(char character) {
    switch (character) {
        case 'k':
        case 'K':
            return 10;
        case 'm':
        case 'M':
            return 20;
        case 'g':
        case 'G':
            return 30;
        default:
            return 0;
    }
}

Verdict parse_workers(string_view value, Settings& out) {
    uint64_t workers = 0;
    if (!parse_number(value, kMaxWorkers, workers) || workers == 0) {
        return Verdict::bad;
    }
    out.workers = static_cast<unsigned>(workers);
    return Verdict::good;
}

Verdict parse_io(string_view value, Settings& out) {
    if (value == "io_uring") {
        return Verdict::not_available;
    }
    if (value != "auto" && value != "epoll") {
        return Verdict::bad;
    }
    out.io = value == "auto" ? IoChoice::automatic : IoChoice::epoll;
    return Verdict::good;
}

Verdict parse_tls(string_view value, Settings& out) {
    if (value == "fiber") {
        return Verdict::not_available;
    }
    out.tls = TlsMode::worker;
    return value == "worker" ? Verdict::good : Verdict::bad;
}

Verdict parse_stack(string_view value, Settings& out) {
    unsigned shift = value.empty() ? 0 : suffix_shift(value.back());
    if (shift != 0) {
        value.remove_suffix(1);
    }
    uint64_t count = 0;
    if (!parse_number(value, kMaxStack >> shift, count) || count << shift < kMinStack) {
        return Verdict::bad;
    }
    out.stack_bytes = count << shift;
    return Verdict::good;
}

// The value is the end of its entry in the environment, so what is taken off its front leaves a C string.
bool take_prefix(string_view& value, string_view prefix) {
    bool found = first(value, prefix.size()) == prefix;
    value.remove_prefix(found ? prefix.size() : 0);
    return found;
}

Verdict parse_seed(string_view value, Settings& out) {
    constexpr string_view kFaults = ",faults";
    out.sched = SchedKind::seed;
    string_view digits = first(value, value.find(','));
    out.faults = digits.size() < value.size();
    value.remove_prefix(digits.size());
    bool good = parse_number(digits, UINT64_MAX, out.seed) && (value.empty() || value == kFaults);
    return good ? Verdict::good : Verdict::bad;
}

Verdict parse_sched(string_view value, Settings& out) {
    if (take_prefix(value, "seed:")) {
        return parse_seed(value, out);
    }
    if (take_prefix(value, "replay:")) {
        out.sched = SchedKind::replay;
        out.replay = value.data();
        return value.empty() ? Verdict::bad : Verdict::good;
    }
    out.sched = SchedKind::fifo;
    if (value == "fifo") {
        return Verdict::good;
    }
    return value == "graph" ? Verdict::not_available : Verdict::bad;
}

Verdict parse_trace(string_view value, Settings& out) {
    out.trace = value.data();
    return value.empty() ? Verdict::bad : Verdict::good;
}

// The race detector, a library of its own, reads it; here it is only checked.
Verdict parse_race(string_view value, Settings&) {
    return value == "stop" || value == "off" ? Verdict::good : Verdict::bad;
}

Verdict parse_stall(string_view value, Settings& out) {
    uint64_t milliseconds = 0;
    if (!parse_number(value, kMaxStallMs, milliseconds)) {
        return Verdict::bad;
    }
    out.stall_ms = static_cast<unsigned>(milliseconds);
    return Verdict::good;
}

Verdict parse_inspect(string_view value, Settings& out) {
    out.inspection = value == "1" ? Inspection::on : value == "auto" ? Inspection::automatic : Inspection::off;
    return value == "0" || out.inspection != Inspection::off ? Verdict::good : Verdict::bad;
}

Verdict parse_choices(string_view value, Settings& out) {
    return parse_number(value, kMaxChoices, out.choices) ? Verdict::good : Verdict::bad;
}

Verdict parse_deadlock(string_view value, Settings& out) {
    bool aborts = value == "abort";
    bool reports = value == "report";
    out.on_deadlock = aborts ? OnDeadlock::abort : reports ? OnDeadlock::report : OnDeadlock::off;
    return aborts || reports || value == "off" ? Verdict::good : Verdict::bad;
}

struct Row {
    string_view name;
    string_view expected;
    Verdict (*parse)(string_view value, Settings& out);
};

constexpr Row kRows[] = {
    {"RONDO_WORKERS", "a number from 1 to 256", parse_workers},
    {"RONDO_IO", "auto or epoll", parse_io},
    {"RONDO_TLS", "worker", parse_tls},
    {"RONDO_STACK", "a size from 16K to 1G, with K, M or G", parse_stack},
    {"RONDO_SCHED", "fifo, seed:N or replay:FILE", parse_sched},
    {"RONDO_TRACE", "a file's name", parse_trace},
    {"RONDO_CHOICES", "a number of choices from 0 (any) to 10^15", parse_choices},
    {"RONDO_RACE", "stop or off", parse_race},
    {"RONDO_STALL_MS", "a number of milliseconds from 0 (off) to 3600000", parse_stall},
    {"RONDO_INSPECT", "0, 1 or auto", parse_inspect},
    {"RONDO_DEADLOCK", "abort, report or off", parse_deadlock},
};

constexpr size_t kLongestName = 31;

// Levenshtein; one row of the table is kept. Names longer than any of ours are compared by their beginning.
size_t edit_distance(string_view a, string_view b) {
    a = first(a, kLongestName);
    size_t row[kLongestName + 1];
    for (size_t i = 0; i <= a.size(); ++i) {
        row[i] = i;
    }
    for (size_t j = 1; j <= b.size(); ++j) {
        size_t diagonal = row[0];
        row[0] = j;
        for (size_t i = 1; i <= a.size(); ++i) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);
            size_t skipped = (row[i] < row[i - 1] ? row[i] : row[i - 1]) + 1;
            diagonal = row[i];
            row[i] = replaced < skipped ? replaced : skipped;
        }
    }
    return row[a.size()];
}

string_view nearest_name(string_view name) {
    string_view nearest;
    size_t best = 4;
    for (const Row& row : kRows) {
        size_t distance = edit_distance(name, row.name);
        if (distance < best) {
            best = distance;
            nearest = row.name;
        }
    }
    return nearest;
}

void say_unknown(string_view name, Text& error) {
    error << "rondo: ";
    error.quote(name) << ": no such setting";
    string_view nearest = nearest_name(name);
    if (!nearest.empty()) {
        error << "; did you mean " << nearest << "?";
        return;
    }
    const char* separator = "; there are ";
    for (const Row& row : kRows) {
        error << separator << row.name;
        separator = " ";
    }
}

bool parse_one(string_view name, string_view value, Settings& out, Text& error) {
    for (const Row& row : kRows) {
        if (row.name != name) {
            continue;
        }
        Verdict verdict = row.parse(value, out);
        if (verdict == Verdict::good) {
            return true;
        }
        error << "rondo: " << name << "=";
        error.quote(value) << (verdict == Verdict::bad ? ": " : ": not available in this version; ") << "expected "
                           << row.expected;
        return false;
    }
    say_unknown(name, error);
    return false;
}

// What holds between settings.
bool agree(Settings& out, Text& error) {
    if (out.sched == SchedKind::fifo) {
        const char* useless = out.trace != nullptr ? "RONDO_TRACE" : out.choices != 0 ? "RONDO_CHOICES" : nullptr;
        if (useless != nullptr) {
            error << "rondo: " << useless << " needs RONDO_SCHED=seed:N or replay:FILE";
        }
        return useless == nullptr;
    }
    if (out.workers > 1) {
        error << "rondo: RONDO_WORKERS=" << uint64_t{out.workers}
              << ": RONDO_SCHED=seed:N and replay:FILE need one worker";
        return false;
    }
    out.workers = 1;
    return true;
}

bool is_setting(string_view entry) {
    return first(entry, kPrefix.size()) == kPrefix && first(entry, kTestPrefix.size()) != kTestPrefix;
}

}  // namespace

bool parse_settings(char** environ, Settings& out, char* error, size_t error_size) {
    Text message(error, error_size);
    for (; environ != nullptr && *environ != nullptr; ++environ) {
        string_view entry = *environ;
        size_t equals = entry.find('=');
        if (!is_setting(entry) || equals == string_view::npos) {
            continue;
        }
        string_view name = first(entry, equals);
        entry.remove_prefix(equals + 1);
        if (!parse_one(name, entry, out, message)) {
            return false;
        }
    }
    return agree(out, message);
}

unsigned default_workers() {
    uint64_t mask[128] = {};
    long bytes = sys::call(SYS_sched_getaffinity, 0, sizeof mask, sys::to_arg(mask));
    unsigned allowed = 0;
    for (long word = 0; word < bytes / 8; ++word) {
        allowed += static_cast<unsigned>(__builtin_popcountll(mask[word]));
    }
    uint64_t quota = cgroup_limit(CgroupLimit::milli_cpus);
    uint64_t rounded_up = quota == kNoCgroupLimit ? kMaxWorkers : (quota + 999) / 1000;
    uint64_t workers = rounded_up < allowed ? rounded_up : allowed;
    if (workers == 0) {
        return 1;
    }
    return workers < kMaxWorkers ? static_cast<unsigned>(workers) : kMaxWorkers;
}

}  // namespace rondo
