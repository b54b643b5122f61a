// SPDX-License-Identifier: Apache-2.0
// path family: whatever looks up a path, and so may wait for a disk, a server, or another program.
//
// Opening is the runtime's. What only looks (stat, access, readlink) or changes one file's attributes is done in place
// when the path is in the kernel's caches and its file system is local; what changes a directory is written to the
// disk, and always runs on a kernel thread. What calls back into the program (scandir, ftw, glob) is libc's.
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

#include "export.h"
#include "offloaded.h"

namespace {

using namespace rondo::shim;

RONDO_REAL(access);
RONDO_REAL(chdir);
RONDO_REAL(chmod);
RONDO_REAL(chown);
RONDO_REAL(euidaccess);
RONDO_REAL(faccessat);
RONDO_REAL(fchmodat);
RONDO_REAL(fchownat);
RONDO_REAL(fopen);
RONDO_REAL(lchown);
RONDO_REAL(link);
RONDO_REAL(linkat);
RONDO_REAL(mkdir);
RONDO_REAL(mkdirat);
RONDO_REAL(mkostemp);
RONDO_REAL(mkstemp);
RONDO_REAL(opendir);
RONDO_REAL(readdir);
RONDO_REAL(readlink);
RONDO_REAL(readlinkat);
RONDO_REAL(remove);
RONDO_REAL(rename);
RONDO_REAL(renameat);
RONDO_REAL(renameat2);
RONDO_REAL(rmdir);
RONDO_REAL(symlink);
RONDO_REAL(symlinkat);
RONDO_REAL(truncate);
RONDO_REAL(unlink);
RONDO_REAL(unlinkat);
RONDO_REAL(utimensat);
RONDO_REAL(utimes);
RONDO_REGISTERED constinit Real<char*(const char*, char*)> real_realpath("realpath");
RONDO_REGISTERED constinit Real<int(const char*, int)> real_open_2("__open_2");
RONDO_REGISTERED constinit Real<int(int, const char*, int)> real_openat_2("__openat_2");

constexpr int kTemporary = O_TMPFILE & ~O_DIRECTORY;

bool needs_mode(int flags) { return (flags & (O_CREAT | kTemporary)) != 0; }

template <typename Stream>
Stream* opened(Stream* stream, int (*number)(Stream*)) {
    if (stream != nullptr) rondo_fd_opened(number(stream));
    return stream;
}

// Reading opens what is there; all other modes may make or empty a file.
bool only_reads(const char* mode) {
    for (; *mode != '\0' && *mode != ','; ++mode) {
        if (*mode == 'w' || *mode == 'a' || *mode == '+') return false;
    }
    return true;
}

}  // namespace

RONDO_EXPORT(int, open, (const char* path, int flags, ...)) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = needs_mode(flags) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return rondo_open(path, flags, mode);
}
RONDO_ALIAS(__open, open);
RONDO_ALIAS(__open64, open);
RONDO_ALIAS(open64, open);

RONDO_EXPORT(int, openat, (int directory, const char* path, int flags, ...)) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = needs_mode(flags) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return rondo_openat(directory, path, flags, mode);
}
RONDO_ALIAS(openat64, openat);

// The forms of fortified callers that pass no mode; libc's end the process where one is needed.
RONDO_EXPORT_UNDECLARED(int, __open_2, (const char* path, int flags)) {
    return needs_mode(flags) ? real_open_2(path, flags) : rondo_open(path, flags, 0);
}
RONDO_EXPORT_UNDECLARED(int, __open64_2, (const char* path, int flags)) {
    return needs_mode(flags) ? real_open_2(path, flags) : rondo_open(path, flags, 0);
}
RONDO_EXPORT_UNDECLARED(int, __openat_2, (int directory, const char* path, int flags)) {
    return needs_mode(flags) ? real_openat_2(directory, path, flags) : rondo_openat(directory, path, flags, 0);
}
RONDO_EXPORT_UNDECLARED(int, __openat64_2, (int directory, const char* path, int flags)) {
    return needs_mode(flags) ? real_openat_2(directory, path, flags) : rondo_openat(directory, path, flags, 0);
}

