// SPDX-License-Identifier: Apache-2.0
//
// See call_sites.h; unwind_main.cpp describes what goes over the pipes. All is written before anything is read:
// rondo-unwind answers when it has read the last line. Its environment is empty, for LD_PRELOAD may hold the shim.

#include "syscall_shim/tools/call_sites.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <sstream>

#include "syscall_shim/tools/inspect_client.h"

namespace rondo {

namespace {

constexpr char kCaptured[] = "captured";

std::string tool_path() {
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self);
    std::string own(self, length > 0 ? static_cast<size_t>(length) : 0);
    return own.substr(0, own.rfind('/') + 1) + "rondo-unwind";
}

void write_all(int fd, const std::string& text) {
    size_t done = 0;
    while (done < text.size()) {
        ssize_t count = write(fd, text.data() + done, text.size() - done);
        if (count <= 0 && errno != EINTR) {
            return;
        }
        done += count > 0 ? static_cast<size_t>(count) : 0;
    }
}

std::string read_all(int fd) {
    std::string text;
    char buffer[1 << 16];
    ssize_t count = 0;
    while ((count = read(fd, buffer, sizeof buffer)) > 0 || (count < 0 && errno == EINTR)) {
        text.append(buffer, count > 0 ? static_cast<size_t>(count) : 0);
    }
    return text;
}

// What the tool says to the request; empty: it cannot be run.
std::string run_tool(const std::string& path, const std::string& request) {
    int to_tool[2];
    int from_tool[2];
    if (pipe2(to_tool, O_CLOEXEC) != 0 || pipe2(from_tool, O_CLOEXEC) != 0) {
        return {};
    }
    pid_t tool = fork();
    if (tool == 0) {
        dup2(to_tool[0], STDIN_FILENO);
        dup2(from_tool[1], STDOUT_FILENO);
        char* arguments[] = {const_cast<char*>(path.c_str()), nullptr};
        char* environment[] = {nullptr};
        execve(path.c_str(), arguments, environment);
        _exit(127);
    }
    close(to_tool[0]);
    close(from_tool[1]);
    // The tool may end early; whoever reads our own output may too, and that is to end us.
    auto before = signal(SIGPIPE, SIG_IGN);
    write_all(to_tool[1], request);
    signal(SIGPIPE, before);
    close(to_tool[1]);
    std::string text = read_all(from_tool[0]);
    close(from_tool[0]);
    if (tool > 0) {
        waitpid(tool, nullptr, 0);
    }
    return text;
}

std::string hex(uint64_t value) {
    std::ostringstream text;
    text << std::hex << value;
    return text.str();
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// "NUMBER PLACE", after "stack ".
Stack begin_stack(const std::string& line) {
    size_t blank = line.find(' ');
    return {blank == std::string::npos ? "" : line.substr(blank + 1), ""};
}

CallSites read_answer(const std::string& text, size_t contexts, const std::vector<uint64_t>& addresses) {
    CallSites found;
    std::istringstream lines(text);
    std::string line;
    std::getline(lines, line);
    while (found.stack_of.size() < contexts && std::getline(lines, line)) {
        found.stack_of.push_back(atoi(line.c_str()));
    }
    found.stack_of.resize(contexts, -1);
    for (uint64_t address : addresses) {
        if (std::getline(lines, line) && line != "-") {
            found.names[address] = line;
        }
    }
    while (std::getline(lines, line)) {
        if (line.starts_with("stack ")) {
            found.stacks.push_back(begin_stack(line.substr(6)));
        } else if (!found.stacks.empty()) {
            found.stacks.back().frames += line + "\n";
        }
    }
    return found;
}

}  // namespace

CallSites find_call_sites(pid_t pid, const std::vector<uint64_t>& contexts, const std::vector<uint64_t>& addresses) {
    std::string request = std::to_string(pid) + " parked\n";
    for (uint64_t context : contexts) {
        request += "stack " + hex(context) + "\n";
    }
    for (uint64_t address : addresses) {
        request += "name " + hex(address) + "\n";
    }
    request += "\n";
    std::string path = tool_path();
    CallSites found;
    found.stack_of.resize(contexts.size(), -1);
    if (access(path.c_str(), X_OK) != 0) {
        found.problem = "rondo-unwind is not installed";
        return found;
    }
    std::string text = run_tool(path, request);
    if (first_line(text) != kCaptured && ask_inspector(pid, "permit").problem.empty()) {
        text = run_tool(path, request);
    }
    if (first_line(text) == kCaptured) {
        return read_answer(text, contexts.size(), addresses);
    }
    found.problem = text.empty() ? "rondo-unwind ended without an answer" : first_line(text);
    return found;
}

}  // namespace rondo
