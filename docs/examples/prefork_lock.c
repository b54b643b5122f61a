// SPDX-License-Identifier: Apache-2.0
//
// prefork_lock PORT mutex|file [CHILDREN]: preforked children of which one at a time waits in accept. On systems that
// wake all waiting processes for each connection (the thundering herd), or where accept is no system call of its own,
// the children queue for a lock instead, and the one that holds it accepts.
//
// mutex: a pthread mutex is memory, so it lies in a mapping that parent and children share, and is told that it serves
// several processes. file: a lock on a file that has no name any more. The kernel holds it for a process and releases
// it should the process die; with the mutex the others would wait for ever.

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "children.h"
#include "net.h"

static pthread_mutex_t* mutex;  // NULL: the file's lock is used
static int lock_file;

static void make_mutex(void) {
    mutex = mmap(NULL, sizeof *mutex, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (mutex == MAP_FAILED) {
        fatal("mmap");
    }
    pthread_mutexattr_t attributes;
    int error = pthread_mutexattr_init(&attributes);
    error = error != 0 ? error : pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    error = error != 0 ? error : pthread_mutex_init(mutex, &attributes);
    if (error != 0) {
        fatal_error(error, "a mutex for several processes");
    }
    pthread_mutexattr_destroy(&attributes);
}

static void make_file(void) {
    char name[] = "/tmp/prefork_lock.XXXXXX";
    lock_file = mkstemp(name);
    if (lock_file < 0 || unlink(name) < 0) {
        fatal(name);
    }
}

static void lock_or_unlock_file(short type) {
    struct flock whole = {.l_type = type, .l_whence = SEEK_SET};
    while (fcntl(lock_file, F_SETLKW, &whole) < 0) {
        if (errno != EINTR) {
            fatal("fcntl");
        }
    }
}

static void lock(void) {
    if (mutex == NULL) {
        lock_or_unlock_file(F_WRLCK);
        return;
    }
    int error = pthread_mutex_lock(mutex);
    if (error != 0) {
        fatal_error(error, "pthread_mutex_lock");
    }
}

static void unlock(void) {
    if (mutex == NULL) {
        lock_or_unlock_file(F_UNLCK);
        return;
    }
    int error = pthread_mutex_unlock(mutex);
    if (error != 0) {
        fatal_error(error, "pthread_mutex_unlock");
    }
}

static void serve_clients(void* argument) {
    int listener = *(int*)argument;
    for (;;) {
        lock();
        int client = accept(listener, NULL, NULL);
        int error = errno;
        unlock();
        if (client < 0) {
            errno = error;
            accept_failed();
            continue;
        }
        serve_client(client);
        close(client);
    }
}

int main(int argc, char** argv) {
    const char* usage = "prefork_lock PORT mutex|file [CHILDREN]";
    int by_mutex = argc > 2 && strcmp(argv[2], "mutex") == 0;
    int by_file = argc > 2 && strcmp(argv[2], "file") == 0;
    unsigned short port = parse_port((by_mutex || by_file) && argc <= 4 ? argv[1] : NULL, usage);
    int count = parse_count(argc == 4 ? argv[3] : NULL, usage);
    by_mutex ? make_mutex() : make_file();
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_tcp(port);
    keep_children(count, serve_clients, &listener);
}
