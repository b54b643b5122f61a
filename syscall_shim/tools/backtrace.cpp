// SPDX-License-Identifier: Apache-2.0
//
// See backtrace.h. The thread is not touched here: its stack is read from the copy, everything else from the process's
// memory. Frames below the first of the user's end where Rondo or libc called the thread's function.

#include "syscall_shim/tools/backtrace.h"

#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace rondo {

namespace {

constexpr size_t kMostFrames = 48;
constexpr size_t kSystemCallInstruction = 2;

struct Frame {
    Dwarf_Addr pc;
    bool exact;  // the instruction itself; else the address that a call returns to
};

struct Unwinding {
    pid_t pid;
    pid_t tid;
    const ThreadCapture& capture;
    std::vector<Frame> frames;
};

pid_t next_thread(Dwfl*, void* argument, void** thread_argument) {
    bool first = *thread_argument == nullptr;
    *thread_argument = argument;
    return first ? static_cast<Unwinding*>(argument)->tid : 0;
}

bool read_memory(Dwfl*, Dwarf_Addr address, Dwarf_Word* result, void* argument) {
    const auto& unwinding = *static_cast<Unwinding*>(argument);
    const std::vector<char>& stack = unwinding.capture.stack;
    uint64_t offset = address - unwinding.capture.registers[kStackPointer];
    if (offset < stack.size() && stack.size() - offset >= sizeof *result) {
        memcpy(result, stack.data() + offset, sizeof *result);
        return true;
    }
    iovec local{result, sizeof *result};
    iovec remote{reinterpret_cast<void*>(address), sizeof *result};
    return process_vm_readv(unwinding.pid, &local, 1, &remote, 1, 0) == sizeof *result;
}

bool set_registers(Dwfl_Thread* thread, void* argument) {
    const ThreadCapture& capture = static_cast<Unwinding*>(argument)->capture;
    static_assert(sizeof(Dwarf_Word) == sizeof capture.registers[0]);
    const Dwarf_Word* registers = capture.registers;
    if (capture.all_registers) {
        return dwfl_thread_state_registers(thread, 0, kRegisters, registers);
    }
    return dwfl_thread_state_registers(thread, kStackPointer, 1, registers + kStackPointer) &&
           dwfl_thread_state_registers(thread, kProgramCounter, 1, registers + kProgramCounter);
}

constexpr Dwfl_Thread_Callbacks kThreadCallbacks = {next_thread, nullptr, read_memory, set_registers, nullptr, nullptr};

int keep_frame(Dwfl_Frame* state, void* argument) {
    auto& frames = static_cast<Unwinding*>(argument)->frames;
    Frame frame{};
    if (!dwfl_frame_pc(state, &frame.pc, &frame.exact)) {
        return DWARF_CB_ABORT;
    }
    frames.push_back(frame);
    return frames.size() < kMostFrames ? DWARF_CB_OK : DWARF_CB_ABORT;
}

enum class Owner { user, rondo, libc };

std::string_view base_name(const char* path) {
    std::string_view text = path;
    return text.substr(text.rfind('/') + 1);
}

Owner owner_of(const char* module) {
    std::string_view name = base_name(module);
    if (name.starts_with("librondo")) {
        return Owner::rondo;
    }
    constexpr std::string_view kLibc[] = {"libc.so", "libc-",   "libpthread", "ld-linux",
                                          "[vdso",   "libasan", "libtsan",    "libubsan"};
    bool libc = std::any_of(std::begin(kLibc), std::end(kLibc), [&](auto prefix) { return name.starts_with(prefix); });
    return libc ? Owner::libc : Owner::user;
}

std::string readable(const char* symbol) {
    int status = 0;
    char* name = abi::__cxa_demangle(symbol, nullptr, nullptr, &status);
    std::string text = status == 0 ? name : symbol;
    free(name);
    return text;
}

std::string hex(uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "0x%lx", value);
    return text;
}

std::string at_line(const char* file, int line) {
    return file == nullptr ? std::string() : std::string(" at ") + file + ":" + std::to_string(line);
}

int number_attribute(Dwarf_Die* die, unsigned name) {
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;
    bool found = dwarf_formudata(dwarf_attr(die, name, &attribute), &value) == 0;
    return found ? static_cast<int>(value) : 0;
}

// Where the inlined function was called from.
std::string call_place(Dwarf_Die* unit, Dwarf_Die* inlined) {
    Dwarf_Files* files = nullptr;
    size_t count = 0;
    auto index = static_cast<size_t>(number_attribute(inlined, DW_AT_call_file));
    bool known = dwarf_getsrcfiles(unit, &files, &count) == 0 && index < count;
    return at_line(known ? dwarf_filesrc(files, index, nullptr, nullptr) : nullptr,
                   number_attribute(inlined, DW_AT_call_line));
}

// Code at one address: the functions inlined there, innermost first, and the one that holds them.
struct Place {
    Owner owner = Owner::user;
    Dwarf_Addr function = 0;  // its first instruction, or the address itself
    std::vector<std::string> lines;
};

// The compilation unit of an address; null without debug information. gcc writes an index of addresses, clang does not.
Dwarf_Die* unit_of(Dwfl_Module* module, Dwarf_Addr address, Dwarf_Addr& bias) {
    Dwarf_Die* unit = dwfl_module_addrdie(module, address, &bias);
    bool found = unit != nullptr;
    while (!found && (unit = dwfl_module_nextcu(module, unit, &bias)) != nullptr) {
        found = dwarf_haspc(unit, address - bias) == 1;
    }
    return unit;
}

