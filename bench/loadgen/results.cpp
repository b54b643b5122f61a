// SPDX-License-Identifier: Apache-2.0
//
// Merging by addition and the two ways to print. A closed loop prints no latency: with a fixed number of
// requests in flight it only restates the rate, and it hides every stall (coordinated omission).
#include "results.h"

#include <cstdarg>
#include <cstdio>

namespace loadgen {
namespace {

struct Field {
    const char* name;
    uint64_t Results::*value;
};

constexpr Field kErrors[] = {{"connect_refused", &Results::connect_refused},
                             {"connect_no_address", &Results::connect_no_address},
                             {"connect_timed_out", &Results::connect_timed_out},
                             {"connect_other", &Results::connect_other},
                             {"mismatched_bytes", &Results::mismatched_bytes},
                             {"malformed", &Results::malformed},
                             {"resets", &Results::resets},
                             {"closed_early", &Results::closed_early},
                             {"stalled", &Results::stalled},
                             {"process_died", &Results::process_died}};

constexpr Field kCounts[] = {{"connected", &Results::connected},  {"greeted", &Results::greeted},
                             {"requests", &Results::requests},    {"lines", &Results::lines},
                             {"finished", &Results::finished},    {"cpu_ns", &Results::cpu_ns},
                             {"unanswered", &Results::unanswered}};

__attribute__((format(printf, 2, 3))) void append(std::string& out, const char* format, ...) {
    char buffer[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(buffer, sizeof buffer, format, arguments);
    va_end(arguments);
    out += buffer;
}

const char* mode_name(Mode mode) { return mode == Mode::kClosed ? "closed" : mode == Mode::kOpen ? "open" : "lines"; }

double micros(uint64_t ns) { return static_cast<double>(ns) / 1000.0; }

std::string describe_json(const Options& o, const Results& r, double ramp_seconds) {
    std::string out;
    append(out, "{\"proto\":\"%s\",\"mode\":\"%s\"", o.proto == Proto::kEcho ? "echo" : "http", mode_name(o.mode));
    append(out, ",\"connections\":%u,\"active\":%u,\"processes\":%u", o.connections, o.active, o.processes);
    append(out, ",\"size\":%zu,\"ramp_s\":%.3f", o.size, ramp_seconds);
    if (o.mode != Mode::kLines) {
        append(out, ",\"duration_s\":%.3f,\"warmup_s\":%.3f", o.duration, o.warmup);
        append(out, ",\"rate\":%.1f", static_cast<double>(r.requests) / o.duration);
    }
    for (const Field& field : kCounts) append(out, ",\"%s\":%llu", field.name, 0ull + r.*field.value);
    if (o.mode == Mode::kOpen) {
        append(out, ",\"offered_rate\":%.1f,\"latency_us\":{\"count\":%llu,\"p50\":%.1f,\"p99\":%.1f", o.rate,
               0ull + r.latency.total(), micros(r.latency.quantile(0.5)), micros(r.latency.quantile(0.99)));
        append(out, ",\"p999\":%.1f,\"max\":%.1f}", micros(r.latency.quantile(0.999)), micros(r.latency.max()));
    }
    out += ",\"errors\":{";
    const char* separator = "";
    for (const Field& field : kErrors) {
        append(out, "%s\"%s\":%llu", separator, field.name, 0ull + r.*field.value);
        separator = ",";
    }
    append(out, "},\"ok\":%s}", r.errors() == 0 ? "true" : "false");
    return out;
}

std::string describe_text(const Options& o, const Results& r, double ramp_seconds) {
    std::string out;
    append(out, "%u connections (%u active) open after %.2f s; ", o.connections, o.active, ramp_seconds);
    if (o.mode == Mode::kLines) {
        append(out, "%llu lines right, %llu connections finished", 0ull + r.lines, 0ull + r.finished);
    } else {
        append(out, "%.0f requests/s", static_cast<double>(r.requests) / o.duration);
    }
    if (o.mode == Mode::kOpen) {
        append(out, " of %.0f offered; p50 %.0f us, p99 %.0f us", o.rate, micros(r.latency.quantile(0.5)),
               micros(r.latency.quantile(0.99)));
        append(out, ", p99.9 %.0f us; %llu unanswered", micros(r.latency.quantile(0.999)), 0ull + r.unanswered);
    }
    if (r.errors() == 0) return out + "; no errors";
    for (const Field& field : kErrors) {
        if (r.*field.value != 0) append(out, "; %s %llu", field.name, 0ull + r.*field.value);
    }
    return out;
}

}  // namespace

void Results::merge(const Results& other) {
    for (const Field& field : kCounts) this->*field.value += other.*field.value;
    for (const Field& field : kErrors) this->*field.value += other.*field.value;
    latency.merge(other.latency);
}

uint64_t Results::errors() const {
    uint64_t sum = 0;
    for (const Field& field : kErrors) sum += this->*field.value;
    return sum;
}

std::string describe(const Options& options, const Results& total, double ramp_seconds) {
    return options.json ? describe_json(options, total, ramp_seconds) : describe_text(options, total, ramp_seconds);
}

}  // namespace loadgen
