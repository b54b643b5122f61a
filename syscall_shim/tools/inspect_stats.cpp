// SPDX-License-Identifier: Apache-2.0
//
// See inspect_stats.h. The names of states and reasons are the process's own, so a new one needs nothing here.

#include "syscall_shim/tools/inspect_stats.h"

#include <cstdint>
#include <cstdio>
#include <map>
#include <vector>

#include "syscall_shim/tools/json_reader.h"

namespace rondo {

namespace {

using std::string;

struct Figures {
    std::map<string, string> members;  // those that are numbers or text
    std::vector<std::pair<string, uint64_t>> states;
    std::vector<std::pair<string, uint64_t>> waits;
    std::vector<std::map<string, string>> workers;
};

bool read_scalar(JsonReader& json, string& value) {
    uint64_t number = 0;
    bool flag = false;
    switch (json.next()) {
        case '"':
            return json.string(value);
        case 't':
        case 'f':
            flag = json.next() == 't';
            value = flag ? "yes" : "no";
            return json.flag(flag);
        default:
            if (!json.number(number)) {
                return false;
            }
            value = std::to_string(number);
            return true;
    }
}

bool read_counts(JsonReader& json, std::vector<std::pair<string, uint64_t>>& counts) {
    return json.object([&](const string& key) {
        counts.emplace_back(key, 0);
        return json.number(counts.back().second);
    });
}

bool read_workers(JsonReader& json, std::vector<std::map<string, string>>& workers) {
    return json.array([&] {
        std::map<string, string>& worker = workers.emplace_back();
        return json.object([&](const string& key) { return read_scalar(json, worker[key]); });
    });
}

bool read_figures(const string& text, Figures& figures) {
    JsonReader json(text);
    return json.object([&](const string& key) {
        if (key == "states" || key == "waits") {
            return read_counts(json, key == "states" ? figures.states : figures.waits);
        }
        return key == "workers" ? read_workers(json, figures.workers) : read_scalar(json, figures.members[key]);
    });
}

void print_counts(const char* label, const std::vector<std::pair<string, uint64_t>>& counts) {
    for (const auto& [name, count] : counts) {
        if (count != 0) {
            printf("%-12s  %-18s %8lu\n", label, name.c_str(), count);
            label = "";
        }
    }
}

}  // namespace

bool print_stats(pid_t, const string& answer) {
    Figures figures;
    if (!read_figures(answer, figures) || figures.workers.empty()) {
        return false;
    }
    std::map<string, string>& all = figures.members;
    printf("%-12s  %s, on %zu workers; %s stacks in use\n", "threads", all["threads"].c_str(), figures.workers.size(),
           all["stacks"].c_str());
    print_counts("states", figures.states);
    print_counts("waits for", figures.waits);
    printf("%-12s  %s switches, %s timers, %s I/O operations in flight (%s); stack guards: %s\n", "runtime",
           all["switches"].c_str(), all["timers"].c_str(), all["io"].c_str(), all["io_backend"].c_str(),
           all["guards"].c_str());
    for (std::map<string, string>& worker : figures.workers) {
        printf("%-12s  %s, kernel thread %s: %s threads, %s switches, %s timers, %s I/O, ", "worker",
               worker["worker"].c_str(), worker["kernel_thread"].c_str(), worker["threads"].c_str(),
               worker["switches"].c_str(), worker["timers"].c_str(), worker["io"].c_str());
        bool looked = !worker["looked_ms"].empty();
        printf("%s%s%s\n",
               looked                      ? "looked at I/O "
               : worker["asleep"] == "yes" ? "asleep"
                                           : "starting",
               worker["looked_ms"].c_str(), looked ? " ms ago" : "");
    }
    return true;
}

}  // namespace rondo
