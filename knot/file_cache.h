// SPDX-License-Identifier: Apache-2.0
//
// The files that are served, by name below the root, within a limit of bytes.
//
//     PinnedFile file = cache.find("style.css", status);
//
// A hit costs one uncontended lock. An entry is compared with its file at most once in `revalidate` milliseconds, by
// whoever comes first after that; the others are served what there is meanwhile. If the file has changed, it is read
// anew (file.h); if it cannot be read for lack of anything, the old state goes on being served.
//
// Who must go is found as in a page cache with second chances: new entries enter a queue; an entry at its end that was
// used since it last came there goes to the front again, the first that was not is dropped. Whoever has it pinned keeps
// it. So a hit writes one flag, where an exact order of use would move the entry in a list.
//
// Callers may be threads of Rondo's or the kernel's. Files are opened and read outside the lock; two threads that miss
// at once both read, and the later one's result stays.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "knot/clock.h"
#include "knot/file.h"

namespace knot {

class FileCache {
   public:
    struct Limits {
        uint64_t bytes = 64 << 20;
        uint64_t small = 256 << 10;  // larger files are sent from their descriptors
        uint32_t revalidate = 1000;  // ms
    };

    // `root` is the descriptor of a directory; it stays the caller's.
    FileCache(int root, const Limits& limits, const Clock& clock);
    ~FileCache();
    FileCache(const FileCache&) = delete;
    FileCache& operator=(const FileCache&) = delete;

    // `name` as file_name() makes it. Status: 200, or 301, 403, 404, 503 and no file.
    PinnedFile find(std::string_view name, int& status);

    uint64_t bytes();
    uint64_t files();

   private:
    static constexpr size_t kBuckets = 4096;

    // With lock_ held.
    File* look_up(std::string_view name, uint64_t hash);
    File* unlink(File* file);
    void link(File* file);
    File* evict();

    // Out of line, for a hit is to need little stack.
    [[gnu::noinline]] PinnedFile refresh(File* pinned, std::string_view name, uint64_t hash, int& status);
    [[gnu::noinline]] PinnedFile load(File* old, std::string_view name, uint64_t hash, int& status);
    bool is_current(const File& file);

    const int root_;
    const Limits limits_;
    const Clock& clock_;
    pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
    // Under lock_.
    std::vector<File*> buckets_;
    File* newest_ = nullptr;
    File* oldest_ = nullptr;
    uint64_t bytes_ = 0;
    uint64_t files_ = 0;
};

}  // namespace knot
