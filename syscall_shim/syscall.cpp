// SPDX-License-Identifier: Apache-2.0
// syscall family: the function that makes a system call by number.
//
// Libraries reach futexes by it (C++, Rust), and some programs whatever libc once lacked. A number that stands in the
// table is answered as the libc function of that name is, so that it parks; every other goes to the kernel. Like the
// kernel's calls, none of them is a cancellation point.
//
// The arguments are words; reading those that were not passed is harmless, as in libc.
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <utility>

#include "export.h"
#include "guard.h"
#include "raw_call.h"

namespace {

using namespace rondo::shim;

using Words = const long*;
using Handler = long (*)(Words);

enum class Callers : bool { rondo_threads, everybody };

struct Entry {
    long number;
    Handler handler;
    Callers callers;
};

template <auto function, typename R, typename... P, size_t... i>
long call(Words words, R (*)(P...), std::index_sequence<i...>) {
    return static_cast<long>(function((P)words[i]...));
}

// The words become the arguments of a function that returns -1 and sets errno.
template <auto function>
long adapt(Words words) {
    auto count = []<typename R, typename... P>(R (*)(P...)) { return std::index_sequence_for<P...>{}; };
    return call<function>(words, function, count(function));
}

// The function returns its error, the system call sets errno.
long clock_nanosleep_words(Words words) {
    int error =
        rondo_clock_nanosleep(static_cast<clockid_t>(words[0]), static_cast<int>(words[1]),
                              reinterpret_cast<const timespec*>(words[2]), reinterpret_cast<timespec*>(words[3]));
    if (error == 0) return 0;
    errno = error;
    return -1;
}

// The sixth word is the address of a mask's address. Unlike the kernel's, this writes no time back.
long pselect_words(Words words) {
    auto mask = reinterpret_cast<const sigset_t* const*>(words[5]);
    return rondo_pselect(static_cast<int>(words[0]), reinterpret_cast<fd_set*>(words[1]),
                         reinterpret_cast<fd_set*>(words[2]), reinterpret_cast<fd_set*>(words[3]),
                         reinterpret_cast<const timespec*>(words[4]), mask != nullptr ? *mask : nullptr);
}

// Sorted by what they do. What makes, frees or configures a number is the runtime's on every thread (guard.h).
constexpr Entry kEntries[] = {
    {SYS_futex, adapt<rondo_futex>, Callers::everybody},
    {SYS_close, adapt<rondo_close>, Callers::everybody},
    {SYS_dup, adapt<rondo_dup>, Callers::everybody},
    {SYS_dup2, adapt<rondo_dup2>, Callers::everybody},
    {SYS_dup3, adapt<rondo_dup3>, Callers::everybody},
    {SYS_fcntl, adapt<rondo_fcntl>, Callers::everybody},
    {SYS_ioctl, adapt<rondo_ioctl>, Callers::everybody},
    {SYS_pipe, adapt<rondo_pipe>, Callers::everybody},
    {SYS_pipe2, adapt<rondo_pipe2>, Callers::everybody},
    {SYS_socket, adapt<rondo_socket>, Callers::everybody},
    {SYS_socketpair, adapt<rondo_socketpair>, Callers::everybody},
    {SYS_accept, adapt<rondo_accept>, Callers::everybody},
    {SYS_accept4, adapt<rondo_accept4>, Callers::everybody},
    {SYS_setsockopt, adapt<rondo_setsockopt>, Callers::everybody},
    {SYS_openat, adapt<rondo_openat>, Callers::everybody},
    {SYS_open, adapt<rondo_open>, Callers::everybody},
    {SYS_eventfd2, adapt<rondo_eventfd>, Callers::everybody},
    {SYS_timerfd_create, adapt<rondo_timerfd_create>, Callers::everybody},
    {SYS_inotify_init, adapt<rondo_inotify_init>, Callers::everybody},
    {SYS_inotify_init1, adapt<rondo_inotify_init1>, Callers::everybody},
    {SYS_epoll_create, adapt<rondo_epoll_create>, Callers::everybody},
    {SYS_epoll_create1, adapt<rondo_epoll_create1>, Callers::everybody},
    {SYS_memfd_create, adapt<rondo_memfd_create>, Callers::everybody},
    {SYS_pidfd_open, adapt<rondo_pidfd_open>, Callers::everybody},
    {SYS_pidfd_getfd, adapt<rondo_pidfd_getfd>, Callers::everybody},
    {SYS_connect, adapt<rondo_connect>, Callers::rondo_threads},
    {SYS_read, adapt<rondo_read>, Callers::rondo_threads},
    {SYS_readv, adapt<rondo_readv>, Callers::rondo_threads},
    {SYS_write, adapt<rondo_write>, Callers::rondo_threads},
    {SYS_writev, adapt<rondo_writev>, Callers::rondo_threads},
    {SYS_pread64, adapt<rondo_pread>, Callers::rondo_threads},
    {SYS_pwrite64, adapt<rondo_pwrite>, Callers::rondo_threads},
    {SYS_preadv, adapt<rondo_preadv>, Callers::rondo_threads},
    {SYS_pwritev, adapt<rondo_pwritev>, Callers::rondo_threads},
    {SYS_fsync, adapt<rondo_fsync>, Callers::rondo_threads},
    {SYS_fdatasync, adapt<rondo_fdatasync>, Callers::rondo_threads},
    {SYS_sendfile, adapt<rondo_sendfile>, Callers::rondo_threads},
    {SYS_splice, adapt<rondo_splice>, Callers::rondo_threads},
    {SYS_tee, adapt<rondo_tee>, Callers::rondo_threads},
    {SYS_vmsplice, adapt<rondo_vmsplice>, Callers::rondo_threads},
    {SYS_recvfrom, adapt<rondo_recvfrom>, Callers::rondo_threads},
    {SYS_recvmsg, adapt<rondo_recvmsg>, Callers::rondo_threads},
    {SYS_sendto, adapt<rondo_sendto>, Callers::rondo_threads},
    {SYS_sendmsg, adapt<rondo_sendmsg>, Callers::rondo_threads},
    {SYS_recvmmsg, adapt<rondo_recvmmsg>, Callers::rondo_threads},
    {SYS_sendmmsg, adapt<rondo_sendmmsg>, Callers::rondo_threads},
    {SYS_select, adapt<rondo_select>, Callers::rondo_threads},
    {SYS_pselect6, pselect_words, Callers::rondo_threads},
    {SYS_epoll_wait, adapt<rondo_epoll_wait>, Callers::rondo_threads},
    {SYS_epoll_pwait, adapt<rondo_epoll_pwait>, Callers::rondo_threads},
    {SYS_epoll_pwait2, adapt<rondo_epoll_pwait2>, Callers::rondo_threads},
    {SYS_ppoll, adapt<rondo_ppoll>, Callers::rondo_threads},
    {SYS_poll, adapt<rondo_poll>, Callers::rondo_threads},
    {SYS_nanosleep, adapt<rondo_nanosleep>, Callers::rondo_threads},
    {SYS_clock_nanosleep, clock_nanosleep_words, Callers::rondo_threads},
    {SYS_sched_yield, adapt<rondo_yield>, Callers::rondo_threads},
};

constexpr long kNumbers = 512;

struct Table {
    const Entry* by_number[kNumbers] = {};

    constexpr Table() {
        for (const Entry& entry : kEntries) by_number[entry.number] = &entry;
    }
};
constexpr Table kTable;

const Entry* entry_of(long number) { return number >= 0 && number < kNumbers ? kTable.by_number[number] : nullptr; }

long by_kernel(long number, Words words) {
    long result = raw_call(number, words[0], words[1], words[2], words[3], words[4], words[5]);
    if (result >= 0 || result < -4095) return result;
    errno = static_cast<int>(-result);
    return -1;
}

long by_runtime(Handler handler, Words words) {
    int state;
    rondo_setcancelstate(RONDO_CANCEL_DISABLE, &state);
    long result = handler(words);
    rondo_setcancelstate(state, &state);
    return result;
}

}  // namespace

RONDO_EXPORT(long, syscall, (long number, ...)) {
    long words[6];
    va_list arguments;
    va_start(arguments, number);
    for (long& word : words) word = va_arg(arguments, long);
    va_end(arguments);
    const Entry* entry = entry_of(number);
    if (entry == nullptr) return by_kernel(number, words);
    if (on_thread()) return by_runtime(entry->handler, words);
    return entry->callers == Callers::everybody ? entry->handler(words) : by_kernel(number, words);
}
