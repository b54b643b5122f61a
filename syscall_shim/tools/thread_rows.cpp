// SPDX-License-Identifier: Apache-2.0
//
// See thread_rows.h. Members that are not known here are skipped, so that an older `rondo` reads a newer answer.

#include "syscall_shim/tools/thread_rows.h"

#include <algorithm>
#include <string_view>

#include "syscall_shim/tools/json_reader.h"

namespace rondo {

namespace {

bool read_owner(JsonReader& json, std::string& owner) {
    if (json.next() == '"') {
        return json.string(owner);
    }
    uint64_t id = 0;
    bool read = json.number(id);
    owner = std::to_string(id);
    return read;
}

bool read_text(JsonReader& json, std::string_view key, ThreadRow& row, bool& known) {
    std::string* text = key == "name"     ? &row.name
                        : key == "state"  ? &row.state
                        : key == "reason" ? &row.reason
                                          : nullptr;
    known = text != nullptr || key == "owner";
    return key == "owner" ? read_owner(json, row.owner) : text != nullptr && json.string(*text);
}

bool read_member(JsonReader& json, std::string_view key, ThreadRow& row) {
    bool known = false;
    bool read = read_text(json, key, row, known);
    if (known) {
        return read;
    }
    if (key == "object" || key == "context" || key == "start") {
        return json.address(key == "object" ? row.object : key == "context" ? row.context : row.start);
    }
    if (key == "descriptor") {
        return json.number(row.descriptor.emplace());
    }
    uint64_t* number = key == "id"          ? &row.id
                       : key == "worker"    ? &row.worker
                       : key == "waited_ms" ? &row.waited_ms
                       : key == "used"      ? &row.used
                                            : nullptr;
    return number != nullptr ? json.number(*number) : json.skip();
}

}  // namespace

bool read_threads(const std::string& text, ThreadRows& threads) {
    JsonReader json(text);
    bool listed = false;
    bool read = json.object([&](const std::string& key) {
        if (key == "workers") {
            return json.number(threads.workers);
        }
        if (key != "threads") {
            return json.skip();
        }
        listed = true;
        return json.array([&] {
            ThreadRow row;
            bool whole = json.object([&](const std::string& member) { return read_member(json, member, row); });
            threads.rows.push_back(std::move(row));
            return whole;
        });
    });
    std::sort(threads.rows.begin(), threads.rows.end(),
              [](const ThreadRow& a, const ThreadRow& b) { return a.id < b.id; });
    return read && listed;
}

}  // namespace rondo
