// SPDX-License-Identifier: Apache-2.0
// How this library defines a symbol that libc's headers declare.
//
// RONDO_EXPORT(int, read, (int fd, ...)) { ... } defines the dynamic symbol `read` by a C++ function of another name,
// so that the attributes of libc's declaration do not reach it: a noexcept (__THROW) would stop the unwinding of an
// exit or a cancellation, and the fortified and *64 redirections would rename it. The signature is still held to
// libc's at compile time. RONDO_EXPORT_UNDECLARED is for symbols that no header declares under their own name, and
// RONDO_ALIAS gives one definition a second name, as libc does.
//
// Rejected: defining `read` itself. It must repeat every attribute of every libc version, and a call by name inside
// this library, which would call ourselves, would go unseen.
#ifndef RONDO_SHIM_EXPORT_H
#define RONDO_SHIM_EXPORT_H

#include <type_traits>

// The types of libc's functions carry the attributes that a definition here is meant to be rid of.
#pragma GCC diagnostic ignored "-Wignored-attributes"

namespace rondo::shim {

template <typename F>
struct Signature {
    using Type = F;
};
template <typename R, typename... A>
struct Signature<R(A...) noexcept> {
    using Type = R(A...);
};
template <typename R, typename... A>
struct Signature<R(A..., ...) noexcept> {
    using Type = R(A..., ...);
};

}  // namespace rondo::shim

#define RONDO_EXPORT_UNDECLARED(result, name, parameters)                                                 \
    extern "C" __attribute__((visibility("default"))) result rondo_shim_##name parameters __asm__(#name); \
    extern "C" result rondo_shim_##name parameters

#define RONDO_EXPORT(result, name, parameters)                                                            \
    extern "C" __attribute__((visibility("default"))) result rondo_shim_##name parameters __asm__(#name); \
    static_assert(std::is_convertible_v<decltype(::name)*, decltype(rondo_shim_##name)*>,                 \
                  #name " must have the signature of libc's");                                            \
    extern "C" result rondo_shim_##name parameters

#define RONDO_ALIAS(name, target)                    \
    extern "C" __attribute__((visibility("default"), \
                              alias(#target))) decltype(rondo_shim_##target) rondo_shim_##name __asm__(#name)

#endif
