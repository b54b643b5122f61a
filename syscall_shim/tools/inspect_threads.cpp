// SPDX-License-Identifier: Apache-2.0
//
// See inspect_threads.h. Threads are parked in a few places: what a place is called is asked once for all of them.

#include "syscall_shim/tools/inspect_threads.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "syscall_shim/tools/call_sites.h"
#include "syscall_shim/tools/thread_rows.h"

namespace rondo {

namespace {

using std::string;

constexpr size_t kThreadsNamed = 8;

struct Picture {
    ThreadRows threads;
    CallSites sites;
};

bool take_picture(pid_t pid, const string& answer, Picture& picture) {
    std::vector<ThreadRow>& rows = picture.threads.rows;
    if (!read_threads(answer, picture.threads)) {
        return false;
    }
    std::vector<uint64_t> contexts;
    std::vector<ThreadRow*> owners;
    std::set<uint64_t> addresses;
    for (ThreadRow& row : rows) {
        if (row.context != 0) {
            contexts.push_back(row.context);
            owners.push_back(&row);
        }
        addresses.insert({row.object, row.start});
    }
    addresses.erase(0);
    picture.sites = find_call_sites(pid, contexts, {addresses.begin(), addresses.end()});
    for (size_t i = 0; i < owners.size(); ++i) {
        owners[i]->stack = picture.sites.stack_of[i];
    }
    if (!picture.sites.problem.empty()) {
        fprintf(stderr, "rondo: no call sites: %s\n", picture.sites.problem.c_str());
    }
    return true;
}

string name_of(uint64_t address, const CallSites& sites) {
    auto named = sites.names.find(address);
    char text[24];
    snprintf(text, sizeof text, "0x%lx", address);
    return named != sites.names.end() ? named->second : text;
}

string waits_for(const ThreadRow& row, const CallSites& sites) {
    if (row.reason.empty()) {
        return "-";
    }
    string text = row.reason;
    if (row.descriptor) {
        text += ", descriptor " + std::to_string(*row.descriptor);
    } else if (row.reason == "join" && !row.owner.empty()) {
        return text + " of thread " + row.owner;
    } else if (row.object != 0) {
        text += " " + name_of(row.object, sites);
    }
    if (!row.owner.empty()) {
        text += row.owner == "kernel thread" ? " of a kernel thread" : " of thread " + row.owner;
    }
    return text;
}

// The file without its folders: a table has no room for them.
string short_place(const string& place) {
    size_t at = place.find(" at ");
    size_t slash = place.rfind('/');
    return at == string::npos || slash == string::npos ? place : place.substr(0, at + 4) + place.substr(slash + 1);
}

string call_site(const ThreadRow& row, const CallSites& sites) {
    if (row.stack >= 0 && static_cast<size_t>(row.stack) < sites.stacks.size()) {
        return short_place(sites.stacks[static_cast<size_t>(row.stack)].place);
    }
    return row.start != 0 ? "(began at " + name_of(row.start, sites) + ")" : "-";
}

string since(const ThreadRow& row) {
    constexpr uint64_t kSecond = 1000;
    constexpr uint64_t kMinute = 60 * kSecond;
    constexpr uint64_t kHour = 60 * kMinute;
    uint64_t waited = row.waited_ms;
    if (row.reason.empty()) {
        return "-";
    }
    if (waited < 10 * kSecond) {
        return std::to_string(waited) + " ms";
    }
    return waited < 10 * kMinute ? std::to_string(waited / kSecond) + " s"
           : waited < 10 * kHour ? std::to_string(waited / kMinute) + " min"
                                 : std::to_string(waited / kHour) + " h";
}

string used(const ThreadRow& row) {
    char text[32];
    snprintf(text, sizeof text, "%.1fK", static_cast<double>(row.used) / 1024);
    return row.used != 0 ? text : "-";
}

// Threads that are shown as one: parked in one place, or in a state that has no place.
struct Group {
    string doing;
    string frames;
    std::vector<const ThreadRow*> threads;
};

string doing(const ThreadRow& row, const CallSites& sites) {
    if (row.state == "parked") {
        return row.reason.empty() ? row.state : row.reason;
    }
    return row.state + (row.stack >= 0 || row.start == 0 ? "" : " (began at " + name_of(row.start, sites) + ")");
}

std::vector<Group> fold(const Picture& picture) {
    std::map<std::pair<int, string>, Group> groups;
    for (const ThreadRow& row : picture.threads.rows) {
        string what = doing(row, picture.sites);
        Group& group = groups[{row.stack, what}];
        group.doing = what;
        group.frames = row.stack >= 0 ? picture.sites.stacks.at(static_cast<size_t>(row.stack)).frames : "";
        group.threads.push_back(&row);
    }
    std::vector<Group> sorted;
    for (auto& [key, group] : groups) {
        sorted.push_back(std::move(group));
    }
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Group& a, const Group& b) { return a.threads.size() > b.threads.size(); });
    return sorted;
}

string numbers_of(const Group& group) {
    string text;
    for (size_t i = 0; i < group.threads.size() && i < kThreadsNamed; ++i) {
        const ThreadRow& row = *group.threads[i];
        text += (i == 0 ? "" : ", ") + std::to_string(row.id) + (row.name.empty() ? "" : " \"" + row.name + "\"");
    }
    return text + (group.threads.size() > kThreadsNamed ? ", ..." : "");
}

}  // namespace

bool print_threads(pid_t pid, const string& answer) {
    Picture picture;
    if (!take_picture(pid, answer, picture)) {
        return false;
    }
    printf("%7s  %-15s  %6s  %-8s  %-31s  %8s  %7s  %s\n", "THREAD", "NAME", "WORKER", "STATE", "WAITS FOR", "SINCE",
           "STACK", "AT");
    for (const ThreadRow& row : picture.threads.rows) {
        printf("%7lu  %-15s  %6lu  %-8s  %-31s  %8s  %7s  %s\n", row.id, row.name.empty() ? "-" : row.name.c_str(),
               row.worker, row.state.c_str(), waits_for(row, picture.sites).c_str(), since(row).c_str(),
               used(row).c_str(), call_site(row, picture.sites).c_str());
    }
    return true;
}

bool print_stacks(pid_t pid, const string& answer) {
    Picture picture;
    if (!take_picture(pid, answer, picture)) {
        return false;
    }
    const char* separator = "";
    for (const Group& group : fold(picture)) {
        size_t count = group.threads.size();
        printf("%s%zu thread%s: %s: %s\n%s", separator, count, count == 1 ? "" : "s", group.doing.c_str(),
               numbers_of(group).c_str(), group.frames.c_str());
        separator = "\n";
    }
    return true;
}

}  // namespace rondo
