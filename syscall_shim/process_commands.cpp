// SPDX-License-Identifier: Apache-2.0
// process family: system, popen and pclose: a shell in a child, and a wait for it that parks.
//
// libc's own would hold the worker until the command has ended, and their children would start with the worker's signal
// mask. While any system() runs the process ignores SIGINT and SIGQUIT, and its thread blocks SIGCHLD; the calls that
// overlap count themselves and the last one restores. A cancelled system() kills its shell and reaps it, as libc's
// does.
//
// The streams of popen are those of fdopen, so that stdio's rules for pipes hold; which child belongs to which is kept
// in a list. The child closes the streams of earlier calls, as POSIX asks.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "export.h"
#include "guard.h"
#include "process.h"
#include "real.h"
#include "stdio_stream.h"

namespace {

using namespace rondo::shim;

RONDO_REAL(fdopen);
RONDO_REAL(pclose);

constexpr char kShell[] = "/bin/sh";

int start_shell(pid_t* pid, const char* command, const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes) {
    char name[] = "sh";
    char option[] = "-c";
    char* argv[] = {name, option, const_cast<char*>(command), nullptr};
    return spawn(pid, kShell, false, actions, attributes, argv, environ);
}

// ---- system

constexpr int kIgnored[] = {SIGINT, SIGQUIT};

rondo_mutex_t system_lock = RONDO_MUTEX_INITIALIZER;
int systems_running;  // this and the actions are guarded by system_lock
struct sigaction actions_before[2];

struct Command {
    pid_t child = -1;
    sigset_t to_default;  // those of kIgnored that the program did not ignore
    sigset_t mask_before;
};

void ignore_signals(Command& command) {
    sigset_t child_ends;
    sigemptyset(&child_ends);
    sigaddset(&child_ends, SIGCHLD);
    rondo_sigmask(SIG_BLOCK, &child_ends, &command.mask_before);
    rondo_mutex_lock(&system_lock);
    bool first = systems_running++ == 0;
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigemptyset(&command.to_default);
    for (int i = 0; i < 2; ++i) {
        if (first) rondo_sigaction(kIgnored[i], &ignore, &actions_before[i]);
        if (actions_before[i].sa_handler != SIG_IGN) sigaddset(&command.to_default, kIgnored[i]);
    }
    rondo_mutex_unlock(&system_lock);
}

void restore_signals(const Command& command) {
    rondo_mutex_lock(&system_lock);
    if (--systems_running == 0) {
        for (int i = 0; i < 2; ++i) rondo_sigaction(kIgnored[i], &actions_before[i], nullptr);
    }
    rondo_mutex_unlock(&system_lock);
    rondo_sigmask(SIG_SETMASK, &command.mask_before, nullptr);
}

void abandon(void* started) {
    auto* command = static_cast<Command*>(started);
    if (command->child > 0) {
        kill(command->child, SIGKILL);
        wait_for(command->child, nullptr);
    }
    restore_signals(*command);
}

int run(Command& command, const char* text) {
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &command.to_default);
    posix_spawnattr_setsigmask(&attributes, &command.mask_before);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    int status = 127 << 8;  // what a shell that could not be executed would have returned
    pid_t child = -1;
    if (start_shell(&child, text, nullptr, &attributes) == 0) {
        command.child = child;
        status = wait_for(child, &status) ? status : -1;
        command.child = -1;
    }
    posix_spawnattr_destroy(&attributes);
    return status;
}

int run_command(const char* text) {
    Command command;
    ignore_signals(command);
    rondo_cleanup frame;
    rondo_cleanup_push(&frame, abandon, &command);
    int status = run(command, text);
    rondo_cleanup_pop(&frame, 1);
    return status;
}

// ---- popen

struct Pipeline {
    FILE* stream;
    pid_t child;
    bool inherited;  // the stream's descriptor has no FD_CLOEXEC
    Pipeline* next;
};

rondo_mutex_t pipelines_lock = RONDO_MUTEX_INITIALIZER;
Pipeline* pipelines;  // guarded by pipelines_lock

