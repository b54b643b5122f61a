/* SPDX-License-Identifier: Apache-2.0
 *
 * Libraries that are loaded by several threads at once, one of them with a constructor that waits; names that only the
 * program's own search path finds; and a library that asks to be bound past all others. plugins/ has the libraries.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "expect.h"

typedef int (*wait_function)(sem_t*);

static sem_t constructor_runs, other_loads, gift;
static atomic_int constructed;

void slow_begins(void);

/* Inside dlopen: what waits, what a kernel thread would do, and loading again. */
void slow_begins(void) {
    struct stat status;
    struct addrinfo* found = NULL;
    EXPECT(dlopen("libquick.so", RTLD_NOW | RTLD_NOLOAD) == NULL);
    sem_post(&constructor_runs);
    sem_wait(&other_loads);
    EXPECT(usleep(20000) == 0 && stat("/etc/hosts", &status) == 0 && unlink("/nowhere/file") == -1);
    EXPECT(getaddrinfo("localhost", NULL, NULL, &found) == 0);
    freeaddrinfo(found);
    atomic_store(&constructed, 1);
}

static void* load_slow(void* unused) {
    void* library = dlopen("libslow.so", RTLD_NOW);
    EXPECT(library != NULL && atomic_load(&constructed) == 1);
    EXPECT(dlclose(library) == 0);
    return unused;
}

static void* load_quick(void* unused) {
    sem_wait(&constructor_runs);
    sem_post(&other_loads);
    void* library = dlopen("libquick.so", RTLD_NOW);
    EXPECT(library != NULL && atomic_load(&constructed) == 1);
    EXPECT(dlsym(library, "quick_wait") != NULL && dlsym(library, "slow_wait") == NULL);
    EXPECT(dlclose(library) == 0 && dlopen("libnone.so", RTLD_NOW) == NULL && dlerror() != NULL);
    return unused;
}

static void* give(void* unused) {
    sem_post(&gift);
    return unused;
}

static void test_constructor(void) {
    pthread_t slow, quick;
    EXPECT(pthread_create(&slow, NULL, load_slow, NULL) == 0 && pthread_create(&quick, NULL, load_quick, NULL) == 0);
    EXPECT(pthread_join(slow, NULL) == 0 && pthread_join(quick, NULL) == 0);
    pass("constructor");
}

static void test_binding(void) {
    pthread_t giver;
    void* library = dlopen("libquick.so", RTLD_NOW | RTLD_DEEPBIND);
    EXPECT(library != NULL);
    wait_function wait = (wait_function)dlsym(library, "quick_wait");
    EXPECT(pthread_create(&giver, NULL, give, NULL) == 0 && wait(&gift) == 0);
    EXPECT(pthread_join(giver, NULL) == 0 && dlclose(library) == 0);
    pass("binding");
}

int main(void) {
    alarm(50);
    EXPECT(sem_init(&constructor_runs, 0, 0) == 0 && sem_init(&other_loads, 0, 0) == 0 && sem_init(&gift, 0, 0) == 0);
    test_constructor();
    test_binding();
    return 0;
}
