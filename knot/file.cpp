// SPDX-License-Identifier: Apache-2.0
//
// See file.h. A File, its name, its texts and its content are one allocation.

#include "knot/file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>

#include "knot/content_type.h"
#include "knot/http_date.h"
#include "knot/path.h"

namespace knot {

namespace {

constexpr std::string_view kEmptyLine = "\r\n";
constexpr uint64_t kPagesFrom = 32 << 10;       // bytes from which sendfile is cheaper than a copy
constexpr uint64_t kDescriptorCost = 64 << 10;  // a descriptor is scarcer than the memory it takes
constexpr int64_t kGrain = 20'000'000;          // ns; file systems take the time of the last tick, 10 ms ago at most
constexpr int kAttempts = 8;

int64_t nanoseconds(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

bool same_time(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

int status_of(int error) {
    switch (error) {
        case EACCES:
        case EPERM:
            return 403;
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case EAGAIN:
        case EIO:
            return 503;
        default:
            return 404;
    }
}

// The kernel refuses every path that would leave `root`, whatever symbolic links are on the way. It answers EAGAIN if a
// directory was renamed meanwhile.
int open_below(int root, std::string_view name) {
    char path[kMostPath + 1];
    memcpy(path, name.data(), name.size());
    path[name.size()] = '\0';
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        long descriptor = syscall(SYS_openat2, root, path, &how, sizeof how);
        if (descriptor >= 0 || (errno != EAGAIN && errno != EINTR)) {
            return static_cast<int>(descriptor);
        }
    }
    return -1;
}

bool read_whole(int descriptor, char* out, size_t length) {
    size_t done = 0;
    while (done < length) {
        ssize_t got = pread(descriptor, out + done, length - done, static_cast<off_t>(done));
        if (got <= 0) {
            return false;
        }
        done += static_cast<size_t>(got);
    }
    return true;
}

// A memfd with the first `length` bytes, or -1.
int copy_to_pages(int descriptor, uint64_t length) {
    int pages = memfd_create("knot", MFD_CLOEXEC);
    off_t offset = 0;
    while (pages >= 0 && static_cast<uint64_t>(offset) < length) {
        ssize_t copied = sendfile(pages, descriptor, &offset, length - static_cast<uint64_t>(offset));
        if (copied == 0 || (copied < 0 && errno != EINTR)) {
            close(pages);
            return -1;
        }
    }
    return pages;
}

// The fields that an answer with the file has, and where in them begin those of 206, the validators and, in these, the
// tag.
struct Texts {
    Texts(const struct stat& found, std::string_view name) {
        char date[kDateLength];
        write_http_date(found.st_mtim.tv_sec, date);
        const std::string_view type = content_type(name);
        add("Content-Length: %llu\r\n", static_cast<unsigned long long>(found.st_size));
        fields = length;
        add("Content-Type: %.*s\r\nAccept-Ranges: bytes\r\n", static_cast<int>(type.size()), type.data());
        validators = length;
        add("Last-Modified: %.*s\r\nETag: ", static_cast<int>(kDateLength), date);
        tag = length - validators;
        add("\"%llx-%llx-%llx\"\r\n", static_cast<unsigned long long>(found.st_ino),
            static_cast<unsigned long long>(found.st_size),
            static_cast<unsigned long long>(nanoseconds(found.st_mtim)));
    }

    template <typename... Values>
    void add(const char* format, Values... values) {
        length += static_cast<size_t>(snprintf(bytes + length, sizeof bytes - length, format, values...));
    }

    size_t length = 0, fields = 0, validators = 0, tag = 0;
    char bytes[512];
};

bool changed_just_now(const struct stat& status) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age = nanoseconds(now) - nanoseconds(status.st_ctim);
    return age < kGrain && age > -kGrain;
}

}  // namespace

bool File::is(const struct stat& now) const {
    return now.st_ino == stat_.st_ino && now.st_dev == stat_.st_dev && now.st_size == stat_.st_size &&
           same_time(now.st_mtim, stat_.st_mtim) && same_time(now.st_ctim, stat_.st_ctim);
}

void File::destroy(File* file) {
    if (file->descriptor_ >= 0) {
        close(file->descriptor_);
    }
    file->~File();
    free(file);
}

File* File::open(int root, std::string_view name, uint64_t small, int& status) {
    int descriptor = open_below(root, name);
    if (descriptor < 0) {
        status = status_of(errno);
        return nullptr;
    }
    File* file = nullptr;
    bool lacks_memory = false;
    status = 503;
    for (int attempt = 0; attempt < kAttempts && file == nullptr && !lacks_memory; ++attempt) {
        struct stat found {};
        if (fstat(descriptor, &found) != 0 || !S_ISREG(found.st_mode)) {
            status = S_ISDIR(found.st_mode) ? 301 : 404;
            break;
        }
        if (changed_just_now(found)) {
            timespec pause{0, kGrain};
            nanosleep(&pause, nullptr);
            continue;
        }
        file = read(descriptor, found, name, small, lacks_memory);
    }
    if (file == nullptr || file->descriptor_ != descriptor) {
        close(descriptor);
    }
    status = file != nullptr ? 200 : status;
    return file;
}

File* File::read(int descriptor, const struct stat& found, std::string_view name, uint64_t small, bool& lacks_memory) {
    const Texts texts(found, name);
    auto size = static_cast<uint64_t>(found.st_size);
    size_t content = size < kPagesFrom ? std::min(size, small) : 0;
    size_t before = sizeof(File) + name.size() + texts.length + kEmptyLine.size();
    void* memory = malloc(before + content);
    if (memory == nullptr) {
        lacks_memory = true;
        return nullptr;
    }
    File* file = new (memory) File;
    char* own_name = static_cast<char*>(memory) + sizeof(File);
    char* head = own_name + name.size();
    char* bytes = static_cast<char*>(memory) + before;
    memcpy(own_name, name.data(), name.size());
    memcpy(head, texts.bytes, texts.length);
    memcpy(head + texts.length, kEmptyLine.data(), kEmptyLine.size());
    file->stat_ = found;
    file->name_ = {own_name, name.size()};
    file->head_ = {head, texts.length};
    file->fields_ = file->head_.substr(texts.fields);
    file->validators_ = file->head_.substr(texts.validators);
    file->etag_ = file->validators_.substr(texts.tag, file->validators_.size() - texts.tag - 2);
    file->content_type_ = knot::content_type(file->name_);
    file->cost_ = before + (size <= small ? size : 0);
    if (size > small || size >= kPagesFrom) {
        file->cost_ += kDescriptorCost;
        file->descriptor_ = size > small ? descriptor : copy_to_pages(descriptor, size);
        lacks_memory = file->descriptor_ < 0;
    } else {
        file->content_ = bytes;
    }
    struct stat after {};
    bool has_content = file->content_ != nullptr ? read_whole(descriptor, bytes, content) : file->descriptor_ >= 0;
    if (!has_content || (size <= small && (fstat(descriptor, &after) != 0 || !file->is(after)))) {
        destroy(file);
        return nullptr;
    }
    return file;
}

}  // namespace knot
