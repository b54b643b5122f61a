// SPDX-License-Identifier: Apache-2.0
//
// See file_cache.h. The table holds one pin of each entry.

#include "knot/file_cache.h"

#include <fcntl.h>

#include <cstring>

#include "knot/lock.h"
#include "knot/path.h"

namespace knot {

namespace {

// Eight bytes at a time, multiplied and folded. Whoever chooses names to collide makes his own files slower to find.
uint64_t hash_of(std::string_view name) {
    uint64_t hash = name.size(), word = 0;
    size_t at = 0;
    for (; name.size() - at > 8; at += 8) {
        memcpy(&word, name.data() + at, 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 29;
    }
    word = 0;
    memcpy(&word, name.data() + at, name.size() - at);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    return hash ^ hash >> 32;
}

}  // namespace

FileCache::FileCache(int root, const Limits& limits, const Clock& clock)
    : root_(root), limits_(limits), clock_(clock), buckets_(kBuckets) {}

FileCache::~FileCache() {
    while (newest_ != nullptr) {
        unlink(newest_)->unpin();
    }
}

PinnedFile FileCache::find(std::string_view name, int& status) {
    uint64_t hash = hash_of(name);
    uint32_t now = clock_.milliseconds();
    File* file = nullptr;
    bool is_due = false;
    {
        Locked locked(lock_);
        file = look_up(name, hash);
        if (file != nullptr) {
            file->pin();
            file->used_ = true;
            is_due = now - file->checked_ >= limits_.revalidate;
            file->checked_ = is_due ? now : file->checked_;
        }
    }
    status = 200;
    if (file == nullptr) {
        return load(nullptr, name, hash, status);
    }
    return is_due ? refresh(file, name, hash, status) : PinnedFile(file);
}

PinnedFile FileCache::refresh(File* pinned, std::string_view name, uint64_t hash, int& status) {
    PinnedFile old(pinned);
    if (is_current(*old)) {
        return old;
    }
    PinnedFile fresh = load(pinned, name, hash, status);
    if (!fresh && status == 503) {
        status = 200;
        return old;
    }
    return fresh;
}

// By name alone, for a link that leads out of the root cannot have the old file's identity.
bool FileCache::is_current(const File& file) {
    char path[kMostPath + 1];
    memcpy(path, file.name().data(), file.name().size());
    path[file.name().size()] = '\0';
    struct stat now {};
    return fstatat(root_, path, &now, 0) == 0 && file.is(now);
}

PinnedFile FileCache::load(File* old, std::string_view name, uint64_t hash, int& status) {
    File* fresh = File::open(root_, name, limits_.small, status);
    File* replaced = nullptr;
    bool is_kept = fresh != nullptr && fresh->cost() <= limits_.bytes;
    {
        Locked locked(lock_);
        File* present = look_up(name, hash);
        if (present != nullptr && (is_kept || (present == old && status != 503))) {
            replaced = unlink(present);
        }
        if (is_kept) {
            fresh->hash_ = hash;
            fresh->checked_ = clock_.milliseconds();
            fresh->pin();
            link(fresh);
        }
    }
    if (replaced != nullptr) {
        replaced->unpin();
    }
    for (;;) {
        pthread_mutex_lock(&lock_);
        File* surplus = bytes_ > limits_.bytes ? evict() : nullptr;
        pthread_mutex_unlock(&lock_);
        if (surplus == nullptr) {
            return PinnedFile(fresh);
        }
        surplus->unpin();
    }
}

File* FileCache::look_up(std::string_view name, uint64_t hash) {
    File* file = buckets_[hash % kBuckets];
    while (file != nullptr && (file->hash_ != hash || file->name_ != name)) {
        file = file->chain_;
    }
    return file;
}

void FileCache::link(File* file) {
    File*& bucket = buckets_[file->hash_ % kBuckets];
    file->chain_ = bucket;
    bucket = file;
    file->older_ = newest_;
    file->newer_ = nullptr;
    (newest_ != nullptr ? newest_->newer_ : oldest_) = file;
    newest_ = file;
    bytes_ += file->cost();
    ++files_;
}

File* FileCache::unlink(File* file) {
    File** link = &buckets_[file->hash_ % kBuckets];
    while (*link != file) {
        link = &(*link)->chain_;
    }
    *link = file->chain_;
    (file->newer_ != nullptr ? file->newer_->older_ : newest_) = file->older_;
    (file->older_ != nullptr ? file->older_->newer_ : oldest_) = file->newer_;
    bytes_ -= file->cost();
    --files_;
    return file;
}

// Ends, for each turn takes away one mark or one entry.
File* FileCache::evict() {
    for (;;) {
        File* file = unlink(oldest_);
        if (!file->used_) {
            return file;
        }
        file->used_ = false;
        link(file);
    }
}

uint64_t FileCache::bytes() {
    Locked locked(lock_);
    return bytes_;
}

uint64_t FileCache::files() {
    Locked locked(lock_);
    return files_;
}

}  // namespace knot
