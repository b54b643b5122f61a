// SPDX-License-Identifier: Apache-2.0
//
// RONDO_ASAN and RONDO_TSAN are defined in builds with that sanitizer, by gcc's and by clang's way of telling.
//
// RONDO_IN_HANDLER marks a function that our signal handlers call whatever they interrupted, the thread sanitizer's own
// code included: that is not reentrant, so the function is not instrumented, and calls only what is not either or is
// inlined for certain.
//
// RONDO_LOOKS_WITHOUT_LOCK marks a function that reads for a report, or to be confirmed by a second look, what another
// kernel thread may be writing: aligned words, so that what it sees is at most old.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define RONDO_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define RONDO_TSAN 1
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(RONDO_ASAN)
#define RONDO_ASAN 1
#endif
#if __has_feature(thread_sanitizer) && !defined(RONDO_TSAN)
#define RONDO_TSAN 1
#endif
#endif

#if defined(RONDO_TSAN)
#define RONDO_IN_HANDLER __attribute__((no_sanitize("thread")))
#define RONDO_LOOKS_WITHOUT_LOCK __attribute__((no_sanitize("thread")))
#else
#define RONDO_IN_HANDLER
#define RONDO_LOOKS_WITHOUT_LOCK
#endif
