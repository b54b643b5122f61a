// SPDX-License-Identifier: Apache-2.0
//
// See inspect_client.h.

#include "syscall_shim/tools/inspect_client.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "runtime/system/inspector.h"

namespace rondo {

namespace {

constexpr timeval kPatience = {10, 0};

class Socket {
   public:
    Socket() : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
        setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
    }
    ~Socket() { close(fd_); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    int fd() const { return fd_; }

   private:
    int fd_;
};

bool connect_to(const Socket& socket, pid_t pid) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string name = kInspectorName + std::to_string(pid);
    memcpy(address.sun_path + 1, name.data(), name.size());
    auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    return connect(socket.fd(), reinterpret_cast<sockaddr*>(&address), length) == 0;
}

// The kernel's note of who called listen().
bool is_process(const Socket& socket, pid_t pid) {
    ucred who{};
    socklen_t length = sizeof who;
    return getsockopt(socket.fd(), SOL_SOCKET, SO_PEERCRED, &who, &length) == 0 && who.pid == pid;
}

std::string why_nobody_answers(pid_t pid) {
    std::string process = "process " + std::to_string(pid);
    if (access(("/proc/" + std::to_string(pid)).c_str(), F_OK) != 0) {
        return "there is no " + process;
    }
    return process + " has no inspector: it does not run under rondo, has not created a thread, or has RONDO_INSPECT=0";
}

}  // namespace

Answer ask_inspector(pid_t pid, const std::string& request) {
    Socket socket;
    Answer answer;
    if (!connect_to(socket, pid)) {
        answer.problem = why_nobody_answers(pid);
        return answer;
    }
    if (!is_process(socket, pid)) {
        answer.problem = "the inspector's name of process " + std::to_string(pid) + " is held by another process";
        return answer;
    }
    std::string line = request + "\n";
    send(socket.fd(), line.data(), line.size(), MSG_NOSIGNAL);
    char buffer[1 << 16];
    ssize_t count = 0;
    while ((count = recv(socket.fd(), buffer, sizeof buffer, 0)) > 0 || (count < 0 && errno == EINTR)) {
        answer.text.append(buffer, count > 0 ? static_cast<size_t>(count) : 0);
    }
    bool refused = answer.text.empty() && (count == 0 || errno == ECONNRESET);
    if (refused || answer.text.empty() || answer.text.back() != '\n') {
        answer.problem = "process " + std::to_string(pid) +
                         (refused ? " does not answer: it belongs to another user" : " did not finish its answer");
    }
    return answer;
}

}  // namespace rondo
