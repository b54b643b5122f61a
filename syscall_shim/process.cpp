// SPDX-License-Identifier: Apache-2.0
// process family: waiting for children, and starting programs by posix_spawn and exec. fork is not here.
//
// What a program finds when it starts is the calling kernel thread's signal mask and the descriptions behind its
// descriptors. On a Rondo thread both are the runtime's: a worker blocks signals that the thread does not, and a
// listener may carry an O_NONBLOCK that the program never set. So each start hands over the thread's own mask and first
// gives the descriptors back their flags (rondo_before_exec). posix_spawn holds the worker until the child has
// executed, as it holds a kernel thread.
//
// exec ends the process's other threads, workers and fibers alike; where it fails, the kernel's mask is put back.
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "export.h"
#include "guard.h"
#include "real.h"

namespace rondo::shim {
namespace {

RONDO_REAL(wait);
RONDO_REAL(waitpid);
RONDO_REAL(wait3);
RONDO_REAL(wait4);
RONDO_REAL(waitid);
RONDO_REAL(posix_spawn);
RONDO_REAL(posix_spawnp);
RONDO_REAL(execve);
RONDO_REAL(execvpe);
RONDO_REAL(fexecve);
RONDO_REAL(execveat);
RONDO_REAL(pthread_sigmask);

constexpr bool kSearch = true;

sigset_t mask_of_thread() {
    sigset_t mask;
    rondo_sigmask(SIG_BLOCK, nullptr, &mask);
    return mask;
}

// The kernel's mask of this thread while it executes a program; restored if that fails.
class ExecMask {
   public:
    ExecMask() : changed_(on_thread()) {
        rondo_before_exec();
        if (changed_) {
            sigset_t mask = mask_of_thread();
            real_pthread_sigmask(SIG_SETMASK, &mask, &before_);
        }
    }
    ~ExecMask() {
        if (changed_) real_pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    ExecMask(const ExecMask&) = delete;
    ExecMask& operator=(const ExecMask&) = delete;

   private:
    sigset_t before_;
    bool changed_;
};

size_t count_arguments(va_list& arguments) {
    size_t count = 1;
    while (va_arg(arguments, char*) != nullptr) ++count;
    return count;
}

// The list of execl and its kin, into the caller's array; what follows the list is left for va_arg.
void collect(char** argv, const char* first, size_t count, va_list& arguments) {
    argv[0] = const_cast<char*>(first);
    for (size_t i = 1; i <= count; ++i) argv[i] = va_arg(arguments, char*);
}

int execute(const char* file, char* const* argv, char* const* envp, bool search) {
    ExecMask mask;
    return search ? real_execvpe(file, argv, envp) : real_execve(file, argv, envp);
}

}  // namespace

int spawn(pid_t* pid, const char* file, bool search, const posix_spawn_file_actions_t* actions,
          const posix_spawnattr_t* attributes, char* const* argv, char* const* envp) {
    auto real = search ? real_posix_spawnp.get() : real_posix_spawn.get();
    posix_spawnattr_t own;
    if (attributes != nullptr) {
        memcpy(&own, attributes, sizeof own);
    } else {
        posix_spawnattr_init(&own);
    }
    short flags = 0;
    posix_spawnattr_getflags(&own, &flags);
    if (on_thread() && (flags & POSIX_SPAWN_SETSIGMASK) == 0) {
        sigset_t mask = mask_of_thread();
        posix_spawnattr_setsigmask(&own, &mask);
        posix_spawnattr_setflags(&own, static_cast<short>(flags | POSIX_SPAWN_SETSIGMASK));
    }
    rondo_before_exec();
    return real(pid, file, actions, &own, argv, envp);
}

bool wait_for(pid_t child, int* status) {
    pid_t ended;
    do {
        ended = on_thread() ? rondo_waitpid(child, status, 0) : real_waitpid(child, status, 0);
    } while (ended < 0 && errno == EINTR);
    return ended == child;
}

}  // namespace rondo::shim

using namespace rondo::shim;

// ---- waiting

RONDO_EXPORT(pid_t, wait, (int* status)) { return on_thread() ? rondo_waitpid(-1, status, 0) : real_wait(status); }
RONDO_ALIAS(__wait, wait);

RONDO_EXPORT(pid_t, waitpid, (pid_t pid, int* status, int options)) {
    return on_thread() ? rondo_waitpid(pid, status, options) : real_waitpid(pid, status, options);
}
RONDO_ALIAS(__waitpid, waitpid);

RONDO_EXPORT(pid_t, wait3, (int* status, int options, rusage* usage)) {
    return on_thread() ? rondo_wait4(-1, status, options, usage) : real_wait3(status, options, usage);
}

RONDO_EXPORT(pid_t, wait4, (pid_t pid, int* status, int options, rusage* usage)) {
    return on_thread() ? rondo_wait4(pid, status, options, usage) : real_wait4(pid, status, options, usage);
}

RONDO_EXPORT(int, waitid, (idtype_t type, id_t id, siginfo_t* info, int options)) {
    return on_thread() ? rondo_waitid(type, id, info, options) : real_waitid(type, id, info, options);
}

// ---- starting programs

RONDO_EXPORT(int, posix_spawn,
             (pid_t * pid, const char* path, const posix_spawn_file_actions_t* actions,
              const posix_spawnattr_t* attributes, char* const* argv, char* const* envp)) {
    return spawn(pid, path, !kSearch, actions, attributes, argv, envp);
}

RONDO_EXPORT(int, posix_spawnp,
             (pid_t * pid, const char* file, const posix_spawn_file_actions_t* actions,
              const posix_spawnattr_t* attributes, char* const* argv, char* const* envp)) {
    return spawn(pid, file, kSearch, actions, attributes, argv, envp);
}

RONDO_EXPORT(int, execve, (const char* path, char* const* argv, char* const* envp)) {
    return execute(path, argv, envp, !kSearch);
}

RONDO_EXPORT(int, execv, (const char* path, char* const* argv)) { return execute(path, argv, environ, !kSearch); }

RONDO_EXPORT(int, execvp, (const char* file, char* const* argv)) { return execute(file, argv, environ, kSearch); }

RONDO_EXPORT(int, execvpe, (const char* file, char* const* argv, char* const* envp)) {
    return execute(file, argv, envp, kSearch);
}

RONDO_EXPORT(int, fexecve, (int fd, char* const* argv, char* const* envp)) {
    ExecMask mask;
    return real_fexecve(fd, argv, envp);
}

RONDO_EXPORT(int, execveat, (int fd, const char* path, char* const* argv, char* const* envp, int flags)) {
    ExecMask mask;
    return real_execveat(fd, path, argv, envp, flags);
}

// The array of the variadic forms lies in the exported function's own frame, as in libc: a vfork child may call them.
#define RONDO_COLLECT(argv, first)                                                    \
    va_list arguments;                                                                \
    va_start(arguments, first);                                                       \
    size_t count = count_arguments(arguments);                                        \
    va_end(arguments);                                                                \
    char** argv = static_cast<char**>(__builtin_alloca((count + 1) * sizeof(char*))); \
    va_start(arguments, first);                                                       \
    collect(argv, first, count, arguments)

RONDO_EXPORT(int, execl, (const char* path, const char* first, ...)) {
    RONDO_COLLECT(argv, first);
    va_end(arguments);
    return execute(path, argv, environ, !kSearch);
}

RONDO_EXPORT(int, execlp, (const char* file, const char* first, ...)) {
    RONDO_COLLECT(argv, first);
    va_end(arguments);
    return execute(file, argv, environ, kSearch);
}

RONDO_EXPORT(int, execle, (const char* path, const char* first, ...)) {
    RONDO_COLLECT(argv, first);
    auto* envp = va_arg(arguments, char* const*);
    va_end(arguments);
    return execute(path, argv, envp, !kSearch);
}