RONDO_EXPORT(int, creat, (const char* path, mode_t mode)) {
    return rondo_open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
RONDO_ALIAS(creat64, creat);

RONDO_EXPORT(FILE*, fopen, (const char* path, const char* mode)) {
    rondo_testcancel();
    FILE* stream =
        only_reads(mode) ? looked_up(AT_FDCWD, path, true, real_fopen, path, mode) : offloaded(real_fopen, path, mode);
    return opened(stream, fileno);
}
RONDO_ALIAS(_IO_fopen, fopen);
RONDO_ALIAS(fopen64, fopen);

RONDO_EXPORT(DIR*, opendir, (const char* path)) {
    rondo_testcancel();
    return opened(looked_up(AT_FDCWD, path, true, real_opendir, path), dirfd);
}

RONDO_EXPORT(dirent*, readdir, (DIR * directory)) { return asked_about(dirfd(directory), real_readdir, directory); }
RONDO_ALIAS(readdir64, readdir);

RONDO_EXPORT(int, mkstemp, (char* pattern)) { return rondo_fd_opened(offloaded(real_mkstemp, pattern)); }
RONDO_ALIAS(mkstemp64, mkstemp);

RONDO_EXPORT(int, mkostemp, (char* pattern, int flags)) {
    return rondo_fd_opened(offloaded(real_mkostemp, pattern, flags));
}
RONDO_ALIAS(mkostemp64, mkostemp);

RONDO_EXPORT(int, access, (const char* path, int mode)) {
    return looked_up(AT_FDCWD, path, true, real_access, path, mode);
}

RONDO_EXPORT(int, euidaccess, (const char* path, int mode)) {
    return looked_up(AT_FDCWD, path, true, real_euidaccess, path, mode);
}
RONDO_ALIAS(eaccess, euidaccess);

RONDO_EXPORT(int, faccessat, (int directory, const char* path, int mode, int flags)) {
    return looked_up(directory, path, (flags & AT_SYMLINK_NOFOLLOW) == 0, real_faccessat, directory, path, mode, flags);
}

RONDO_EXPORT(ssize_t, readlink, (const char* path, char* buffer, size_t length)) {
    return looked_up(AT_FDCWD, path, false, real_readlink, path, buffer, length);
}

RONDO_EXPORT(ssize_t, readlinkat, (int directory, const char* path, char* buffer, size_t length)) {
    return looked_up(directory, path, false, real_readlinkat, directory, path, buffer, length);
}

RONDO_EXPORT(char*, realpath, (const char* path, char* resolved)) {
    if (path == nullptr) return real_realpath(path, resolved);
    return looked_up(AT_FDCWD, path, true, real_realpath, path, resolved);
}

RONDO_EXPORT(int, chdir, (const char* path)) { return looked_up(AT_FDCWD, path, true, real_chdir, path); }

RONDO_EXPORT(int, chmod, (const char* path, mode_t mode)) {
    return looked_up(AT_FDCWD, path, true, real_chmod, path, mode);
}

RONDO_EXPORT(int, fchmodat, (int directory, const char* path, mode_t mode, int flags)) {
    return looked_up(directory, path, (flags & AT_SYMLINK_NOFOLLOW) == 0, real_fchmodat, directory, path, mode, flags);
}

RONDO_EXPORT(int, chown, (const char* path, uid_t owner, gid_t group)) {
    return looked_up(AT_FDCWD, path, true, real_chown, path, owner, group);
}

RONDO_EXPORT(int, lchown, (const char* path, uid_t owner, gid_t group)) {
    return looked_up(AT_FDCWD, path, false, real_lchown, path, owner, group);
}

RONDO_EXPORT(int, fchownat, (int directory, const char* path, uid_t owner, gid_t group, int flags)) {
    return looked_up(directory, path, (flags & AT_SYMLINK_NOFOLLOW) == 0, real_fchownat, directory, path, owner, group,
                     flags);
}

RONDO_EXPORT(int, utimes, (const char* path, const timeval* times)) {
    return looked_up(AT_FDCWD, path, true, real_utimes, path, times);
}

RONDO_EXPORT(int, utimensat, (int directory, const char* path, const timespec* times, int flags)) {
    if (path == nullptr) return real_utimensat(directory, path, times, flags);
    return looked_up(directory, path, (flags & AT_SYMLINK_NOFOLLOW) == 0, real_utimensat, directory, path, times,
                     flags);
}

RONDO_EXPORT(int, truncate, (const char* path, off_t length)) { return offloaded(real_truncate, path, length); }
RONDO_ALIAS(truncate64, truncate);

RONDO_EXPORT(int, unlink, (const char* path)) { return offloaded(real_unlink, path); }

RONDO_EXPORT(int, unlinkat, (int directory, const char* path, int flags)) {
    return offloaded(real_unlinkat, directory, path, flags);
}

RONDO_EXPORT(int, remove, (const char* path)) { return offloaded(real_remove, path); }

RONDO_EXPORT(int, rename, (const char* from, const char* to)) { return offloaded(real_rename, from, to); }

RONDO_EXPORT(int, renameat, (int from_directory, const char* from, int to_directory, const char* to)) {
    return offloaded(real_renameat, from_directory, from, to_directory, to);
}

RONDO_EXPORT(int, renameat2, (int from_directory, const char* from, int to_directory, const char* to, unsigned flags)) {
    return offloaded(real_renameat2, from_directory, from, to_directory, to, flags);
}

RONDO_EXPORT(int, link, (const char* from, const char* to)) { return offloaded(real_link, from, to); }

RONDO_EXPORT(int, linkat, (int from_directory, const char* from, int to_directory, const char* to, int flags)) {
    return offloaded(real_linkat, from_directory, from, to_directory, to, flags);
}

RONDO_EXPORT(int, symlink, (const char* target, const char* path)) { return offloaded(real_symlink, target, path); }

RONDO_EXPORT(int, symlinkat, (const char* target, int directory, const char* path)) {
    return offloaded(real_symlinkat, target, directory, path);
}

RONDO_EXPORT(int, mkdir, (const char* path, mode_t mode)) { return offloaded(real_mkdir, path, mode); }

RONDO_EXPORT(int, mkdirat, (int directory, const char* path, mode_t mode)) {
    return offloaded(real_mkdirat, directory, path, mode);
}

RONDO_EXPORT(int, rmdir, (const char* path)) { return offloaded(real_rmdir, path); }
