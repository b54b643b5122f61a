// SPDX-License-Identifier: Apache-2.0
//
// See path_ops.h.

#include "runtime/io/path_ops.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "runtime/core/blocking_call.h"
#include "runtime/core/worker.h"
#include "runtime/io/fd_table.h"
#include "runtime/io/file_ops.h"
#include "runtime/io/file_system.h"
#include "runtime/io/offload_pool.h"

namespace rondo {

namespace {

// <linux/openat2.h>; the numbers are the same on all architectures.
struct OpenHow {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
};
constexpr uint64_t kOnlyCached = 0x20;
constexpr unsigned kMemoryDevices = 1;  // the major number of /dev/null and its like

struct Opening {
    int directory;
    const char* path;
    int flags;
    mode_t mode;
    long result;
    bool waits;      // for the other side of a FIFO, or a terminal
    uint8_t remote;  // FdEntry::kRemote or 0
    mode_t type;     // 0: not known
};

// A look at what a path leads to, which opens and waits for nothing that the look-up itself does not wait for.
class Look {
   public:
    Look(int directory, const char* path, int flags, uint64_t resolve) {
        OpenHow how{O_PATH | O_CLOEXEC | static_cast<uint64_t>(flags & (O_NOFOLLOW | O_DIRECTORY)), 0, resolve};
        long fd = sys::call(SYS_openat2, directory, sys::to_arg(path), sys::to_arg(&how), sizeof how);
        if (fd < 0) {
            error_ = fd;
            return;
        }
        seen_ = look_at_file(static_cast<int>(fd));
        sys::close(static_cast<int>(fd));
    }

    bool found() const { return error_ == 0; }
    const SeenFile& file() const { return seen_; }

    // The path leads nowhere, and looking further would not change that.
    bool is_certain_error() const {
        return error_ == -ENOENT || error_ == -ENOTDIR || error_ == -EACCES || error_ == -ELOOP ||
               error_ == -ENAMETOOLONG || error_ == -EFAULT || error_ == -EBADF;
    }
    long error() const { return error_; }

   private:
    SeenFile seen_;
    long error_ = 0;
};

// /proc answers at once, but its links are never cached. Where it leads out of itself, others may be asked.
bool stays_in_proc(const char* path) {
    constexpr const char* kWaysOut[] = {"/fd/", "/root/", "/cwd/"};
    bool stays = strncmp(path, "/proc/", 6) == 0;
    for (const char* way : kWaysOut) {
        stays = stays && strstr(path, way) == nullptr;
    }
    return stays;
}

void open_now(Opening& opening) {
    opening.result = sys::call(SYS_openat, opening.directory, sys::to_arg(opening.path), opening.flags, opening.mode);
}

bool waits_for_other_side(const Opening& opening, const SeenFile& file) {
    if ((opening.flags & (O_NONBLOCK | O_PATH)) != 0) {
        return false;
    }
    if (S_ISFIFO(file.type)) {
        return (opening.flags & O_ACCMODE) != O_RDWR;
    }
    return S_ISCHR(file.type) && file.device_major != kMemoryDevices;
}

void keep(Opening& opening, const SeenFile& file) {
    opening.type = file.type;
    opening.remote = file.local ? 0 : FdEntry::kRemote;
    opening.waits = waits_for_other_side(opening, file);
}

// True: done, or known to wait. What changes the file system writes to it, and that may take long.
bool open_from_cache(Opening& opening) {
    constexpr int kChanges = O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
    if ((opening.flags & kChanges) != 0) {
        return false;
    }
    Look look(opening.directory, opening.path, opening.flags, kOnlyCached);
    // Only EAGAIN tells that the path itself could be read.
    if (look.error() == -EAGAIN && stays_in_proc(opening.path)) {
        open_now(opening);
        return true;
    }
    if (!look.found()) {
        opening.result = look.error();
        return look.is_certain_error();
    }
    if (!look.file().local || S_ISBLK(look.file().type)) {
        return false;
    }
    keep(opening, look.file());
    if (!opening.waits) {
        open_now(opening);
    }
    return true;
}

void open_on_thread(void* arg) {
    auto& opening = *static_cast<Opening*>(arg);
    Look look(opening.directory, opening.path, opening.flags, 0);
    if (look.found()) {
        keep(opening, look.file());
    }
    if (opening.waits) {
        return;
    }
    open_now(opening);
    if (opening.result >= 0 && !look.found()) {
        SeenFile file = look_at_file(static_cast<int>(opening.result));
        opening.type = file.type;
        opening.remote = file.local ? 0 : FdEntry::kRemote;
    }
}

void note_birth(const Opening& opening) {
    FdTable& table = FdTable::instance();
    uint8_t flags = (opening.flags & O_NONBLOCK) != 0 ? FdEntry::kNonblocking : 0;
    if (S_ISREG(opening.type) || S_ISDIR(opening.type)) {
        table.born(opening.result, FdKind::file, flags | opening.remote);
    } else if (S_ISFIFO(opening.type)) {
        table.born(opening.result, FdKind::pipe, flags);
    } else {
        table.born_unknown(static_cast<int>(opening.result));
    }
}

}  // namespace

long io_openat(int directory, const char* path, int flags, mode_t mode) {
    Opening opening{directory, path, flags, mode, 0, false, 0, 0};
    if (current_fiber() == nullptr) {
        open_now(opening);
    } else {
        cancellation_point();
        if (!open_from_cache(opening) && OffloadPool::files().run(open_on_thread, &opening) != 0) {
            open_on_thread(&opening);
        }
        if (opening.waits) {
            BlockingCall call{{SYS_openat, {directory, sys::to_arg(path), flags, mode}}};
            opening.result = finish_blocking_call(call, Restart::allowed);
        }
        self_->spend_budget("path");
    }
    if (opening.result >= 0) {
        note_birth(opening);
    }
    return opening.result;
}

bool path_waits(int directory, const char* path, bool follow) {
    Look look(directory, path, follow ? 0 : O_NOFOLLOW, kOnlyCached);
    mode_t type = look.file().type;
    bool plain = S_ISREG(type) || S_ISDIR(type) || S_ISLNK(type);
    return look.found() ? !plain || !look.file().local : !look.is_certain_error();
}

void note_opened(int fd) {
    SeenFile file = look_at_file(fd);
    if (S_ISREG(file.type) || S_ISDIR(file.type)) {
        FdTable::instance().born(fd, FdKind::file, file.local ? 0 : FdEntry::kRemote);
    } else {
        FdTable::instance().born_unknown(fd);
    }
}

}  // namespace rondo
