// SPDX-License-Identifier: Apache-2.0
// See thread.h. The calling thread is looked up by its handle; one is remembered, for most calls come from the same
// thread as the one before.
#include "thread.h"

#include <rondo/rondo.h>
#include <stdlib.h>
#include <string.h>

namespace rondo::race {

constinit bool exploring = false;
constinit bool detecting = false;

namespace {

constexpr uint32_t kMostThreads = 1 << 20;

constinit AddressTable<Thread> by_handle;
constinit AddressTable<Clock> objects;
constinit Thread** threads = nullptr;
constinit uint32_t count = 0;
constinit rondo_t last_handle = 0;
constinit Thread* last = nullptr;

Thread& add_thread() {
    if (threads == nullptr) threads = allocate_array<Thread*>(kMostThreads);
    if (count == kMostThreads) abort();
    auto* thread = allocate_array<Thread>(1);
    threads[count] = thread;
    thread->index = count++;
    return *thread;
}

bool starts_with(const char* text, const char* prefix) {
    return text != nullptr && strncmp(text, prefix, strlen(prefix)) == 0;
}

// The one kernel thread that the process begins with becomes main.
__attribute__((constructor)) void begin() {
    const char* schedule = getenv("RONDO_SCHED");
    if (!starts_with(schedule, "seed") && !starts_with(schedule, "replay")) return;
    Thread& main = add_thread();
    main.clock.set(0, 1);
    bind(main);
    const char* wanted = getenv("RONDO_RACE");
    detecting = wanted == nullptr || strcmp(wanted, "off") != 0;
    rondo_defer_signals_in(&exploring);
    exploring = true;
}

}  // namespace

Thread* current() {
    rondo_t self = rondo_self();
    if (self == last_handle) return last;
    Thread* thread = rondo_on_thread() || !rondo_started() ? by_handle.find(self) : nullptr;
    if (thread != nullptr) {
        last_handle = self;
        last = thread;
    }
    return thread;
}

Thread* new_thread(Thread& creator, Pc created_at) {
    Thread& thread = add_thread();
    thread.clock.join(creator.clock);
    thread.clock.set(thread.index, 1);
    thread.creator = &creator;
    thread.created_at = created_at;
    thread.created_by = creator.caller();
    creator.clock.set(creator.index, creator.now() + 1);
    return &thread;
}

void bind(Thread& thread) {
    last_handle = rondo_self();
    last = &thread;
    by_handle.set(last_handle, &thread);
}

void bind_handle(Thread& thread, pthread_t handle) { by_handle.set(handle, &thread); }

Thread* find_thread(pthread_t handle) { return by_handle.find(handle); }

uint32_t thread_count() { return count; }

Thread& thread_at(uint32_t index) { return *threads[index]; }

void acquire(const volatile void* object) {
    Thread* thread = detecting ? current() : nullptr;
    Clock* clock = thread != nullptr ? objects.find(reinterpret_cast<uint64_t>(object)) : nullptr;
    if (clock != nullptr) thread->clock.join(*clock);
}

void release(const volatile void* object) {
    Thread* thread = detecting ? current() : nullptr;
    if (thread == nullptr) return;
    auto key = reinterpret_cast<uint64_t>(object);
    Clock* clock = objects.find(key);
    if (clock == nullptr) {
        clock = allocate_array<Clock>(1);
        objects.set(key, clock);
    }
    clock->join(thread->clock);
    thread->clock.set(thread->index, thread->now() + 1);
}

void forget(const volatile void* object) {
    Clock* clock = detecting ? objects.find(reinterpret_cast<uint64_t>(object)) : nullptr;
    if (clock != nullptr) clock->forget();
}

}  // namespace rondo::race
