// SPDX-License-Identifier: Apache-2.0
//
// RONDO_ASAN and RONDO_TSAN are defined in builds with that sanitizer, by gcc's and by clang's way of telling.
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
