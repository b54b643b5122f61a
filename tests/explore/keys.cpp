// SPDX-License-Identifier: Apache-2.0
//
// Keys: a thread's values are its own and null at first, and each value's destructor runs once, however the thread ends
// and whatever the destructor itself does: wait, or set the value again.
#include "scenarios.h"

namespace rondo::explore {

namespace {

struct Value {
    rondo_key_t key;
    int* destroyed;
    int again = 0;  // how many times its destructor sets it anew
};

void destroy_value(void* pointer) {
    auto* value = static_cast<Value*>(pointer);
    expect(rondo_getspecific(value->key) == nullptr, "a value is null while its destructor runs");
    if (value->again > 0) {
        --value->again;
        rondo_setspecific(value->key, value);
        return;
    }
    rondo_yield();
    ++*value->destroyed;
    delete value;
}

}  // namespace

void key_destructors(Random& random) {
    rondo_key_t keys[2];
    for (rondo_key_t& key : keys) expect_equal(rondo_key_create(&key, destroy_value), 0, "key_create");
    int set = 0, destroyed = 0;
    {
        Crew crew;
        const size_t count = 1 + static_cast<size_t>(random.below(3));
        for (size_t i = 0; i < count; ++i) {
            crew.add([&, own = random.split()]() mutable {
                for (rondo_key_t key : keys) {
                    expect(rondo_getspecific(key) == nullptr, "a new thread's value is null");
                    if (own.one_in(3)) continue;
                    ++set;
                    auto* value = new Value{key, &destroyed, own.below(3)};
                    rondo_setspecific(key, value);
                    pause(own);
                    expect(rondo_getspecific(key) == value, "a key's value is the thread's own");
                }
                if (own.one_in(4)) rondo_exit(RONDO_CANCELED);
            });
        }
        for (size_t i = 0; i < count; ++i) {
            if (random.one_in(4)) crew.cancel(i);
        }
    }
    expect_equal(destroyed, set, "key destructors run");
    for (rondo_key_t key : keys) expect_equal(rondo_key_delete(key), 0, "key_delete");
}

}  // namespace rondo::explore
