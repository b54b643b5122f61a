// SPDX-License-Identifier: Apache-2.0
//
// Section of --check: PROGRAM's imports that can block, split by what becomes of them. symbols.def says which the shim
// takes and what it does with each; kBlocking names what else of libc blocks, so that a call which would stop a whole
// worker is shown rather than left out.

#include <algorithm>
#include <map>

#include "syscall_shim/tools/check.h"

namespace rondo {

namespace {

enum class Disposition { parks, offloads, passes, refused };

const std::map<std::string_view, Disposition>& intercepted() {
#define RONDO_SYMBOL(name, family, disposition) {#name, Disposition::disposition},
#define RONDO_LIBC(name, family)
    static const std::map<std::string_view, Disposition> table = {
#include "syscall_shim/symbols.def"
    };
#undef RONDO_SYMBOL
#undef RONDO_LIBC
    return table;
}

constexpr std::string_view kBlocking[] = {
    // clang-format off
    "accept", "accept4", "aio_suspend", "clock_nanosleep", "close", "cnd_timedwait", "cnd_wait", "connect",
    "copy_file_range", "creat", "epoll_pwait", "epoll_pwait2", "epoll_wait", "fdatasync", "fgetc", "fgets",
    "flock", "fopen", "fopen64", "fread", "fscanf", "fsync", "getaddrinfo", "getc", "getchar", "getdelim",
    "gethostbyaddr", "gethostbyaddr_r", "gethostbyname", "gethostbyname2", "gethostbyname_r", "getline",
    "getnameinfo", "getrandom", "io_getevents", "lockf", "lockf64", "mq_receive", "mq_send",
    "mq_timedreceive", "mq_timedsend", "msgrcv", "msgsnd", "msync", "mtx_lock", "mtx_timedlock", "nanosleep",
    "open", "open64", "__open64_2", "__open_2", "openat", "openat64", "__openat64_2", "__openat_2", "pause",
    "pclose", "poll", "popen", "ppoll", "__ppoll_chk", "pread", "pread64", "preadv", "preadv2", "pselect",
    "pthread_barrier_wait", "pthread_cond_clockwait", "pthread_cond_timedwait", "pthread_cond_wait",
    "pthread_join", "pthread_mutex_lock", "pwrite", "pwrite64", "pwritev", "pwritev2", "read", "readv",
    "recv", "recvfrom", "recvmmsg", "recvmsg", "res_query", "res_search", "scanf", "select", "sem_clockwait",
    "sem_timedwait", "sem_wait", "semop", "semtimedop", "send", "sendfile", "sendfile64", "sendmmsg",
    "sendmsg", "sendto", "sigsuspend", "sigtimedwait", "sigwait", "sigwaitinfo", "sleep", "splice", "sync",
    "syncfs", "syscall", "system", "tcdrain", "tee", "thrd_join", "thrd_sleep", "usleep", "vmsplice", "wait",
    "wait3", "wait4", "waitid", "waitpid", "write", "writev",
    // clang-format on
};

bool can_block(const std::string& name) {
    return std::find(std::begin(kBlocking), std::end(kBlocking), name) != std::end(kBlocking);
}

void add(std::string& list, const std::string& name) { list += (list.empty() ? "" : " ") + name; }

void report_list(const char* label, const std::string& list) { report(label, list.empty() ? "none" : list); }

void check_imports(const ElfFacts& facts) {
    std::string parks, offloads, refused, missed;
    for (const std::string& name : facts.imports) {
        auto row = intercepted().find(name);
        if (row == intercepted().end() || row->second == Disposition::passes) {
            if (can_block(name)) {
                add(missed, name);
            }
            continue;
        }
        add(row->second == Disposition::parks      ? parks
            : row->second == Disposition::offloads ? offloads
                                                   : refused,
            name);
    }
    report_list("parks", parks);
    report_list("offloads", offloads);
    report_list("refused", refused);
    report_list("not intercepted", missed);
}

void check_libraries(const ElfFacts& facts) {
    std::string others;
    for (const std::string& library : facts.libraries) {
        if (!library.starts_with("libc.so") && !library.starts_with("ld-linux")) {
            add(others, library);
        }
    }
    if (!others.empty()) {
        report("libraries", "their calls are intercepted too, but not listed here: " + others);
    }
}

}  // namespace

void check_program(const Program& program) {
    report("program", program.path == program.binary ? program.path : program.path + ", a script of " + program.binary);
    report("thread-local", program.facts.thread_locals ? "yes: shared by the threads of one worker (RONDO_TLS=worker)"
                                                       : "none in the program itself");
    check_imports(program.facts);
    check_libraries(program.facts);
}

}  // namespace rondo
