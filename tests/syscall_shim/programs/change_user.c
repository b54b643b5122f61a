/* SPDX-License-Identifier: Apache-2.0
 *
 * A server that gives up root when its threads run already: one of them changes the process's user while others wait,
 * compute and have had calls made on kernel threads. Every kernel thread follows, and the call returns.
 */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expect.h"

enum { kWaiting = 8, kNobody = 65534 };

static int gate[2];
static atomic_bool over;

static void* wait_for_end(void* unused) {
    struct stat status;
    char byte;
    EXPECT(stat("/etc/passwd", &status) == 0);
    EXPECT(read(gate[0], &byte, 1) == 0);
    return unused;
}

static void* compute(void* unused) {
    while (!atomic_load(&over)) sched_yield();
    return unused;
}

static void expect_user_of(const char* task) {
    char path[300], line[200];
    int user = -1;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
    FILE* file = fopen(path, "r");
    if (file == NULL) return; /* it has ended */
    while (fgets(line, sizeof line, file) != NULL) sscanf(line, "Uid: %d", &user);
    fclose(file);
    EXPECT(user == kNobody);
}

static void* change_user(void* unused) {
    EXPECT(setgid(kNobody) == 0);
    EXPECT(setuid(kNobody) == 0);
    EXPECT(setuid(0) == -1);
    return unused;
}

int main(void) {
    pthread_t waiting[kWaiting], computing, changing;
    EXPECT(pipe(gate) == 0);
    for (int i = 0; i < kWaiting; ++i) EXPECT(pthread_create(&waiting[i], NULL, wait_for_end, NULL) == 0);
    EXPECT(pthread_create(&computing, NULL, compute, NULL) == 0);
    EXPECT(pthread_create(&changing, NULL, change_user, NULL) == 0);
    EXPECT(pthread_join(changing, NULL) == 0);
    DIR* tasks = opendir("/proc/self/task");
    EXPECT(tasks != NULL);
    for (struct dirent* task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        if (task->d_name[0] != '.') expect_user_of(task->d_name);
    }
    closedir(tasks);
    atomic_store(&over, true);
    close(gate[1]);
    for (int i = 0; i < kWaiting; ++i) EXPECT(pthread_join(waiting[i], NULL) == 0);
    EXPECT(pthread_join(computing, NULL) == 0);
    puts("every thread has the new user");
    return 0;
}
