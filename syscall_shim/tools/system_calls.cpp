// SPDX-License-Identifier: Apache-2.0
//
// See system_calls.h. The table of names is made at build time from the C library's headers. A read goes on after a
// stop from pipes, sockets, terminals and the kernel's own objects, but not from every file system (FUSE passes the
// interruption to its server); a socket with a timeout gives EINTR.

#include "syscall_shim/tools/system_calls.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <iterator>

namespace rondo {

namespace {

struct Name {
    long number;
    const char* name;
};

constexpr Name kNames[] = {
#include "system_call_names.inc"
};

constexpr long kOnDescriptor[] = {
    SYS_read,
    SYS_write,
    SYS_close,
    SYS_lseek,
    SYS_ioctl,
    SYS_pread64,
    SYS_pwrite64,
    SYS_readv,
    SYS_writev,
    SYS_sendfile,
    SYS_connect,
    SYS_accept,
    SYS_sendto,
    SYS_recvfrom,
    SYS_sendmsg,
    SYS_recvmsg,
    SYS_shutdown,
    SYS_fcntl,
    SYS_flock,
    SYS_fsync,
    SYS_fdatasync,
    SYS_fstat,
    SYS_ftruncate,
    SYS_getdents64,
    SYS_epoll_wait,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_splice,
    SYS_tee,
    SYS_vmsplice,
    SYS_fallocate,
    SYS_accept4,
    SYS_preadv,
    SYS_pwritev,
    SYS_recvmmsg,
    SYS_sendmmsg,
    SYS_syncfs,
    SYS_copy_file_range,
    SYS_preadv2,
    SYS_pwritev2,
    SYS_epoll_pwait2,
    SYS_mq_timedsend,
    SYS_mq_timedreceive,
    SYS_io_uring_enter,
    SYS_sync_file_range,
};

constexpr long kReads[] = {SYS_read, SYS_readv};
constexpr long kSocketCalls[] = {SYS_accept, SYS_accept4, SYS_connect, SYS_recvfrom, SYS_recvmsg};
constexpr long kGoOn[] = {
    SYS_poll,         SYS_select, SYS_nanosleep,       SYS_clock_nanosleep, SYS_futex,           SYS_wait4,
    SYS_waitid,       SYS_flock,  SYS_msgrcv,          SYS_pause,           SYS_mq_timedreceive, SYS_rt_sigsuspend,
    SYS_mq_timedsend, SYS_msgsnd, SYS_restart_syscall,
};

template <size_t N>
bool among(const long (&numbers)[N], long number) {
    return std::find(std::begin(numbers), std::end(numbers), number) != std::end(numbers);
}

int descriptor_of(const SystemCall& call) { return static_cast<int>(call.arguments[0]); }

// "pipe:[1234]", "/dev/pts/0"; empty if it is not open.
std::string object_of(pid_t pid, int fd) {
    char target[PATH_MAX];
    std::string link = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd);
    ssize_t length = readlink(link.c_str(), target, sizeof target);
    return {target, length > 0 ? static_cast<size_t>(length) : 0};
}

bool is_untimed(int fd, int option) {
    timeval timeout{};
    socklen_t length = sizeof timeout;
    return getsockopt(fd, SOL_SOCKET, option, &timeout, &length) == 0 && timeout.tv_sec == 0 && timeout.tv_usec == 0;
}

bool is_untimed_socket(pid_t pid, int number) {
    int process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    int fd = static_cast<int>(syscall(SYS_pidfd_getfd, process, number, 0));
    bool untimed = fd >= 0 && is_untimed(fd, SO_RCVTIMEO) && is_untimed(fd, SO_SNDTIMEO);
    close(fd);
    close(process);
    return untimed;
}

bool gathers_all(const SystemCall& call) {
    unsigned long flags = call.number == SYS_recvfrom  ? call.arguments[3]
                          : call.number == SYS_recvmsg ? call.arguments[2]
                                                       : 0;
    return (flags & MSG_WAITALL) != 0;
}

}  // namespace

std::string describe(const SystemCall& call, pid_t pid) {
    auto* known = std::find_if(std::begin(kNames), std::end(kNames),
                               [&](const Name& name) { return name.number == call.number; });
    std::string text = known != std::end(kNames) ? known->name : "number";
    text += " (" + std::to_string(call.number) + ")";
    if (among(kOnDescriptor, call.number)) {
        int fd = descriptor_of(call);
        std::string object = object_of(pid, fd);
        text += " on descriptor " + std::to_string(fd) + (object.empty() ? "" : " (" + object + ")");
    }
    return text;
}

bool goes_on_after_a_stop(const SystemCall& call, pid_t pid) {
    if (among(kGoOn, call.number)) {
        return true;
    }
    if (!among(kReads, call.number) && !among(kSocketCalls, call.number)) {
        return call.number == SYS_fcntl && (call.arguments[1] == F_SETLKW || call.arguments[1] == F_OFD_SETLKW);
    }
    std::string object = object_of(pid, descriptor_of(call));
    if (object.starts_with("socket:")) {
        return !gathers_all(call) && is_untimed_socket(pid, descriptor_of(call));
    }
    bool waits_like_a_pipe = object.starts_with("pipe:") || object.starts_with("anon_inode:") ||
                             object.starts_with("/dev/pts/") || object.starts_with("/dev/tty");
    return among(kReads, call.number) && waits_like_a_pipe;
}

}  // namespace rondo
