// SPDX-License-Identifier: Apache-2.0
//
// One state of one file, as it is served: its content, and the header fields that depend on nothing else, ready to be
// copied. It never changes; when the file does, the cache makes another. It lives as long as somebody has it pinned.
//
// Content of a few pages lies in memory. More of it lies in a memfd: a copy in the kernel's own pages, which sendfile
// passes on without copying them again (a fifth of the cost of an answer of 100 KB). A file that is too large to be
// copied is held by its descriptor.
//
// A file that is rewritten in place while it is read must not be served half old and half new. So it is taken only if
// size and times are the same before and after the reading, and if the last change is older than the grain of the file
// system's clock, within which a second change would leave no trace. If that does not come to pass, there is no File:
// the cache goes on with the one it has. (Writers who want more should rename a finished file over the old one.)
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <string_view>

namespace knot {

class File {
   public:
    // The file `name` below `root`, copied if it has at most `small` bytes. `status` is 200 or says why there is none:
    // 301 for a directory, 403, 404, 503 for lack of memory or descriptors or if the file does not come to rest.
    static File* open(int root, std::string_view name, uint64_t small, int& status);

    void pin() { pins_.fetch_add(1, std::memory_order_relaxed); }
    void unpin() {
        if (pins_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            destroy(this);
        }
    }

    // Whether this is still the state of the file that `now` describes.
    bool is(const struct stat& now) const;

    std::string_view name() const { return name_; }
    uint64_t size() const { return static_cast<uint64_t>(stat_.st_size); }
    int64_t modified() const { return stat_.st_mtim.tv_sec; }
    // Null for content that is to be sent from descriptor().
    const char* content() const { return content_; }
    int descriptor() const { return descriptor_; }
    // With its quotes.
    std::string_view etag() const { return etag_; }
    // The fields of a 200 that depend on nothing but the file, from Content-Length on. An empty line follows them in
    // memory, and content() if it is there: together the rest of an answer that has begun with Clock::ok_lines().
    std::string_view head() const { return head_; }
    // Fields that a 206 has as well: Content-Type, Accept-Ranges and those of validators().
    std::string_view fields() const { return fields_; }
    // Last-Modified and ETag.
    std::string_view validators() const { return validators_; }
    std::string_view content_type() const { return content_type_; }
    // What it costs the cache.
    uint64_t cost() const { return cost_; }

   private:
    friend class FileCache;

    File() = default;
    static void destroy(File* file);
    static File* read(int descriptor, const struct stat& status, std::string_view name, uint64_t small,
                      bool& lacks_memory);

    std::atomic<uint32_t> pins_{1};
    int descriptor_ = -1;
    const char* content_ = nullptr;
    uint64_t cost_ = 0;
    struct stat stat_ {};
    std::string_view name_, head_, fields_, validators_, etag_, content_type_;

    // The cache's, under its lock.
    uint64_t hash_ = 0;
    uint32_t checked_ = 0;  // when it was last compared with the file, in the clock's milliseconds
    bool used_ = false;     // since the sweep came by
    File* chain_ = nullptr;
    File* newer_ = nullptr;
    File* older_ = nullptr;
};

// A File while it is needed.
class PinnedFile {
   public:
    PinnedFile() = default;
    explicit PinnedFile(File* pinned) : file_(pinned) {}
    PinnedFile(PinnedFile&& other) noexcept : file_(other.file_) { other.file_ = nullptr; }
    PinnedFile& operator=(PinnedFile&& other) noexcept {
        File* old = file_;
        file_ = other.file_;
        other.file_ = nullptr;
        if (old != nullptr) {
            old->unpin();
        }
        return *this;
    }
    ~PinnedFile() {
        if (file_ != nullptr) {
            file_->unpin();
        }
    }

    explicit operator bool() const { return file_ != nullptr; }
    const File* operator->() const { return file_; }
    const File& operator*() const { return *file_; }

   private:
    File* file_ = nullptr;
};

}  // namespace knot
