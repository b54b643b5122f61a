// SPDX-License-Identifier: Apache-2.0
//
// See backtrace.h. Frames below the first of the user's end where Rondo or libc called the thread's function. A parked
// thread may go on while it is read: its return addresses are then those of another moment, or none that lead anywhere.

#include "syscall_shim/tools/backtrace.h"

#include <elfutils/libdwfl.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "runtime/core/saved_context.h"

namespace rondo {

namespace {

constexpr size_t kSystemCallInstruction = 2;
constexpr uint64_t kPage = 4096;
constexpr size_t kPagesCopied = 2;

bool read_word(pid_t pid, uint64_t address, uint64_t& word) {
    iovec local{&word, sizeof word};
    iovec remote{reinterpret_cast<void*>(address), sizeof word};
    return process_vm_readv(pid, &local, 1, &remote, 1, 0) == sizeof word;
}

// A stretch of the stack as a copy, everything else as it is.
class ProcessMemory : public Memory {
   public:
    ProcessMemory(pid_t pid, uint64_t low, const char* copy, size_t length)
        : pid_(pid), low_(low), copy_(copy), length_(length) {}

    bool read(uint64_t address, uint64_t& word) override {
        uint64_t offset = address - low_;
        if (offset < length_ && length_ - offset >= sizeof word) {
            memcpy(&word, copy_ + offset, sizeof word);
            return true;
        }
        return read_word(pid_, address, word);
    }

   private:
    pid_t pid_;
    uint64_t low_;
    const char* copy_;
    size_t length_;
};

// From the address up, to the first page that cannot be read. A page at a time, as a read that meets an unmapped page
// gives only the elements before it.
ssize_t copy_pages(pid_t pid, uint64_t low, char (&copy)[kPagesCopied * kPage]) {
    iovec pages[kPagesCopied];
    uint64_t at = low;
    for (iovec& page : pages) {
        uint64_t next = (at / kPage + 1) * kPage;
        page = {reinterpret_cast<void*>(at), next - at};
        at = next;
    }
    iovec local{copy, sizeof copy};
    return process_vm_readv(pid, &local, 1, pages, kPagesCopied, 0);
}

Registers registers_of(const SavedContext& saved, uint64_t address) {
    Registers registers;
    const uint64_t from_r12[] = {saved.r12, saved.r13, saved.r14, saved.r15, saved.pc};
    for (unsigned i = 0; i < std::size(from_r12); ++i) {
        registers.set(kRegisterR12 + i, from_r12[i]);
    }
    registers.set(kRegisterRbx, saved.rbx);
    registers.set(kFramePointer, saved.rbp);
    registers.set(kStackPointer, address + sizeof saved);
    return registers;
}

Registers registers_of(const ThreadCapture& capture) {
    Registers registers;
    for (unsigned number = 0; number < kRegisters; ++number) {
        bool there = number == kStackPointer || number == kProgramCounter;
        if (capture.registers[number] != 0 || (capture.all_registers && !there)) {
            registers.set(number, capture.registers[number]);
        }
    }
    return registers;
}

bool in_system_header(const std::string& line) { return line.find(" at /usr/include/") != std::string::npos; }

// Of what is inlined at the site, innermost first, the first line of the program's own source.
const std::string& own_line(const std::vector<std::string>& lines) {
    auto own = std::find_if_not(lines.begin(), lines.end(), in_system_header);
    return own != lines.end() ? *own : lines.back();
}

}  // namespace

Process::Process(pid_t pid) : pid_(pid), dwfl_(open_process(pid)), walk_(dwfl_) {}

Process::~Process() { dwfl_end(dwfl_); }

const Place& Process::place(uint64_t address) {
    auto found = places_.find(address);
    return found != places_.end() ? found->second : places_.emplace(address, place_of(dwfl_, address)).first->second;
}

void Process::add_lines(const Place& place, Backtrace& backtrace, size_t& number) const {
    for (const std::string& line : place.lines) {
        backtrace.text += "  #" + std::to_string(number) + (number < 10 ? "  " : " ") + line + "\n";
        ++number;
    }
}

// Sites differ by the place of the call; those of a thread that runs, only by the function. How Rondo parks a thread is
// not shown.
Backtrace Process::describe(const std::vector<Frame>& frames, Doing doing) {
    Backtrace backtrace;
    size_t number = 0;
    for (const Frame& frame : frames) {
        bool waits_here = &frame == &frames.front() && doing == Doing::in_system_call;
        size_t back = waits_here ? kSystemCallInstruction : frame.exact ? 0 : 1;
        const Place& here = place(frame.pc - back);
        bool users = here.owner == Owner::user;
        if (!users && backtrace.site != 0) {
            break;
        }
        if (users && backtrace.site == 0) {
            backtrace.site = doing == Doing::running ? here.function : frame.pc;
        }
        if (users && (backtrace.place.empty() || in_system_header(backtrace.place))) {
            backtrace.place = own_line(here.lines);
        }
        if (doing != Doing::parked || here.owner != Owner::rondo) {
            add_lines(here, backtrace, number);
        }
    }
    backtrace.site = backtrace.site == 0 && !frames.empty() ? frames.front().pc : backtrace.site;
    return backtrace;
}

Backtrace Process::unwind(const ThreadCapture& capture) {
    ProcessMemory memory(pid_, capture.registers[kStackPointer], capture.stack.data(), capture.stack.size());
    return describe(walk_.walk(registers_of(capture), memory), capture.doing);
}

int Process::add_parked(uint64_t context) {
    char copy[kPagesCopied * kPage];
    ssize_t length = copy_pages(pid_, context, copy);
    SavedContext saved;
    if (length < static_cast<ssize_t>(sizeof saved)) {
        problem_ = length < 0 && errno != EFAULT ? errno : problem_;
        return -1;
    }
    memcpy(&saved, copy, sizeof saved);
    ProcessMemory memory(pid_, context, copy, static_cast<size_t>(length));
    std::vector<Frame> frames = walk_.walk(registers_of(saved, context), memory);
    std::vector<uint64_t> addresses;
    std::transform(frames.begin(), frames.end(), std::back_inserter(addresses),
                   [](const Frame& frame) { return frame.pc; });
    auto [found, is_new] = numbers_.emplace(std::move(addresses), static_cast<int>(stacks_.size()));
    if (is_new) {
        stacks_.push_back(describe(frames, Doing::parked));
    }
    return found->second;
}

}  // namespace rondo
