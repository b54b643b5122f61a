// SPDX-License-Identifier: Apache-2.0
//
// A descriptor table of its own for a kernel thread of the runtime's. In the program's, its descriptors would take
// numbers that the program expects for itself, be refused when that is full, be closed by a program that closes all,
// and live on in forked children. stderr is borrowed from the program for each message, since keeping it open would
// keep a pipe alive that the program closes. Used on that kernel thread alone.
#pragma once

#include <string_view>

namespace rondo {

class OwnDescriptors {
   public:
    // False: the system refuses, and the program's table stays the thread's. With `speaks`, also where stderr cannot be
    // borrowed; finding that out takes a number of the program's for a moment, so the program must not run meanwhile.
    bool take(bool speaks);

    // Writes to the program's stderr, as far as that is possible.
    void say(std::string_view text) const;

   private:
    static int borrow_stderr();

    bool own_ = false;
};

}  // namespace rondo
