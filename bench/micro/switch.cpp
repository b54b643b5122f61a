// SPDX-License-Identifier: Apache-2.0
//
// Question: what does a switch cost above the bare change of stacks?
// Two Rondo threads yield to each other; main is parked in join, so every yield is one switch. The peer is a raw
// jump_fcontext round trip between two stacks, which is two switches. Both are given in ns a switch.
#include <boost/context/detail/fcontext.hpp>

#include "micro.h"

namespace {

namespace fcontext = boost::context::detail;

constexpr int kRepetitions = 15;
constexpr int kYields = 400000;

void* yield_loop(void*) {
    for (int i = 0; i < kYields; ++i) rondo_yield();
    return nullptr;
}

void run_rondo() {
    const rondo_t first = micro::spawn(yield_loop, nullptr);
    const rondo_t second = micro::spawn(yield_loop, nullptr);
    micro::join(first);
    micro::join(second);
}

void bounce(fcontext::transfer_t from) {
    for (;;) from = fcontext::jump_fcontext(from.fctx, nullptr);
}

class RawContext {
   public:
    RawContext() : stack_(kStack), other_(fcontext::make_fcontext(stack_.data() + kStack, kStack, bounce)) {}

    void round_trips(int count) {
        for (int i = 0; i < count; ++i) other_ = fcontext::jump_fcontext(other_, nullptr).fctx;
    }

   private:
    static constexpr size_t kStack = 65536;
    std::vector<char> stack_;
    fcontext::fcontext_t other_;
};

}  // namespace

int main() {
    micro::start_runtime();
    RawContext raw;
    micro::Samples rondo, jump;
    constexpr double kSwitches = 2.0 * kYields;
    for (int i = 0; i < kRepetitions; ++i) {
        rondo.measure(kSwitches, run_rondo);
        jump.measure(kSwitches, [&] { raw.round_trips(kYields); });
    }
    micro::print_pair("switch", "jump_fcontext", kSwitches, kRepetitions, rondo, jump);
}
