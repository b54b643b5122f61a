// SPDX-License-Identifier: Apache-2.0
//
// Reads JSON as it comes, without a tree: 100,000 threads of ten members would be a million nodes. Every call takes one
// value off the front and returns false when something else stands there; after that nothing more can be read. Numbers
// are non-negative integers, since the inspector sends no others.
//
// Rejected: a JSON library, for one sender whose answers have no surprises.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rondo {

class JsonReader {
   public:
    explicit JsonReader(std::string_view text) : text_(text) {}

    // member(key) takes the value that stands behind the key.
    template <typename Member>
    bool object(Member member) {
        return list('{', '}', [&] {
            std::string key;
            return string(key) && take(':') && member(key);
        });
    }

    template <typename Element>
    bool array(Element element) {
        return list('[', ']', element);
    }

    bool string(std::string& value);
    bool number(uint64_t& value);
    // A string that holds a hexadecimal number.
    bool address(uint64_t& value);
    bool flag(bool& value);
    // Whatever stands there.
    bool skip();

    char next();
    bool at_end() { return next() == '\0'; }

   private:
    template <typename Item>
    bool list(char open, char close, Item item) {
        if (!take(open)) {
            return false;
        }
        for (bool first = true; !take(close); first = false) {
            if ((!first && !take(',')) || !item()) {
                return false;
            }
        }
        return true;
    }

    bool take(char wanted);
    bool take(std::string_view word);

    std::string_view text_;
};

}  // namespace rondo
