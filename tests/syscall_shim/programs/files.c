/* SPDX-License-Identifier: Apache-2.0
 *
 * Files, paths and transfers inside the kernel, each checked for what it returns, in a directory of its own. Where a
 * transfer must wait, another thread brings about what it waits for.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>

#include "expect.h"

enum { kLarge = 3 << 20 };

static char directory[] = "/tmp/rondo_files_XXXXXX";
static char large[kLarge];

static int make(const char* name, const void* bytes, size_t length) {
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    EXPECT(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
    return fd;
}

static void test_places(void) {
    char text[16] = "";
    int fd = make("places", "0123456789", 10);
    struct iovec parts[2] = {{text, 2}, {text + 2, 3}};
    EXPECT(pread(fd, text, 4, 3) == 4 && memcmp(text, "3456", 4) == 0);
    EXPECT(preadv(fd, parts, 2, 1) == 5 && memcmp(text, "12345", 5) == 0);
    EXPECT(preadv2(fd, parts, 2, 0, 0) == 5 && memcmp(text, "01234", 5) == 0);
    EXPECT(pread(fd, text, 4, 10) == 0 && pread(fd, text, 4, 8) == 2);
    EXPECT(pread(fd, text, 1, -1) == -1 && errno == EINVAL);
    EXPECT(pwrite(fd, "ab", 2, 9) == 2 && pwritev(fd, (struct iovec[]){{(char*)"c", 1}}, 1, 11) == 1);
    EXPECT(lseek(fd, 0, SEEK_CUR) == 10 && lseek(fd, 0, SEEK_END) == 12);
    EXPECT(pwritev2(fd, (struct iovec[]){{(char*)"d", 1}}, 1, -1, 0) == 1 && lseek(fd, 0, SEEK_CUR) == 13);
    EXPECT(pread(fd, text, 16, 8) == 5 && memcmp(text, "8abcd", 5) == 0);
    EXPECT(fsync(fd) == 0 && fdatasync(fd) == 0 && syncfs(fd) == 0);
    EXPECT(ftruncate(fd, 4) == 0 && fallocate(fd, 0, 0, 8192) == 0 && posix_fallocate(fd, 0, 10000) == 0);
    struct stat status;
    EXPECT(fstat(fd, &status) == 0 && status.st_size == 10000);
    int ends[2];
    EXPECT(pipe(ends) == 0 && pread(ends[0], text, 1, 0) == -1 && errno == ESPIPE);
    EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0 && close(fd) == 0);
    EXPECT(pread(fd, text, 1, 0) == -1 && errno == EBADF);
    pass("places");
}

static void test_paths(void) {
    struct stat status, other;
    char text[PATH_MAX];
    int fd = make("one", "x", 1);
    EXPECT(stat("one", &status) == 0 && status.st_size == 1 && fstatat(AT_FDCWD, "one", &other, 0) == 0);
    EXPECT(status.st_ino == other.st_ino && (status.st_mode & 0777) == 0640);
    EXPECT(symlink("one", "link") == 0 && lstat("link", &status) == 0 && S_ISLNK(status.st_mode));
    EXPECT(readlink("link", text, sizeof text) == 3 && memcmp(text, "one", 3) == 0);
    EXPECT(realpath("link", text) == text && strcmp(strrchr(text, '/'), "/one") == 0);
    EXPECT(open("link", O_RDONLY | O_NOFOLLOW) == -1 && errno == ELOOP);
    EXPECT(access("one", R_OK) == 0 && access("none", F_OK) == -1 && errno == ENOENT);
    EXPECT(open("none", O_RDONLY) == -1 && errno == ENOENT && open("one/x", O_RDONLY) == -1 && errno == ENOTDIR);
    EXPECT(open("one", O_CREAT | O_EXCL | O_WRONLY, 0600) == -1 && errno == EEXIST);
    EXPECT(open(".", O_WRONLY) == -1 && errno == EISDIR);
    EXPECT(rename("one", "two") == 0 && link("two", "three") == 0 && stat("three", &status) == 0 &&
           status.st_nlink == 2);
    EXPECT(chmod("two", 0600) == 0 && truncate("two", 7) == 0 && fstat(fd, &status) == 0 && status.st_size == 7);
    EXPECT(mkdir("inner", 0700) == 0 && mkdir("inner", 0700) == -1 && errno == EEXIST);
    int inner = open("inner", O_RDONLY | O_DIRECTORY);
    int file = openat(inner, "file", O_WRONLY | O_CREAT | O_NONBLOCK, 0600);
    EXPECT(inner >= 0 && file >= 0 && (fcntl(file, F_GETFL) & O_NONBLOCK) != 0 && write(file, "y", 1) == 1);
    DIR* entries = opendir("inner");
    int count = 0;
    for (struct dirent* entry; (entry = readdir(entries)) != NULL;) count += entry->d_name[0] != '.';
    EXPECT(count == 1 && closedir(entries) == 0);
    EXPECT(rmdir("inner") == -1 && errno == ENOTEMPTY && unlinkat(inner, "file", 0) == 0 && rmdir("inner") == 0);
    EXPECT(unlink("two") == 0 && remove("three") == 0 && unlink("link") == 0);
    struct statvfs volume;
    EXPECT(statvfs(".", &volume) == 0 && volume.f_bsize > 0);
    int null = open("/dev/null", O_WRONLY);
    EXPECT(null >= 0 && write(null, "z", 1) == 1);
    EXPECT(close(null) == 0 && close(inner) == 0 && close(file) == 0 && close(fd) == 0);
    pass("paths");
}

static void* open_to_write(void* name) {
    int fd = open((const char*)name, O_WRONLY);
    EXPECT(fd >= 0 && write(fd, "through", 7) == 7 && close(fd) == 0);
    return NULL;
}

static void test_fifo(void) {
    pthread_t writer;
    char text[16];
    EXPECT(mkfifo("fifo", 0600) == 0);
    EXPECT(open("fifo", O_WRONLY | O_NONBLOCK) == -1 && errno == ENXIO);
    EXPECT(pthread_create(&writer, NULL, open_to_write, (void*)"fifo") == 0);
    int fd = open("fifo", O_RDONLY);
    EXPECT(fd >= 0 && read(fd, text, sizeof text) == 7 && memcmp(text, "through", 7) == 0);
    EXPECT(read(fd, text, sizeof text) == 0 && close(fd) == 0 && pthread_join(writer, NULL) == 0);
    EXPECT(unlink("fifo") == 0);
    pass("fifo");
}

static void* read_large(void* fd) {
    static char got[kLarge];
    size_t done = 0;
    for (ssize_t some; done < kLarge && (some = read(*(int*)fd, got + done, kLarge - done)) > 0;) done += (size_t)some;
    EXPECT(done == kLarge && memcmp(got, large, kLarge) == 0);
    return NULL;
}

static void send_through(int to, int from, int file) {
    pthread_t reader;
    off_t offset = 0;
    EXPECT(pthread_create(&reader, NULL, read_large, &from) == 0);
    while (offset < kLarge) EXPECT(sendfile(to, file, &offset, kLarge) > 0);
    EXPECT(offset == kLarge && sendfile(to, file, &offset, 1) == 0 && pthread_join(reader, NULL) == 0);
    EXPECT((fcntl(to, F_GETFL) & O_NONBLOCK) == 0);
}

static void test_sendfile(void) {
    int pair[2], ends[2];
    for (int i = 0; i < kLarge; ++i) large[i] = (char)(i * 31 + i / 251);
    int file = make("large", large, kLarge), copy = make("copy", "", 0);
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && pipe(ends) == 0);
    send_through(pair[0], pair[1], file);
    send_through(ends[1], ends[0], file);
    int shared = dup(pair[0]);
    EXPECT(shared >= 0);
    send_through(shared, pair[1], file);
    off_t from = 0, to = 0;
    while (from < kLarge) EXPECT(copy_file_range(file, &from, copy, &to, kLarge, 0) > 0);
    EXPECT(to == kLarge && lseek(file, 0, SEEK_SET) == 0 && sendfile(copy, file, NULL, 1000) == 1000);
    EXPECT(lseek(file, 0, SEEK_CUR) == 1000 && sendfile(-1, file, NULL, 1) == -1 && errno == EBADF);
    int all[] = {pair[0], pair[1], ends[0], ends[1], shared, file, copy};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) EXPECT(close(all[i]) == 0);
    pass("sendfile");
}

static int relay_from, relay_to, relay_pipe[2];

static void* relay(void* unused) {
    size_t done = 0;
    while (done < kLarge) {
        ssize_t got = splice(relay_from, NULL, relay_pipe[1], NULL, 65536, 0);
        EXPECT(got > 0);
        for (ssize_t sent = 0, some; sent < got; sent += some) {
            some = splice(relay_pipe[0], NULL, relay_to, NULL, (size_t)(got - sent), 0);
            EXPECT(some > 0);
        }
        done += (size_t)got;
    }
    return unused;
}

static void test_splice(void) {
    int in[2], out[2], first[2], second[2];
    char text[8] = "";
    pthread_t relayer, reader;
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, in) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, out) == 0);
    EXPECT(pipe(relay_pipe) == 0);
    relay_from = in[1];
    relay_to = out[0];
    EXPECT(pthread_create(&relayer, NULL, relay, NULL) == 0 && pthread_create(&reader, NULL, read_large, &out[1]) == 0);
    EXPECT(write(in[0], large, kLarge) == kLarge);
    EXPECT(pthread_join(relayer, NULL) == 0 && pthread_join(reader, NULL) == 0);
    EXPECT(pipe(first) == 0 && pipe(second) == 0);
    struct iovec word = {(char*)"word", 4};
    EXPECT(tee(first[0], second[1], 4, SPLICE_F_NONBLOCK) == -1 && errno == EAGAIN);
    EXPECT(vmsplice(first[1], &word, 1, 0) == 4 && tee(first[0], second[1], 4, 0) == 4);
    EXPECT(read(first[0], text, 4) == 4 && read(second[0], text + 4, 4) == 4 && memcmp(text, "wordword", 8) == 0);
    int all[] = {in[0], in[1], out[0], out[1], relay_pipe[0], relay_pipe[1], first[0], first[1], second[0], second[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) EXPECT(close(all[i]) == 0);
    pass("splice");
}

static void* all_parts(void* unused) {
    test_places();
    test_paths();
    test_fifo();
    test_sendfile();
    test_splice();
    return unused;
}

int main(void) {
    pthread_t thread;
    alarm(50);
    EXPECT(mkdtemp(directory) == directory && chdir(directory) == 0);
    EXPECT(pthread_create(&thread, NULL, all_parts, NULL) == 0 && pthread_join(thread, NULL) == 0);
    EXPECT(unlink("places") == 0 && unlink("large") == 0 && unlink("copy") == 0 && chdir("/") == 0);
    EXPECT(rmdir(directory) == 0);
    return 0;
}
