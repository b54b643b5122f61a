// SPDX-License-Identifier: Apache-2.0
//
// See file_system.h. The list names what is known to be local; what is not in it counts as remote, and costs a change
// of threads. Overlays count as local by what they are commonly made of.

#include "runtime/io/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <cstring>

#include "runtime/base/sys.h"

namespace rondo {

namespace {

constexpr uint64_t kLocalMagics[] = {
    0xEF53,      // ext2, ext3, ext4
    0x58465342,  // xfs
    0x9123683E,  // btrfs
    0xF2F52010,  // f2fs
    0x2FC12FC1,  // zfs
    0x01021994,  // tmpfs
    0x858458F6,  // ramfs
    0x794C7630,  // overlayfs
    0x73717368,  // squashfs
    0xE0F5E1E2,  // erofs
    0x9660,      // isofs
    0x4D44,      // fat
    0x9FA0,      // proc
    0x62656572,  // sysfs
    0x1CD1,      // devpts
    0x27E0EB,    // cgroup
    0x63677270,  // cgroup2
};

constexpr unsigned kUniqueMount = 0x4000;  // STATX_MNT_ID_UNIQUE
constexpr unsigned kSuperblock = 1;        // STATMOUNT_SB_BASIC
constexpr long kStatmount = 457;

struct MountRequest {
    uint32_t size;
    uint32_t unused;
    uint64_t mount;
    uint64_t parameters;
};

// The beginning of struct statmount; the kernel fills the rest of its 512 bytes as well.
struct MountAnswer {
    uint32_t size;
    uint32_t unused;
    uint64_t mask;
    uint32_t device_major;
    uint32_t device_minor;
    uint64_t magic;
    char rest[480];
};
static_assert(sizeof(MountAnswer) == 512);

std::atomic<uint64_t> last_local_mount{0};

bool is_local_kind(uint64_t magic) {
    for (uint64_t local : kLocalMagics) {
        if (magic == local) {
            return true;
        }
    }
    return false;
}

bool is_local_mount(uint64_t mount) {
    if (mount == last_local_mount.load(std::memory_order_relaxed)) {
        return true;
    }
    MountRequest request{sizeof request, 0, mount, kSuperblock};
    MountAnswer answer;
    if (sys::call(kStatmount, sys::to_arg(&request), sys::to_arg(&answer), sizeof answer, 0) != 0 ||
        !is_local_kind(answer.magic)) {
        return false;
    }
    last_local_mount.store(mount, std::memory_order_relaxed);
    return true;
}

}  // namespace

SeenFile look_at_file(int fd) {
    struct statx status;
    long result = sys::call(SYS_statx, fd, sys::to_arg(""), AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
                            STATX_TYPE | kUniqueMount, sys::to_arg(&status));
    if (result != 0) {
        return {};
    }
    bool numbered = (status.stx_mask & kUniqueMount) != 0;
    uint64_t mount = 0;
    // stx_mnt_id, which older headers count among the spare fields, stands at byte 144.
    memcpy(&mount, reinterpret_cast<const char*>(&status) + 144, sizeof mount);
    bool local = numbered ? is_local_mount(mount) : status.stx_dev_major != 0;
    return {static_cast<mode_t>(status.stx_mode & S_IFMT), status.stx_rdev_major, local};
}

}  // namespace rondo
