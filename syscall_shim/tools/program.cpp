// SPDX-License-Identifier: Apache-2.0
//
// find: PATH search. script: the #! line. judge: the reasons why a preloaded library would be ignored by the kernel
// (set-id, capabilities), by the loader (static, musl, other machines), or of no use (Go makes its own system calls).

#include "syscall_shim/tools/program.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace rondo {

namespace {

using std::string;
using std::string_view;

constexpr int kScriptLevels = 5;
constexpr size_t kScriptLine = 255;  // what the kernel reads of a #! line
constexpr string_view kBlanks = " \t";

void refuse(Program& program, int status, string problem) {
    program.status = status;
    program.problem = std::move(problem);
}

string base_name(const string& path) { return path.substr(path.rfind('/') + 1); }

// 0, or the errno with which exec would fail.
int why_not_executable(const string& path) {
    struct stat status;
    if (stat(path.c_str(), &status) != 0) {
        return errno;
    }
    if (S_ISDIR(status.st_mode)) {
        return EISDIR;
    }
    bool executable = S_ISREG(status.st_mode) && faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0;
    return executable ? 0 : EACCES;
}

int search_path(const string& name, string& found) {
    const char* list = getenv("PATH");
    string_view rest = list != nullptr ? list : "/bin:/usr/bin";
    int error = ENOENT;
    for (bool more = true; more;) {
        size_t colon = rest.find(':');
        string directory(rest.substr(0, colon));
        more = colon != string_view::npos;
        rest.remove_prefix(more ? colon + 1 : rest.size());
        string candidate = (directory.empty() ? "." : directory) + "/" + name;
        int reason = why_not_executable(candidate);
        if (reason == 0) {
            found = candidate;
            return 0;
        }
        error = reason == EACCES ? EACCES : error;
    }
    return error;
}

// Empty if it cannot be run; then program says why.
string find(Program& program, const string& subject, const string& name) {
    string found = name;
    int error = name.empty()                     ? ENOENT
                : name.find('/') == string::npos ? search_path(name, found)
                                                 : why_not_executable(name);
    switch (error) {
        case 0:
            return found;
        case ENOENT:
        case ENOTDIR:
            refuse(program, kNotFound, subject + ": not found");
            return {};
        case EACCES:
            refuse(program, kCannotRun, subject + ": not executable");
            return {};
        default:
            refuse(program, kCannotRun, subject + ": " + strerror(error));
            return {};
    }
}

string next_word(string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    size_t end = std::min(text.find_first_of(kBlanks), text.size());
    string word(text.substr(0, end));
    text.remove_prefix(end);
    return word;
}

// What `env ARGUMENT` would run. Without -S env takes all of the argument for one word.
string env_target(string_view argument) {
    constexpr string_view kSplit[] = {"--split-string=", "--split-string", "-S"};
    bool split = false;
    for (string_view option : kSplit) {
        if (!split && argument.starts_with(option)) {
            split = true;
            argument.remove_prefix(option.size());
        }
    }
    if (!split) {
        return string(argument);
    }
    for (;;) {
        string word = next_word(argument);
        if (word == "-u" || word == "-C") {
            next_word(argument);
        } else if (word.empty() || (word[0] != '-' && word.find('=') == string::npos)) {
            return word;
        }
    }
}

// The program named by a #! line; empty if there is none.
string script_interpreter(string_view file) {
    string_view line = file.substr(2, kScriptLine - 2);
    line = line.substr(0, line.find('\n'));
    string interpreter = next_word(line);
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
    if (base_name(interpreter) == "env" && !line.empty()) {
        return env_target(line);
    }
    return interpreter;
}

string machine_name(const ElfFacts& facts) {
    switch (facts.machine) {
        case EM_AARCH64:
            return "AArch64";
        case EM_ARM:
            return "ARM";
        case EM_RISCV:
            return "RISC-V";
        case EM_PPC64:
            return "PowerPC";
        case EM_S390:
            return "S/390";
        default:
            return "machine number " + std::to_string(facts.machine);
    }
}

// Why the kernel would drop LD_PRELOAD; empty if it would not.
string privilege(int fd) {
    struct stat status;
    if (fstat(fd, &status) == 0 && (status.st_mode & (S_ISUID | S_ISGID)) != 0) {
        return (status.st_mode & S_ISUID) != 0 ? "is setuid" : "is setgid";
    }
    return fgetxattr(fd, "security.capability", nullptr, 0) > 0 ? "has file capabilities" : "";
}

string why_not_preloadable(const ElfFacts& facts) {
    string loader = base_name(facts.interpreter);
    bool x86_64 = facts.machine == EM_X86_64 || facts.machine == EM_386;
    if (!facts.damage.empty()) {
        return "is a damaged program file: " + facts.damage;
    }
    if (!x86_64) {
        return "is for another architecture (" + machine_name(facts) + "); Rondo runs x86-64 programs";
    }
    if (facts.word_class != ELFCLASS64) {
        return "is a 32-bit program; Rondo runs 64-bit programs";
    }
    if (facts.type != ET_EXEC && facts.type != ET_DYN) {
        return "is an ELF file but not a program";
    }
    if (facts.go) {
        return "is a Go program; Go brings threads and system calls of its own, which Rondo cannot reach";
    }
    if (loader.empty() && facts.type == ET_DYN && !facts.position_independent_program) {
        return "is a shared library, not a program";
    }
    if (loader.empty()) {
        return "is statically linked; Rondo needs a dynamically linked program";
    }
    if (loader.starts_with("ld-musl")) {
        return "is linked with musl (" + loader + "); Rondo needs glibc";
    }
    if (loader != "ld-linux-x86-64.so.2") {
        return "has the loader " + loader + "; Rondo needs glibc's, ld-linux-x86-64.so.2";
    }
    return {};
}

void judge_elf(Program& program, const string& subject, int fd) {
    string privileged = privilege(fd);
    if (!privileged.empty()) {
        return refuse(program, kCannotRun,
                      subject + " " + privileged + "; the kernel lets nothing be preloaded into it");
    }
    string reason = why_not_preloadable(program.facts);
    if (!reason.empty()) {
        return refuse(program, kCannotRun, subject + " " + reason);
    }
    if (access(program.facts.interpreter.c_str(), F_OK) != 0) {
        refuse(program, kNotFound, subject + ": its loader " + program.facts.interpreter + " is not found");
    }
}

void inspect(Program& program, const string& subject, const string& name, int levels);

void judge_script(Program& program, const string& subject, string_view content, int levels) {
    string interpreter = script_interpreter(content);
    if (interpreter.empty()) {
        refuse(program, kCannotRun, subject + ": its #! line names no program");
    } else if (levels == 0) {
        refuse(program, kCannotRun, subject + ": too many levels of #! scripts");
    } else {
        inspect(program, program.path + ": its interpreter " + interpreter, interpreter, levels - 1);
    }
}

void judge(Program& program, const string& subject, int fd, int levels) {
    MappedFile file(fd);
    if (file.error() != 0) {
        return refuse(program, kCannotRun, subject + ": cannot be read: " + strerror(file.error()));
    }
    string_view content(file.bytes(), file.size());
    if (content.starts_with("#!")) {
        return judge_script(program, subject, content, levels);
    }
    program.facts = read_elf(content.data(), content.size());
    if (!program.facts.is_elf) {
        return refuse(program, kCannotRun, subject + " is neither an ELF program nor a #! script");
    }
    judge_elf(program, subject, fd);
}

void inspect(Program& program, const string& subject, const string& name, int levels) {
    string path = find(program, subject, name);
    if (path.empty()) {
        return;
    }
    int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return refuse(program, kCannotRun, subject + ": cannot be read: " + strerror(errno));
    }
    program.path = program.path.empty() ? path : program.path;
    program.binary = path;
    judge(program, subject, fd, levels);
    close(fd);
}

}  // namespace

Program inspect_program(const string& name) {
    Program program;
    inspect(program, name.empty() ? "''" : name, name, kScriptLevels);
    return program;
}

}  // namespace rondo
