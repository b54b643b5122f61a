// SPDX-License-Identifier: Apache-2.0
//
// Classes of characters in HTTP and in URIs (RFC 9110 section 5.6.2, RFC 3986 appendix A), as one table of bits, and
// the search for a line's end.
#pragma once

#include <emmintrin.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace knot {

enum CharacterClass : uint8_t { kToken = 1, kPath = 2, kQuery = 4, kHost = 8, kDigit = 16, kHex = 32 };

constexpr std::array<uint8_t, 256> make_character_table() {
    std::array<uint8_t, 256> table{};
    auto add = [&table](std::string_view characters, int classes) {
        for (char c : characters) {
            table[static_cast<uint8_t>(c)] |= static_cast<uint8_t>(classes);
        }
    };
    add("0123456789", kToken | kPath | kQuery | kHost | kDigit | kHex);
    add("abcdefABCDEF", kHex);
    add("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", kToken | kPath | kQuery | kHost);
    add("!#$%&'*+-.^_`|~", kToken);
    add("-._~!$&'()*+,;=", kPath | kQuery | kHost);
    add(":@/", kPath | kQuery);
    add("?", kQuery);
    return table;
}

inline constexpr std::array<uint8_t, 256> kCharacters = make_character_table();

inline bool is(char c, CharacterClass wanted) { return (kCharacters[static_cast<uint8_t>(c)] & wanted) != 0; }

inline int hex_value(char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

// The first control character other than the tab, or end.
inline const char* find_control(const char* at, const char* end) {
    const __m128i highest = _mm_set1_epi8(0x1f), tab = _mm_set1_epi8('\t'), del = _mm_set1_epi8(0x7f);
    for (; end - at >= 16; at += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, highest), bytes);
        const __m128i bad = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), low), _mm_cmpeq_epi8(bytes, del));
        const int mask = _mm_movemask_epi8(bad);
        if (mask != 0) {
            return at + __builtin_ctz(static_cast<unsigned>(mask));
        }
    }
    while (at < end && ((static_cast<uint8_t>(*at) >= 0x20 && *at != 0x7f) || *at == '\t')) {
        ++at;
    }
    return at;
}

}  // namespace knot
