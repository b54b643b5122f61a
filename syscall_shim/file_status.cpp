// SPDX-License-Identifier: Apache-2.0
// path family: the attributes of files and file systems.
//
// A path that is in the kernel's caches, on a local file system, is asked about in place; so is a descriptor unless a
// server keeps its file. The rest, and whatever asks a file system about itself, runs on a kernel thread. The forms
// with a version number are those that programs linked before glibc 2.33 call.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "export.h"
#include "offloaded.h"

namespace {

using namespace rondo::shim;

using Status = struct stat;
using StatusOfSystem = struct statfs;
using StatusOfVolume = struct statvfs;
using WideStatus = struct statx;

RONDO_REGISTERED constinit Real<int(const char*, Status*)> real_stat("stat");
RONDO_REGISTERED constinit Real<int(const char*, Status*)> real_lstat("lstat");
RONDO_REGISTERED constinit Real<int(int, Status*)> real_fstat("fstat");
RONDO_REGISTERED constinit Real<int(int, const char*, Status*, int)> real_fstatat("fstatat");
RONDO_REGISTERED constinit Real<int(int, const char*, int, unsigned, WideStatus*)> real_statx("statx");
RONDO_REGISTERED constinit Real<int(int, const char*, Status*)> real_xstat("__xstat");
RONDO_REGISTERED constinit Real<int(int, const char*, Status*)> real_lxstat("__lxstat");
RONDO_REGISTERED constinit Real<int(int, int, Status*)> real_fxstat("__fxstat");
RONDO_REGISTERED constinit Real<int(int, int, const char*, Status*, int)> real_fxstatat("__fxstatat");
RONDO_REGISTERED constinit Real<int(const char*, StatusOfSystem*)> real_statfs("statfs");
RONDO_REGISTERED constinit Real<int(int, StatusOfSystem*)> real_fstatfs("fstatfs");
RONDO_REGISTERED constinit Real<int(const char*, StatusOfVolume*)> real_statvfs("statvfs");
RONDO_REGISTERED constinit Real<int(int, StatusOfVolume*)> real_fstatvfs("fstatvfs");

bool follows(int flags) { return (flags & AT_SYMLINK_NOFOLLOW) == 0; }

// With an empty path the question is about the descriptor.
template <typename F, typename... Arguments>
int ask_at(int directory, const char* path, int flags, Real<F>& real, Arguments... arguments) {
    bool about_descriptor = (flags & AT_EMPTY_PATH) != 0 && (path == nullptr || *path == '\0');
    if (about_descriptor) return asked_about(directory, real, arguments...);
    return looked_up(directory, path, follows(flags), real, arguments...);
}

}  // namespace

RONDO_EXPORT(int, stat, (const char* path, Status* status)) {
    return looked_up(AT_FDCWD, path, true, real_stat, path, status);
}
RONDO_ALIAS(stat64, stat);

RONDO_EXPORT(int, lstat, (const char* path, Status* status)) {
    return looked_up(AT_FDCWD, path, false, real_lstat, path, status);
}
RONDO_ALIAS(lstat64, lstat);

RONDO_EXPORT(int, fstat, (int fd, Status* status)) { return asked_about(fd, real_fstat, fd, status); }
RONDO_ALIAS(__fstat64, fstat);
RONDO_ALIAS(fstat64, fstat);

RONDO_EXPORT(int, fstatat, (int directory, const char* path, Status* status, int flags)) {
    return ask_at(directory, path, flags, real_fstatat, directory, path, status, flags);
}
RONDO_ALIAS(fstatat64, fstatat);

RONDO_EXPORT(int, statx, (int directory, const char* path, int flags, unsigned wanted, WideStatus* status)) {
    return ask_at(directory, path, flags, real_statx, directory, path, flags, wanted, status);
}

RONDO_EXPORT_UNDECLARED(int, __xstat, (int version, const char* path, Status* status)) {
    return looked_up(AT_FDCWD, path, true, real_xstat, version, path, status);
}
RONDO_ALIAS(__xstat64, __xstat);

RONDO_EXPORT_UNDECLARED(int, __lxstat, (int version, const char* path, Status* status)) {
    return looked_up(AT_FDCWD, path, false, real_lxstat, version, path, status);
}
RONDO_ALIAS(__lxstat64, __lxstat);

RONDO_EXPORT_UNDECLARED(int, __fxstat, (int version, int fd, Status* status)) {
    return asked_about(fd, real_fxstat, version, fd, status);
}
RONDO_ALIAS(__fxstat64, __fxstat);

RONDO_EXPORT_UNDECLARED(int, __fxstatat, (int version, int directory, const char* path, Status* status, int flags)) {
    return ask_at(directory, path, flags, real_fxstatat, version, directory, path, status, flags);
}
RONDO_ALIAS(__fxstatat64, __fxstatat);

RONDO_EXPORT(int, statfs, (const char* path, StatusOfSystem* status)) {
    return looked_up(AT_FDCWD, path, true, real_statfs, path, status);
}
RONDO_ALIAS(__statfs, statfs);
RONDO_ALIAS(statfs64, statfs);

RONDO_EXPORT(int, fstatfs, (int fd, StatusOfSystem* status)) { return asked_about(fd, real_fstatfs, fd, status); }
RONDO_ALIAS(fstatfs64, fstatfs);

RONDO_EXPORT(int, statvfs, (const char* path, StatusOfVolume* status)) {
    return looked_up(AT_FDCWD, path, true, real_statvfs, path, status);
}
RONDO_ALIAS(statvfs64, statvfs);

RONDO_EXPORT(int, fstatvfs, (int fd, StatusOfVolume* status)) { return asked_about(fd, real_fstatvfs, fd, status); }
RONDO_ALIAS(fstatvfs64, fstatvfs);
