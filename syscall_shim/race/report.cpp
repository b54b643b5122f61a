// SPDX-License-Identifier: Apache-2.0
// See report.h. Names of functions, lines and objects come from the program's debug information, which rondo-unwind
// reads.
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../raw_call.h"
#include "blocks.h"
#include "modules.h"
#include "places.h"

extern "C" void* __libc_stack_end;

namespace rondo::race {
namespace {

constexpr int kStatus = 66;
constexpr uint32_t kShownFrames = 6;
constexpr size_t kLine = 1024;
constexpr uint64_t kMainStack = 8 << 20;

void say(const char* text) {
    shim::raw_call(SYS_write, STDERR_FILENO, shim::to_arg(text), static_cast<long>(strlen(text)));
}

template <typename... A>
void say_line(const char* format, A... arguments) {
    char line[kLine];
    snprintf(line, sizeof line, format, arguments...);
    say(line);
}

const char* verb(Kind kind, bool now) {
    static constexpr const char* kVerbs[][2] = {{"read", "reads"},
                                                {"wrote", "writes"},
                                                {"atomically read", "atomically reads"},
                                                {"atomically wrote", "atomically writes"}};
    return kVerbs[kind][now ? 1 : 0];
}

const Thread* stack_owner(uint64_t address) {
    for (uint32_t i = 1; i < thread_count(); ++i) {
        const Thread& thread = thread_at(i);
        if (address - thread.stack < thread.stack_bytes) return &thread;
    }
    auto end = reinterpret_cast<uint64_t>(__libc_stack_end);
    return address < end && end - address < kMainStack ? &thread_at(0) : nullptr;
}

void describe_object(const Race& race, char* text, size_t size) {
    uint64_t begin = 0;
    char name[kLine];
    const Block* block = find_block(race.address, begin);
    const Thread* owner = stack_owner(race.address);
    if (name_of_data(race.address, name, sizeof name)) {
        snprintf(text, size, "%s", name);
    } else if (block != nullptr) {
        snprintf(text, size, "byte %lu of a block of %zu bytes that thread %u has from malloc", race.address - begin,
                 block->size, block->owner->number());
    } else if (owner != nullptr) {
        snprintf(text, size, "a variable on the stack of thread %u", owner->number());
    } else {
        snprintf(text, size, "memory");
    }
}

void say_caller(Pc caller) {
    if (caller == 0 || !instrumented(caller)) return;
    char place[kLine];
    name_of_code(caller, place, sizeof place);
    say_line("      called by %s\n", place);
}

void say_frames(const Thread& thread) {
    for (uint32_t level = thread.depth; level > 0 && thread.depth - level < kShownFrames; --level) {
        say_caller(thread.frame(level - 1));
    }
}

void say_access(const Access& access, bool now) {
    char place[kLine];
    name_of_code(access.pc, place, sizeof place);
    say_line("  thread %u %s it: %s\n", thread_at(access.thread).number(), verb(access.kind, now), place);
    if (now) {
        say_frames(thread_at(access.thread));
    } else {
        say_caller(access.caller);
    }
}

void say_creation(const Thread& thread) {
    if (thread.creator == nullptr) {
        say_line("  thread %u is main\n", thread.number());
        return;
    }
    char place[kLine];
    name_of_code(thread.created_at, place, sizeof place);
    say_line("  thread %u was created by thread %u: %s\n", thread.number(), thread.creator->number(), place);
    say_caller(thread.created_by);
}

}  // namespace

void end_with_report(const Race& race, const Thread& thread) {
    detecting = false;
    char object[kLine];
    describe_object(race, object, sizeof object);
    say_line("rondo: data race on %s\n", object);
    say_access(race.now, true);
    say_access(*race.before, false);
    say("  no lock, join, semaphore or atomic operation orders the two\n");
    say_creation(thread);
    say_creation(thread_at(race.before->thread));
    const char* schedule = getenv("RONDO_SCHED");
    bool seeded = schedule != nullptr && strncmp(schedule, "seed:", 5) == 0;
    say_line("  at %#lx, %u bytes%s%s\n", race.address, race.size, seeded ? "; RONDO_SCHED=" : "",
             seeded ? schedule : "");
    shim::raw_call(SYS_exit_group, kStatus);
    __builtin_unreachable();
}

}  // namespace rondo::race
