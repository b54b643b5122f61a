// SPDX-License-Identifier: Apache-2.0
//
// See mapping.h. A line of /proc/self/maps reads "START-END rwxs OFFSET …" with hexadecimal addresses, in rising order,
// so a small machine that takes one character at a time needs no buffer for whole lines.

#include "runtime/base/mapping.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include "runtime/base/sys.h"

namespace rondo {

namespace {

// struct procmap_query of <linux/fs.h>, which older headers lack.
struct MappingQuery {
    uint64_t size = sizeof(MappingQuery);
    uint64_t query_flags = 0;
    uint64_t address = 0;
    uint64_t start = 0;
    uint64_t end = 0;
    uint64_t flags = 0;
    uint64_t unused[7] = {};
};
static_assert(sizeof(MappingQuery) == 104);

constexpr unsigned long kQueryMapping = _IOWR('f', 17, MappingQuery);
constexpr uint64_t kSharedMapping = 8;

class MapsLine {
   public:
    explicit MapsLine(uint64_t address) : address_(address) {}

    // True once the line of the address has told its permissions, or the lines have passed it.
    bool take(char c) {
        if (c == '\n') {
            *this = MapsLine(address_);
        } else if (column_ < kDone) {
            column_ += c == '-' && column_ == kStart ? 1 : 0;
            column_ += c == ' ' ? 1 : 0;
            take_in_column(c);
        }
        return found_;
    }
    bool shared() const { return shared_; }

   private:
    enum Column : int { kStart, kEnd, kPermissions, kDone };

    void take_in_column(char c) {
        if (column_ == kStart || column_ == kEnd) {
            uint64_t& value = column_ == kStart ? start_ : end_;
            value = c == '-' ? value : value * 16 + static_cast<uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
        } else if (column_ == kPermissions && (c == 's' || c == 'p')) {
            found_ = address_ < end_;
            shared_ = c == 's' && address_ >= start_;
        }
    }

    uint64_t address_;
    uint64_t start_ = 0;
    uint64_t end_ = 0;
    int column_ = kStart;
    bool found_ = false;
    bool shared_ = false;
};

bool shared_by_lines(int fd, uint64_t address) {
    char text[1024];
    MapsLine line(address);
    for (;;) {
        long length = sys::read(fd, text, sizeof text);
        if (length <= 0) {
            return length < 0;
        }
        for (long i = 0; i < length; ++i) {
            if (line.take(text[i])) {
                return line.shared();
            }
        }
    }
}

int open_maps() {
    return static_cast<int>(sys::call(SYS_openat, AT_FDCWD, sys::to_arg("/proc/self/maps"), O_RDONLY | O_CLOEXEC));
}

}  // namespace

bool may_be_shared(const void* address) {
    int fd = open_maps();
    if (fd < 0) {
        return true;
    }
    MappingQuery query;
    query.address = static_cast<uint64_t>(sys::to_arg(address));
    long result = sys::call(SYS_ioctl, fd, static_cast<long>(kQueryMapping), sys::to_arg(&query));
    sys::close(fd);
    return result == 0 ? (query.flags & kSharedMapping) != 0 : may_be_shared_by_lines(address);
}

bool may_be_shared_by_lines(const void* address) {
    int fd = open_maps();
    if (fd < 0) {
        return true;
    }
    bool shared = shared_by_lines(fd, static_cast<uint64_t>(sys::to_arg(address)));
    sys::close(fd);
    return shared;
}

}  // namespace rondo
