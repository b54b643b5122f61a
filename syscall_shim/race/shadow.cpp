// SPDX-License-Identifier: Apache-2.0
// See shadow.h. A page of memory gets its cells when it is first accessed.
#include "shadow.h"

#include "report.h"

namespace rondo::race {
namespace {

constexpr uint64_t kCellBytes = 8;
constexpr uint64_t kPageBytes = 4096;
constexpr unsigned kKept = 4;

struct Cell {
    Access accesses[kKept];
};

struct Page {
    Cell cells[kPageBytes / kCellBytes];
    uint32_t turn;  // which access to replace when all are needed
};

constinit AddressTable<Page> pages;
constinit uint64_t last_number = 0;
constinit Page* last_page = nullptr;

Page& page_of(uint64_t address) {
    uint64_t number = address / kPageBytes + 1;  // 0 is no key
    if (number == last_number) return *last_page;
    Page* page = pages.find(number);
    if (page == nullptr) {
        page = allocate_array<Page>(1);
        pages.set(number, page);
    }
    last_number = number;
    last_page = page;
    return *page;
}

bool writes(Kind kind) { return (kind & kWrite) != 0; }
bool is_atomic(Kind kind) { return (kind & kAtomicRead) != 0; }

bool happened_before(const Access& access, const Thread& thread) {
    return access.time <= thread.clock.at(access.thread);
}

bool conflict(const Access& before, const Access& now, const Thread& thread) {
    return before.pc != 0 && before.thread != now.thread && (before.bytes & now.bytes) != 0 &&
           (writes(before.kind) || writes(now.kind)) && !(is_atomic(before.kind) && is_atomic(now.kind)) &&
           !happened_before(before, thread);
}

// Whoever would race with the old access later would race with the new one, too.
bool supersedes(const Access& now, const Access& before, const Thread& thread) {
    bool covers = (before.bytes & ~now.bytes) == 0;
    bool as_strong = (writes(now.kind) || !writes(before.kind)) && (!is_atomic(now.kind) || is_atomic(before.kind));
    return covers && as_strong && happened_before(before, thread);
}

void record(Cell& cell, const Access& now, const Thread& thread, uint32_t& turn) {
    Access* place = nullptr;
    for (Access& before : cell.accesses) {
        if (before.pc == 0) {
            place = place == nullptr ? &before : place;
        } else if (supersedes(now, before, thread)) {
            before.pc = 0;
            place = place == nullptr ? &before : place;
        }
    }
    if (place == nullptr) place = &cell.accesses[turn++ % kKept];
    *place = now;
}

uint8_t bytes_of(uint64_t offset, uint64_t size) { return static_cast<uint8_t>(((1U << size) - 1) << offset); }

}  // namespace

void check_access(Thread& thread, uint64_t address, size_t size, Kind kind, Pc pc) {
    Access now{pc, thread.caller(), thread.index, thread.now(), 0, kind};
    for (uint64_t at = address; at < address + size;) {
        uint64_t offset = at % kCellBytes;
        uint64_t part = address + size - at < kCellBytes - offset ? address + size - at : kCellBytes - offset;
        Page& page = page_of(at);
        Cell& cell = page.cells[at % kPageBytes / kCellBytes];
        now.bytes = bytes_of(offset, part);
        for (const Access& before : cell.accesses) {
            if (conflict(before, now, thread)) {
                end_with_report({&before, now, at, static_cast<uint32_t>(part)}, thread);
            }
        }
        record(cell, now, thread, page.turn);
        at += part;
    }
}

namespace {

void forget_in_page(Page& page, uint64_t first, uint64_t last) {
    for (uint64_t i = first / kCellBytes; i <= last / kCellBytes; ++i) page.cells[i] = {};
}

}  // namespace

void forget_memory(uint64_t address, size_t size) {
    if (size == 0) return;
    uint64_t first = address / kPageBytes, last = (address + size - 1) / kPageBytes;
    auto forget = [&](uint64_t number, Page& page) {
        if (number < first || number > last) return;
        forget_in_page(page, number == first ? address % kPageBytes : 0,
                       number == last ? (address + size - 1) % kPageBytes : kPageBytes - 1);
    };
    if (last - first > pages.size()) {
        pages.each([&](uint64_t key, Page& page) { forget(key - 1, page); });
        return;
    }
    for (uint64_t number = first; number <= last; ++number) {
        if (Page* page = pages.find(number + 1)) forget(number, *page);
    }
}

}  // namespace rondo::race
