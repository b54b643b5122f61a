// SPDX-License-Identifier: Apache-2.0
//
// Calls a once routine with a cleanup that runs also when the stack is unwound through it, by a cancellation or by a
// C++ exception. C compiled with -fexceptions, because the same in C++ would tie the runtime to libstdc++.

struct guard {
    void* run;
    void (*settle)(void*, int);
    int completed;
};

static void end_call(struct guard* guard) { guard->settle(guard->run, guard->completed); }

void rondo_internal_guarded_once(void* run, void (*routine)(void), void (*settle)(void*, int));

void rondo_internal_guarded_once(void* run, void (*routine)(void), void (*settle)(void*, int)) {
    struct guard guard __attribute__((cleanup(end_call))) = {run, settle, 0};
    routine();
    guard.completed = 1;
}
