// SPDX-License-Identifier: Apache-2.0
//
// See stack_walk.h. A frame's rules say how its caller's registers are found: the canonical frame address (CFA) from a
// register, and each register in memory at an offset from it. Signal frames have expressions instead, which are
// evaluated here; what they cannot express ends the walk.

#include "syscall_shim/tools/stack_walk.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>

#include <cstdlib>

namespace rondo {

namespace {

constexpr size_t kMostFrames = 48;

struct Location {
    enum class Kind { unchanged, unknown, at_cfa, computed };
    Kind kind = Kind::unchanged;
    int64_t offset = 0;             // at_cfa
    std::vector<Dwarf_Op> program;  // computed: where it lies in memory, or, with DW_OP_stack_value, the value itself
};

// A stack machine for the operations that compilers and libc put into call frame information.
class Machine {
   public:
    Machine(const Registers& registers, Memory& memory, uint64_t cfa)
        : registers_(registers), memory_(memory), cfa_(cfa) {}

    // False: an operation or a register is not known, or memory cannot be read.
    bool run(const std::vector<Dwarf_Op>& program, uint64_t& result) {
        for (const Dwarf_Op& op : program) {
            if (!step(op)) {
                return false;
            }
        }
        return pop(result);
    }

    bool is_value() const { return value_; }

   private:
    bool pop(uint64_t& value) {
        if (stack_.empty()) {
            return false;
        }
        value = stack_.back();
        stack_.pop_back();
        return true;
    }

    bool push(uint64_t value) {
        stack_.push_back(value);
        return true;
    }

    bool push_register(uint64_t number, uint64_t offset) {
        return number < kRegisters && registers_.knows(static_cast<unsigned>(number)) &&
               push(registers_.values[number] + offset);
    }

    bool combine(unsigned operation) {
        uint64_t right = 0;
        uint64_t left = 0;
        if (!pop(right) || !pop(left)) {
            return false;
        }
        switch (operation) {
            case DW_OP_plus:
                return push(left + right);
            case DW_OP_and:
                return push(left & right);
            case DW_OP_ge:
                return push(static_cast<int64_t>(left) >= static_cast<int64_t>(right) ? 1 : 0);
            default:
                return push(left << (right & 63));
        }
    }

    bool step(const Dwarf_Op& op) {
        uint64_t value = 0;
        if (op.atom >= DW_OP_breg0 && op.atom <= DW_OP_breg31) {
            return push_register(op.atom - DW_OP_breg0, op.number);
        }
        if (op.atom >= DW_OP_reg0 && op.atom <= DW_OP_reg31) {
            return push_register(op.atom - DW_OP_reg0, 0);
        }
        if (op.atom >= DW_OP_lit0 && op.atom <= DW_OP_lit31) {
            return push(op.atom - DW_OP_lit0);
        }
        switch (op.atom) {
            case DW_OP_bregx:
                return push_register(op.number, op.number2);
            case DW_OP_regx:
                return push_register(op.number, 0);
            case DW_OP_call_frame_cfa:
                return push(cfa_);
            case DW_OP_plus_uconst:
                return pop(value) && push(value + op.number);
            case DW_OP_deref:
                return pop(value) && memory_.read(value, value) && push(value);
            case DW_OP_stack_value:
                value_ = true;
                return true;
            case DW_OP_plus:
            case DW_OP_and:
            case DW_OP_ge:
            case DW_OP_shl:
                return combine(op.atom);
            default:
                return false;
        }
    }

    const Registers& registers_;
    Memory& memory_;
    uint64_t cfa_;
    bool value_ = false;
    std::vector<uint64_t> stack_;
};

Location location_of(Dwarf_Frame* frame, unsigned number) {
    Dwarf_Op room[3];
    Dwarf_Op* ops = nullptr;
    size_t count = 0;
    Location location;
    if (dwarf_frame_register(frame, static_cast<int>(number), room, &ops, &count) != 0) {
        location.kind = Location::Kind::unknown;
    } else if (count == 0) {
        location.kind = ops == nullptr ? Location::Kind::unchanged : Location::Kind::unknown;
    } else if (count <= 2 && ops[0].atom == DW_OP_call_frame_cfa && (count == 1 || ops[1].atom == DW_OP_plus_uconst)) {
        location.kind = Location::Kind::at_cfa;
        location.offset = count == 1 ? 0 : static_cast<int64_t>(ops[1].number);
    } else {
        location.kind = Location::Kind::computed;
        location.program.assign(ops, ops + count);
    }
    return location;
}

}  // namespace

struct StackWalk::Rules {
    bool found = false;
    bool signal_frame = false;
    unsigned cfa_register = kRegisters;  // kRegisters: by cfa_program
    uint64_t cfa_offset = 0;
    std::vector<Dwarf_Op> cfa_program;
    Location locations[kRegisters];

