// SPDX-License-Identifier: Apache-2.0
//
// Both ends of fork: the child starts a runtime of its own, with a schedule drawn like everything else, and plays with
// threads, locks, sleeps and a pipe that was open before; the parent goes on meanwhile, and is told by the pipe and by
// waitpid. The other threads' locks and waits are the parent's alone.
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "scenarios.h"

namespace rondo::explore {

namespace {

void play_in_child(Ends ends, Random random) {
    const std::string schedule = "seed:" + std::to_string(random.next());
    setenv("RONDO_SCHED", schedule.c_str(), 1);
    signal(SIGQUIT, SIG_DFL);  // where there is a handler, calls may be interrupted
    {
        rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
        int total = 0;
        Crew crew;
        for (int i = 0; i < 3; ++i) {
            crew.add([&mutex, &total, own = random.split()]() mutable {
                pause(own);
                MutexGuard guard(&mutex);
                ++total;
            });
        }
        crew.join();
        expect_equal(total, 3, "threads of a forked child");
        timespec a_moment{0, 1'000};
        expect_equal(rondo_nanosleep(&a_moment, nullptr), 0, "nanosleep");
    }
    expect_equal(rondo_write(ends.out, "c", 1), 1, "write");
    _exit(7);
}

}  // namespace

void fork_both_ends(Random& random) {
    Ends ends = some_pipe(random);
    rondo_sem_t sem;
    rondo_sem_init(&sem, 0, 0);
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    Crew crew;
    crew.add([&sem] { expect_equal(rondo_sem_wait(&sem), 0, "sem_wait"); });
    crew.add([&mutex, &sem] {
        MutexGuard guard(&mutex);
        rondo_yield();
        rondo_sem_post(&sem);
    });
    int status = 0;
    crew.add([ends, &status, own = random.split()]() mutable {
        if (own.one_in(2)) pause(own);
        pid_t child = fork();
        if (child == 0) play_in_child(ends, own.split());
        expect(child > 0, "fork");
        expect_equal(rondo_waitpid(child, &status, 0), child, "waitpid");
    });
    char byte = 0;
    expect_equal(rondo_read(ends.in, &byte, 1), 1, "read");
    expect_equal(byte, 'c', "the child's byte");
    crew.join();
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 7, "the child's exit status");
    close_both(ends);
}

}  // namespace rondo::explore
