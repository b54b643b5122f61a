// SPDX-License-Identifier: Apache-2.0
//
// Keys and slots. A key's generation is odd while the key exists and even while it is free, as in glibc; creating and
// deleting each add one, so a stored value is current only while its generation equals the key's.

#include "runtime/core/fiber_local.h"

#include <cerrno>

#include "runtime/base/block_pool.h"
#include "runtime/base/real.h"
#include "runtime/core/worker.h"

namespace rondo {

namespace {

using Destructor = void (*)(void*);

struct Key {
    std::atomic<uint64_t> generation{0};
    std::atomic<Destructor> destructor{nullptr};
};

constinit Key keys[kMaxKeys];
constinit Spinlock keys_lock;

struct RestBlock {
    LocalSlot slots[kMaxKeys - LocalSlots::kInline];
};

constinit BlockPool<RestBlock, 1U << 20> rest_blocks;
constinit BlockPool<LocalSlots, 1U << 16> foreign_slots;

std::atomic<int> foreign_key{-1};  // libc's key for kernel threads that are no workers

bool exists(uint64_t generation) { return (generation & 1) != 0; }

void end_foreign_thread(void* slots) {
    auto* ended = static_cast<LocalSlots*>(slots);
    const real::Functions& libc = real::functions();
    libc.setspecific(static_cast<pthread_key_t>(foreign_key.load()), slots);  // destructors may use their keys
    ended->run_destructors();
    libc.setspecific(static_cast<pthread_key_t>(foreign_key.load()), nullptr);
    foreign_slots.give_back(ended);
}

int foreign_libc_key() {
    int key = foreign_key.load(std::memory_order_acquire);
    if (key >= 0) {
        return key;
    }
    pthread_key_t fresh;
    if (real::functions().key_create(&fresh, end_foreign_thread) != 0) {
        return -1;
    }
    if (foreign_key.compare_exchange_strong(key, static_cast<int>(fresh), std::memory_order_acq_rel)) {
        return static_cast<int>(fresh);
    }
    real::functions().key_delete(fresh);  // another thread was first
    return key;
}

LocalSlots* foreign_local_slots(bool create) {
    if (!create && foreign_key.load(std::memory_order_acquire) < 0) {
        return nullptr;
    }
    int key = foreign_libc_key();
    if (key < 0) {
        return nullptr;
    }
    const real::Functions& libc = real::functions();
    auto* slots = static_cast<LocalSlots*>(libc.getspecific(static_cast<pthread_key_t>(key)));
    if (slots == nullptr && create) {
        slots = foreign_slots.take();
        if (slots != nullptr && libc.setspecific(static_cast<pthread_key_t>(key), slots) != 0) {
            foreign_slots.give_back(slots);
            slots = nullptr;
        }
    }
    return slots;
}

}  // namespace

int create_key(unsigned& key, void (*destructor)(void*)) {
    SpinGuard hold(keys_lock);
    for (unsigned i = 0; i < kMaxKeys; ++i) {
        uint64_t generation = keys[i].generation.load(std::memory_order_relaxed);
        if (!exists(generation)) {
            keys[i].destructor.store(destructor, std::memory_order_relaxed);
            keys[i].generation.store(generation + 1, std::memory_order_release);
            key = i;
            return 0;
        }
    }
    return EAGAIN;
}

int delete_key(unsigned key) {
    SpinGuard hold(keys_lock);
    if (key >= kMaxKeys || !exists(keys[key].generation.load(std::memory_order_relaxed))) {
        return EINVAL;
    }
    keys[key].generation.fetch_add(1, std::memory_order_release);
    return 0;
}

LocalSlot* LocalSlots::find(unsigned key) {
    if (key < kInline) {
        return &inline_[key];
    }
    return rest_ != nullptr ? &rest_[key - kInline] : nullptr;
}

void* LocalSlots::get(unsigned key) const {
    if (key >= kMaxKeys) {
        return nullptr;
    }
    const LocalSlot* slot = const_cast<LocalSlots*>(this)->find(key);
    bool current = slot != nullptr && slot->generation == keys[key].generation.load(std::memory_order_acquire);
    return current ? const_cast<void*>(slot->value) : nullptr;
}

int LocalSlots::set(unsigned key, const void* value) {
    uint64_t generation = key < kMaxKeys ? keys[key].generation.load(std::memory_order_acquire) : 0;
    if (!exists(generation)) {
        return EINVAL;
    }
    if (key >= kInline && rest_ == nullptr) {
        if (value == nullptr) {
            return 0;
        }
        RestBlock* block = rest_blocks.take();
        if (block == nullptr) {
            return ENOMEM;
        }
        rest_ = block->slots;
    }
    *find(key) = {value, generation};
    any_set_ = true;
    return 0;
}

// One round over all slots; true if a destructor ran.
bool LocalSlots::destroy_round() {
    bool ran = false;
    unsigned end = rest_ != nullptr ? kMaxKeys : kInline;
    for (unsigned key = 0; key < end; ++key) {
        void* value = get(key);
        if (value == nullptr) {
            continue;
        }
        find(key)->value = nullptr;
        if (Destructor destructor = keys[key].destructor.load(std::memory_order_relaxed)) {
            destructor(value);
            ran = true;
        }
        end = rest_ != nullptr ? kMaxKeys : kInline;
    }
    return ran;
}

void LocalSlots::run_destructors() {
    if (!any_set_) {
        return;
    }
    for (int round = 0; round < kDestructorRounds && destroy_round(); ++round) {
    }
    if (rest_ != nullptr) {
        rest_blocks.give_back(reinterpret_cast<RestBlock*>(rest_));
        rest_ = nullptr;
    }
}

void LocalSlots::adopt_foreign() {
    LocalSlots* foreign = foreign_local_slots(false);
    if (foreign == nullptr) {
        return;
    }
    *this = *foreign;
    real::functions().setspecific(static_cast<pthread_key_t>(foreign_key.load()), nullptr);
    foreign_slots.give_back(foreign);
}

void visit_local_locks(void (*visit)(Spinlock&)) {
    visit(keys_lock);
    visit(rest_blocks.lock());
    visit(foreign_slots.lock());
}

LocalSlots* current_local_slots(bool create) {
    Fiber* fiber = calling_thread();
    return fiber != nullptr ? &fiber->rest->locals : foreign_local_slots(create);
}

}  // namespace rondo