    void read(Dwarf_Frame* frame);
    void read_cfa(const Dwarf_Op* ops, size_t count);
    bool cfa(const Registers& registers, Memory& memory, uint64_t& result) const;
    // The caller's registers; false: there is none that can be found.
    bool leave(Registers& registers, Memory& memory) const;
    void restore(unsigned number, const Registers& before, uint64_t cfa, Memory& memory, Registers& after) const;
};

void StackWalk::Rules::read_cfa(const Dwarf_Op* ops, size_t count) {
    bool simple = count == 1;
    if (simple && ops->atom >= DW_OP_breg0 && ops->atom <= DW_OP_breg31) {
        cfa_register = ops->atom - DW_OP_breg0;
        cfa_offset = ops->number;
    } else if (simple && (ops->atom == DW_OP_bregx || ops->atom == DW_OP_regx) && ops->number < kRegisters) {
        cfa_register = static_cast<unsigned>(ops->number);
        cfa_offset = ops->atom == DW_OP_bregx ? ops->number2 : 0;
    } else {
        cfa_program.assign(ops, ops + count);
    }
}

void StackWalk::Rules::read(Dwarf_Frame* frame) {
    Dwarf_Op* ops = nullptr;
    size_t count = 0;
    if (dwarf_frame_info(frame, nullptr, nullptr, &signal_frame) < 0 || dwarf_frame_cfa(frame, &ops, &count) != 0 ||
        count == 0) {
        return;
    }
    read_cfa(ops, count);
    for (unsigned number = 0; number < kRegisters; ++number) {
        locations[number] = location_of(frame, number);
    }
    found = true;
}

bool StackWalk::Rules::cfa(const Registers& registers, Memory& memory, uint64_t& result) const {
    if (cfa_register < kRegisters) {
        result = registers.values[cfa_register] + cfa_offset;
        return registers.knows(cfa_register);
    }
    return Machine(registers, memory, 0).run(cfa_program, result);
}

void StackWalk::Rules::restore(unsigned number, const Registers& before, uint64_t cfa, Memory& memory,
                               Registers& after) const {
    const Location& location = locations[number];
    uint64_t value = 0;
    switch (location.kind) {
        case Location::Kind::unchanged:
            if (before.knows(number)) {
                after.set(number, before.values[number]);
            }
            return;
        case Location::Kind::unknown:
            return;
        case Location::Kind::at_cfa:
            if (memory.read(cfa + static_cast<uint64_t>(location.offset), value)) {
                after.set(number, value);
            }
            return;
        case Location::Kind::computed:
            Machine machine(before, memory, cfa);
            if (machine.run(location.program, value) && (machine.is_value() || memory.read(value, value))) {
                after.set(number, value);
            }
    }
}

bool StackWalk::Rules::leave(Registers& registers, Memory& memory) const {
    uint64_t frame_address = 0;
    if (!found || !cfa(registers, memory, frame_address)) {
        return false;
    }
    Registers caller;
    for (unsigned number = 0; number < kRegisters; ++number) {
        restore(number, registers, frame_address, memory, caller);
    }
    if (locations[kStackPointer].kind == Location::Kind::unchanged) {
        caller.set(kStackPointer, frame_address);
    }
    bool upwards = caller.values[kStackPointer] > registers.values[kStackPointer] || signal_frame;
    bool goes_on = caller.knows(kProgramCounter) && caller.values[kProgramCounter] != 0 && upwards &&
                   locations[kProgramCounter].kind != Location::Kind::unchanged;
    registers = caller;
    return goes_on;
}

StackWalk::StackWalk(Dwfl* dwfl) : dwfl_(dwfl) {}

StackWalk::~StackWalk() = default;

const StackWalk::Rules& StackWalk::rules_for(uint64_t address) {
    std::unique_ptr<Rules>& rules = rules_[address];
    if (rules != nullptr) {
        return *rules;
    }
    rules = std::make_unique<Rules>();
    Dwarf_Addr bias = 0;
    Dwfl_Module* module = dwfl_addrmodule(dwfl_, address);
    using Source = Dwarf_CFI* (*)(Dwfl_Module*, Dwarf_Addr*);
    for (Source source : {Source{dwfl_module_eh_cfi}, Source{dwfl_module_dwarf_cfi}}) {
        Dwarf_CFI* cfi = module != nullptr && !rules->found ? source(module, &bias) : nullptr;
        Dwarf_Frame* frame = nullptr;
        if (cfi != nullptr && dwarf_cfi_addrframe(cfi, address - bias, &frame) == 0) {
            rules->read(frame);
            free(frame);
        }
    }
    return *rules;
}

std::vector<Frame> StackWalk::walk(Registers registers, Memory& memory) {
    std::vector<Frame> frames;
    bool exact = true;
    bool goes_on = registers.knows(kProgramCounter);
    while (goes_on && frames.size() < kMostFrames) {
        uint64_t pc = registers.values[kProgramCounter];
        frames.push_back({pc, exact});
        const Rules& rules = rules_for(exact ? pc : pc - 1);
        exact = rules.signal_frame;
        goes_on = rules.leave(registers, memory);
    }
    return frames;
}

}  // namespace rondo
