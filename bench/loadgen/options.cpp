// SPDX-License-Identifier: Apache-2.0
//
// Parsing with getopt_long. Numbers are read strictly: trailing text, negative values and zero where it makes
// no sense are refused by name. What is left at its default is derived last: active = connections, one
// process for every (descriptor limit - 64) connections, one source address for every 25,000 (loopback has
// about 28,000 ports an address). A short hand-written table was preferred to a library: the generator must
// build anywhere.
#include "options.h"

#include <getopt.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace loadgen {
namespace {

constexpr uint32_t kPortsPerSource = 25000;
constexpr uint32_t kMaxSources = 250;

constexpr char kHelp[] =
    "usage: loadgen --port PORT [options]\n"
    "  --host ADDR          IPv4 address of the server (127.0.0.1)\n"
    "  --proto echo|http    (echo)\n"
    "  --path PATH          http: path to get; may be repeated, then connection and sequence choose (/)\n"
    "  --docroot DIR        http: bodies must equal DIR/PATH; else the first body of each path is the "
    "reference\n"
    "  --connections N      connections held open at once (1)\n"
    "  --active A           how many of them send requests (all)\n"
    "  --silent-idle        the others send nothing at all; else each makes one exchange when it is opened\n"
    "  --size BYTES         echo: bytes a message, a printable line ending in a newline (64)\n"
    "  --duration S         measured seconds (2)\n"
    "  --warmup S           seconds before them (0.5)\n"
    "  --cooldown S         the load goes on so long after them (0.2)\n"
    "  --rate R             open loop: R requests a second in all, timed from the intended instant;\n"
    "                       without it the loop is closed and only rate and CPU are reported\n"
    "  --lines N            correctness run: each active connection echoes N lines, then ends; no --rate\n"
    "  --processes P        (as many as the descriptor limit asks for)\n"
    "  --sources K          source addresses 127.0.0.2 ... (1 a 25,000 connections; 1 = do not bind)\n"
    "  --ramp-window W      connections being opened at once, all processes together (64)\n"
    "  --timeout S          give up after so long without progress (30)\n"
    "  --events-fd FD       write the lines ready, begin and end there as the run passes them\n"
    "  --json               one JSON line on stdout\n"
    "Exit status: 0 no error, 1 errors were counted, 2 the command line was wrong.\n";

[[noreturn]] void refuse(const std::string& message) {
    fprintf(stderr, "loadgen: %s (see --help)\n", message.c_str());
    exit(2);
}

double read_number(const char* name, const char* text, double low, double high) {
    char* end = nullptr;
    const double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= low) || !(value <= high)) {
        refuse(std::string("--") + name + ": bad value \"" + text + "\"");
    }
    return value;
}

uint64_t read_count(const char* name, const char* text, uint64_t low, uint64_t high) {
    char* end = nullptr;
    const unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || *text == '-' || value < low || value > high) {
        refuse(std::string("--") + name + ": bad value \"" + text + "\"");
    }
    return value;
}

Proto read_proto(const char* text) {
    if (strcmp(text, "echo") == 0) return Proto::kEcho;
    if (strcmp(text, "http") == 0) return Proto::kHttp;
    refuse(std::string("--proto: neither echo nor http: \"") + text + "\"");
}

uint32_t descriptors_per_process() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    constexpr rlim_t kKept = 64;
    if (limit.rlim_cur <= 2 * kKept) refuse("the descriptor limit is too low");
    return static_cast<uint32_t>(std::min<rlim_t>(limit.rlim_cur - kKept, 1u << 20));
}

