// SPDX-License-Identifier: Apache-2.0
// How this library stands before the shim's functions, as the shim does before libc's: it is preloaded first.
//
// RONDO_LOCKING(name, parameters, arguments, object) wraps a call that returns 0 when it has the object: what the last
// holder did happened before what follows. RONDO_RELEASING wraps one that gives it away.
#ifndef RONDO_RACE_WRAPPERS_H
#define RONDO_RACE_WRAPPERS_H

#include "../real.h"
#include "access.h"

#define RONDO_LOCKING(name, parameters, arguments, object) \
    RONDO_REAL(name);                                      \
    RONDO_EXPORT(int, name, parameters) {                  \
        int result = real_##name arguments;                \
        if (result == 0) acquire(object);                  \
        return result;                                     \
    }

#define RONDO_RELEASING(name, parameters, arguments, object) \
    RONDO_REAL(name);                                        \
    RONDO_EXPORT(int, name, parameters) {                    \
        release(object);                                     \
        return real_##name arguments;                        \
    }

// For calls that end the object's old life, or begin a new one.
#define RONDO_FORGETTING(name, parameters, arguments, object) \
    RONDO_REAL(name);                                         \
    RONDO_EXPORT(int, name, parameters) {                     \
        forget(object);                                       \
        return real_##name arguments;                         \
    }

#endif