// Where an address of the unit (as the unit counts) comes from, or nothing.
std::string source_line(Dwarf_Die* unit, Dwarf_Addr address) {
    int number = 0;
    Dwarf_Line* line = unit != nullptr ? dwarf_getsrc_die(unit, address) : nullptr;
    bool known = line != nullptr && dwarf_lineno(line, &number) == 0;
    return at_line(known ? dwarf_linesrc(line, nullptr, nullptr) : nullptr, number);
}

// Puts the inlined functions into place.lines. Returns where in the function that holds them.
std::string add_inlined(Dwfl_Module* module, Dwarf_Addr address, Place& place) {
    Dwarf_Addr bias = 0;
    Dwarf_Die* unit = unit_of(module, address, bias);
    std::string line = source_line(unit, address - bias);
    Dwarf_Die* innermost = nullptr;
    Dwarf_Die* scopes = nullptr;
    bool found = unit != nullptr && dwarf_getscopes(unit, address - bias, &innermost) > 0;
    int count = found ? dwarf_getscopes_die(innermost, &scopes) : 0;  // getscopes itself goes on at the definition
    for (int i = 0; i < count && dwarf_tag(&scopes[i]) != DW_TAG_subprogram; ++i) {
        const char* name = dwarf_tag(&scopes[i]) == DW_TAG_inlined_subroutine ? dwarf_diename(&scopes[i]) : nullptr;
        if (name != nullptr) {
            place.lines.push_back(name + line);
            line = call_place(unit, &scopes[i]);
        }
    }
    free(innermost);
    free(scopes);
    return line;
}

// Each line: "function at file:line", "function in module", or "module+offset".
Place place_of(Dwfl* dwfl, Dwarf_Addr address) {
    Dwfl_Module* module = dwfl_addrmodule(dwfl, address);
    if (module == nullptr) {
        return {Owner::user, address, {hex(address)}};
    }
    Dwarf_Addr start = 0;
    const char* path = dwfl_module_info(module, nullptr, &start, nullptr, nullptr, nullptr, nullptr, nullptr);
    Place place{owner_of(path), address, {}};
    std::string line = add_inlined(module, address, place);
    std::string module_name(base_name(path));
    GElf_Off offset = 0;
    GElf_Sym symbol;
    const char* name = dwfl_module_addrinfo(module, address, &offset, &symbol, nullptr, nullptr, nullptr);
    if (name == nullptr) {
        place.lines.push_back(module_name + "+" + hex(address - start));
        return place;
    }
    place.function = address - offset;
    place.lines.push_back(readable(name) + (line.empty() ? " in " + module_name : line));
    return place;
}

// Sites differ by the place of the call; those of a thread that runs, only by the function.
Backtrace describe(Dwfl* dwfl, const std::vector<Frame>& frames, Doing doing) {
    Backtrace backtrace;
    size_t number = 0;
    for (const Frame& frame : frames) {
        bool waits_here = &frame == &frames.front() && doing == Doing::in_system_call;
        size_t back = waits_here ? kSystemCallInstruction : frame.exact ? 0 : 1;
        Place place = place_of(dwfl, frame.pc - back);
        bool users = place.owner == Owner::user;
        if (!users && backtrace.site != 0) {
            break;
        }
        if (users && backtrace.site == 0) {
            backtrace.site = doing == Doing::running ? place.function : frame.pc;
        }
        for (const std::string& line : place.lines) {
            backtrace.text += "  #" + std::to_string(number) + (number < 10 ? "  " : " ") + line + "\n";
            ++number;
        }
    }
    backtrace.site = backtrace.site == 0 && !frames.empty() ? frames.front().pc : backtrace.site;
    return backtrace;
}

Dwfl* open_process(pid_t pid) {
    static constexpr Dwfl_Callbacks kCallbacks = {dwfl_linux_proc_find_elf, dwfl_standard_find_debuginfo, nullptr,
                                                  nullptr};
    Dwfl* dwfl = dwfl_begin(&kCallbacks);
    if (dwfl != nullptr && (dwfl_linux_proc_report(dwfl, pid) != 0 || dwfl_report_end(dwfl, nullptr, nullptr) != 0)) {
        dwfl_end(dwfl);
        return nullptr;
    }
    return dwfl;
}

}  // namespace

Process::Process(pid_t pid) : pid_(pid), dwfl_(open_process(pid)) {}

Process::~Process() { dwfl_end(dwfl_); }

Backtrace Process::unwind(pid_t tid, const ThreadCapture& capture) const {
    Unwinding unwinding{pid_, tid, capture, {}};
    if (capture.registers[kProgramCounter] == 0) {
        return {};
    }
    if (dwfl_attach_state(dwfl_, nullptr, pid_, &kThreadCallbacks, &unwinding)) {
        dwfl_getthread_frames(dwfl_, tid, keep_frame, &unwinding);
    }
    if (unwinding.frames.empty()) {
        unwinding.frames.push_back({capture.registers[kProgramCounter], true});
    }
    return describe(dwfl_, unwinding.frames, capture.doing);
}

}  // namespace rondo