void complete(Options& o) {
    if (o.port == 0) refuse("--port is missing");
    if (o.rate > 0 && o.lines > 0) refuse("--rate and --lines exclude each other");
    if (o.lines > 0 && o.proto == Proto::kHttp) refuse("--lines is for echo only");
    o.mode = o.lines > 0 ? Mode::kLines : o.rate > 0 ? Mode::kOpen : Mode::kClosed;
    if (o.paths.empty()) o.paths.emplace_back("/");
    if (o.active == 0) o.active = o.connections;
    if (o.active > o.connections) refuse("--active is more than --connections");
    const uint32_t per_process = descriptors_per_process();
    const uint32_t needed = (o.connections + per_process - 1) / per_process;
    if (o.processes == 0) o.processes = needed;
    if (o.processes < needed) refuse("--processes: at least " + std::to_string(needed) + " for the descriptor limit");
    o.processes = std::min(o.processes, o.connections);
    if (o.sources == 0) o.sources = (o.connections + kPortsPerSource - 1) / kPortsPerSource;
    if (o.sources > 1 && o.host.rfind("127.", 0) != 0) refuse("--sources: only for a loopback host");
}

// One option's value as it stood on the command line.
struct Value {
    const char* name;
    const char* text;

    double number(double low, double high) const { return read_number(name, text, low, high); }
    uint64_t count(uint64_t low, uint64_t high) const { return read_count(name, text, low, high); }
    uint32_t small(uint32_t low, uint32_t high) const { return static_cast<uint32_t>(count(low, high)); }
};

struct Flag {
    const char* name;
    int takes_value;
    void (*apply)(Options& o, const Value& value);
};

const Flag kFlags[] = {
    {"host", 1, [](Options& o, const Value& v) { o.host = v.text; }},
    {"port", 1, [](Options& o, const Value& v) { o.port = static_cast<int>(v.count(1, 65535)); }},
    {"proto", 1, [](Options& o, const Value& v) { o.proto = read_proto(v.text); }},
    {"path", 1, [](Options& o, const Value& v) { o.paths.emplace_back(v.text); }},
    {"docroot", 1, [](Options& o, const Value& v) { o.docroot = v.text; }},
    {"connections", 1, [](Options& o, const Value& v) { o.connections = v.small(1, 4000000); }},
    {"active", 1, [](Options& o, const Value& v) { o.active = v.small(1, 4000000); }},
    {"silent-idle", 0, [](Options& o, const Value&) { o.silent_idle = true; }},
    {"size", 1, [](Options& o, const Value& v) { o.size = v.count(2, 1u << 30); }},
    {"duration", 1, [](Options& o, const Value& v) { o.duration = v.number(0.01, 1e6); }},
    {"warmup", 1, [](Options& o, const Value& v) { o.warmup = v.number(0, 1e6); }},
    {"cooldown", 1, [](Options& o, const Value& v) { o.cooldown = v.number(0, 60); }},
    {"rate", 1, [](Options& o, const Value& v) { o.rate = v.number(1e-3, 1e9); }},
    {"lines", 1, [](Options& o, const Value& v) { o.lines = v.count(1, 1u << 30); }},
    {"processes", 1, [](Options& o, const Value& v) { o.processes = v.small(1, 1024); }},
    {"sources", 1, [](Options& o, const Value& v) { o.sources = v.small(1, kMaxSources); }},
    {"ramp-window", 1, [](Options& o, const Value& v) { o.ramp_window = v.small(1, 65536); }},
    {"timeout", 1, [](Options& o, const Value& v) { o.timeout = v.number(0.1, 1e6); }},
    {"events-fd", 1, [](Options& o, const Value& v) { o.events_fd = static_cast<int>(v.count(0, 1u << 20)); }},
    {"json", 0, [](Options& o, const Value&) { o.json = true; }},
    {"help", 0,
     [](Options&, const Value&) {
         fputs(kHelp, stdout);
         exit(0);
     }},
};

}  // namespace

Options parse_options(int argc, char** argv) {
    std::vector<option> table;
    for (const Flag& flag : kFlags) table.push_back({flag.name, flag.takes_value, nullptr, 0});
    table.push_back({});
    Options options;
    int index = 0;
    for (int key; (key = getopt_long(argc, argv, "", table.data(), &index)) != -1;) {
        if (key != 0) exit(2);
        kFlags[index].apply(options, {kFlags[index].name, optarg});
    }
    if (optind < argc) refuse(std::string("what is \"") + argv[optind] + "\"?");
    complete(options);
    return options;
}

}  // namespace loadgen