struct Mode {
    bool reads = false;
    bool writes = false;
    bool close_on_exec = false;
    bool valid() const { return reads != writes; }
};

Mode parse(const char* text) {
    Mode mode;
    bool known = true;
    for (; *text != '\0'; ++text) {
        mode.reads |= *text == 'r';
        mode.writes |= *text == 'w';
        mode.close_on_exec |= *text == 'e';
        known = known && strchr("rwe", *text) != nullptr;
    }
    return known ? mode : Mode{};
}

// Under pipelines_lock, so that no other command starts with a descriptor of ours.
int start(Pipeline& pipeline, const char* command, int theirs, int as) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    int error = posix_spawn_file_actions_adddup2(&actions, theirs, as);
    for (const Pipeline* other = pipelines; other != nullptr && error == 0; other = other->next) {
        int fd = fileno(other->stream);
        if (other->inherited && fd != as) error = posix_spawn_file_actions_addclose(&actions, fd);
    }
    if (error == 0) error = start_shell(&pipeline.child, command, &actions, nullptr);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

// The stream, or null with errno set; the ends of the pipe are used up either way.
FILE* open_stream(Pipeline& pipeline, const char* command, Mode mode, const int* ends) {
    int ours = ends[mode.reads ? 0 : 1];
    int theirs = ends[mode.reads ? 1 : 0];
    pipeline.stream = real_fdopen(ours, mode.reads ? "r" : "w");
    int error = pipeline.stream == nullptr ? errno : start(pipeline, command, theirs, mode.reads ? 1 : 0);
    rondo_close(theirs);
    if (error == 0) {
        pipeline.inherited = !mode.close_on_exec;
        if (pipeline.inherited) rondo_fcntl(ours, F_SETFD, 0);
        return pipeline.stream;
    }
    if (pipeline.stream != nullptr) {
        close_any_stream(pipeline.stream);
    } else {
        rondo_close(ours);
    }
    errno = error;
    return nullptr;
}

FILE* open_pipeline(const char* command, Mode mode) {
    int ends[2];
    auto* pipeline = static_cast<Pipeline*>(malloc(sizeof(Pipeline)));
    if (pipeline == nullptr || rondo_pipe2(ends, O_CLOEXEC) != 0) {
        free(pipeline);
        return nullptr;
    }
    rondo_mutex_lock(&pipelines_lock);
    FILE* stream = open_stream(*pipeline, command, mode, ends);
    if (stream != nullptr) {
        pipeline->next = pipelines;
        pipelines = pipeline;
    }
    rondo_mutex_unlock(&pipelines_lock);
    if (stream == nullptr) free(pipeline);
    return stream;
}

Pipeline* take(const FILE* stream) {
    rondo_mutex_lock(&pipelines_lock);
    Pipeline** link = &pipelines;
    while (*link != nullptr && (*link)->stream != stream) link = &(*link)->next;
    Pipeline* taken = *link;
    if (taken != nullptr) *link = taken->next;
    rondo_mutex_unlock(&pipelines_lock);
    return taken;
}

}  // namespace

RONDO_EXPORT(int, system, (const char* command)) {
    if (command == nullptr) return run_command("exit 0") == 0 ? 1 : 0;
    return run_command(command);
}

RONDO_EXPORT(FILE*, popen, (const char* command, const char* mode)) {
    Mode parsed = parse(mode);
    if (!parsed.valid()) {
        errno = EINVAL;
        return nullptr;
    }
    return open_pipeline(command, parsed);
}
RONDO_ALIAS(_IO_popen, popen);

// Not a cancellation point: the stream is gone, and who else would reap the child?
RONDO_EXPORT(int, pclose, (FILE * stream)) {
    Pipeline* pipeline = take(stream);
    if (pipeline == nullptr) return real_pclose(stream);
    pid_t child = pipeline->child;
    free(pipeline);
    int state = 0;
    rondo_setcancelstate(RONDO_CANCEL_DISABLE, &state);
    close_any_stream(stream);
    int status = -1;
    bool ended = wait_for(child, &status);
    rondo_setcancelstate(state, nullptr);
    return ended ? status : -1;
}
