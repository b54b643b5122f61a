/* SPDX-License-Identifier: Apache-2.0
 *
 * Name look-ups where the only name server is dead (the test sees to that), in three forms:
 *   names answers           prints what the calls answer, with and without a server
 *   names files FILE        reads of an uncached file go on while look-ups wait for the server
 *   names look-ups DIR      look-ups that need no server go on while files of a slow file system are read
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "expect.h"

enum { kLookups = 12, kReads = 100, kSlowReaders = 64, kRounds = 20 };

static const char* directory;
static atomic_int begun, unfinished;

static int look_up(const char* host, const char* service, int flags) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_INET, .ai_flags = flags}, *found = NULL;
    int error = getaddrinfo(host, service, &hints, &found);
    if (error == 0) {
        EXPECT(found != NULL && found->ai_family == AF_INET);
        freeaddrinfo(found);
    }
    return error;
}

static void* look_up_in_vain(void* unused) {
    atomic_fetch_add(&begun, 1);
    EXPECT(look_up("nobody.example.org", "80", 0) == EAI_AGAIN);
    atomic_fetch_sub(&unfinished, 1);
    return unused;
}

static void print_host(const char* what, const struct hostent* host) {
    char address[INET6_ADDRSTRLEN] = "";
    if (host != NULL) inet_ntop(host->h_addrtype, host->h_addr_list[0], address, sizeof address);
    printf("%s: %s %d\n", what, host != NULL ? address : "none", host != NULL ? 0 : h_errno);
}

static void* print_answers(void* unused) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
    char host[256], service[64], buffer[4096];
    struct hostent room, *result = NULL;
    int error = 0;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    printf("numbers: %d %d\n", look_up("127.0.0.1", "80", 0), look_up("nobody", "80", AI_NUMERICHOST));
    printf("localhost: %d, no server: %d\n", look_up("localhost", "http", 0), look_up("nobody.example.org", "80", 0));
    int name_error =
        getnameinfo((struct sockaddr*)&address, sizeof address, host, sizeof host, service, sizeof service, 0);
    printf("name: %d %s %s\n", name_error, host, service);
    print_host("by name", gethostbyname("localhost"));
    print_host("by name, no server", gethostbyname("nobody.example.org"));
    print_host("by name and family", gethostbyname2("localhost", AF_INET));
    print_host("by address", gethostbyaddr(&address.sin_addr, sizeof address.sin_addr, AF_INET));
    int status = gethostbyname_r("localhost", &room, buffer, sizeof buffer, &result, &error);
    print_host("reentrant", status == 0 ? result : NULL);
    status = gethostbyname_r("nobody.example.org", &room, buffer, sizeof buffer, &result, &error);
    printf("reentrant, no server: %d %d %d\n", status, result == NULL, error);
    struct servent* by_name = getservbyname("http", "tcp");
    printf("service: %d\n", by_name != NULL ? ntohs((uint16_t)by_name->s_port) : -1);
    struct passwd* user = getpwuid(0);
    struct group* group = getgrnam("root");
    printf("user: %s, group: %d\n", user != NULL ? user->pw_name : "none", group != NULL ? (int)group->gr_gid : -1);
    fflush(stdout);
    return unused;
}

static void start(pthread_t* ids, int count, void* (*run)(void*)) {
    atomic_store(&unfinished, count);
    for (int i = 0; i < count; ++i) EXPECT(pthread_create(&ids[i], NULL, run, (void*)(intptr_t)i) == 0);
    while (atomic_load(&begun) < count) sched_yield();
}

static void read_beside_lookups(const char* file) {
    pthread_t ids[kLookups];
    char text[4096];
    start(ids, kLookups, look_up_in_vain);
    int fd = open(file, O_RDONLY);
    EXPECT(fd >= 0);
    for (int i = 0; i < kReads; ++i) {
        EXPECT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
        EXPECT(pread(fd, text, sizeof text, 0) == sizeof text);
    }
    EXPECT(atomic_load(&unfinished) == kLookups && close(fd) == 0);
    for (int i = 0; i < kLookups; ++i) EXPECT(pthread_join(ids[i], NULL) == 0);
}

static void* read_slowly(void* number) {
    char path[512], byte;
    snprintf(path, sizeof path, "%s/file%d", directory, (int)(intptr_t)number);
    atomic_fetch_add(&begun, 1);
    int fd = open(path, O_RDONLY);
    EXPECT(fd >= 0 && read(fd, &byte, 1) == 1 && close(fd) == 0);
    atomic_fetch_sub(&unfinished, 1);
    return NULL;
}

static void look_up_beside_reads(void) {
    pthread_t ids[kSlowReaders];
    start(ids, kSlowReaders, read_slowly);
    for (int i = 0; i < kRounds; ++i) EXPECT(look_up("localhost", "80", 0) == 0);
    EXPECT(atomic_load(&unfinished) == kSlowReaders);
    for (int i = 0; i < kSlowReaders; ++i) EXPECT(pthread_join(ids[i], NULL) == 0);
}

int main(int argc, char** argv) {
    EXPECT(argc >= 2);
    alarm(55);
    if (strcmp(argv[1], "answers") == 0) {
        pthread_t thread;
        EXPECT(pthread_create(&thread, NULL, print_answers, NULL) == 0 && pthread_join(thread, NULL) == 0);
    } else if (strcmp(argv[1], "files") == 0) {
        read_beside_lookups(argv[2]);
    } else {
        directory = argv[2];
        look_up_beside_reads();
    }
    pass(argv[1]);
    return 0;
}
