// SPDX-License-Identifier: Apache-2.0
//
// The stress harness: failures, pages that vanish, crews, and the one foreign kernel thread.
// Pages come from one reserved range in turn, so that an unmapped page is not mapped again for the next 65,536
// objects: a late touch faults instead of meeting a new object.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <atomic>
#include <deque>
#include <thread>

#include "stress.h"

namespace rondo::stress {

namespace {

constexpr size_t kPageBytes = 4096;
constexpr size_t kPages = 65'536;
constexpr int64_t kSettleNs = 10'000'000'000;

struct PageRange {
    PageRange() {
        void* base = mmap(nullptr, kPages * kPageBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (base == MAP_FAILED) fail("no address space for the pages");
        start = static_cast<char*>(base);
    }
    char* start;
    std::atomic<size_t> next{0};
    std::vector<std::atomic<bool>> taken = std::vector<std::atomic<bool>>(kPages);
};

PageRange& page_range() {
    static PageRange range;
    return range;
}

// Plays the parts it is given, one after the other, until the process ends.
class ForeignThread {
   public:
    ForeignThread() {
        std::thread([this] { loop(); }).detach();
    }
    void play(const Crew::Body* part, rondo_sem_t* done) {
        MutexGuard guard(&mutex_);
        parts_.push_back({part, done});
        rondo_cond_signal(&cond_);
    }

   private:
    struct Part {
        const Crew::Body* body;
        rondo_sem_t* done;
    };
    Part take() {
        MutexGuard guard(&mutex_);
        while (parts_.empty()) rondo_cond_wait(&cond_, &mutex_);
        Part part = parts_.front();
        parts_.pop_front();
        return part;
    }
    void loop() {
        while (true) {
            Part part = take();
            (*part.body)();
            rondo_sem_post(part.done);
        }
    }
    rondo_mutex_t mutex_ = RONDO_MUTEX_INITIALIZER;
    rondo_cond_t cond_ = RONDO_COND_INITIALIZER;
    std::deque<Part> parts_;
};

ForeignThread& foreign_thread() {
    static auto* thread = new ForeignThread;
    return *thread;
}

}  // namespace

void fail(const char* what) {
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    rondo_dump(2);
    abort();
}

void expect(bool holds, const char* what) {
    if (!holds) fail(what);
}

void expect_equal(long got, long wanted, const char* what) {
    if (got == wanted) return;
    fprintf(stderr, "%s: %s: got %ld, wanted %ld\n", program_invocation_short_name, what, got, wanted);
    fail(what);
}

timespec at(int64_t nanoseconds) {
    return {static_cast<time_t>(nanoseconds / 1'000'000'000), static_cast<long>(nanoseconds % 1'000'000'000)};
}

timespec soon(Random& random, clockid_t clock, int span_us) {
    return at(now_ns(clock) + random.below(span_us) * 1'000LL);
}

void jitter(Random& random) {
    int choice = random.below(8);
    if (choice < 3) return;
    if (choice < 6) {
        for (int i = random.below(4); i >= 0; --i) rondo_yield();
        return;
    }
    if (choice == 6) {
        for (int i = random.below(2'000); i > 0; --i) __asm__ volatile("" ::: "memory");
        return;
    }
    timespec brief{0, random.below(60'000)};
    rondo_nanosleep(&brief, nullptr);
}

void* take_page() {
    PageRange& range = page_range();
    size_t index;
    do {
        index = range.next.fetch_add(1) % kPages;
    } while (range.taken[index].exchange(true));
    void* page = range.start + index * kPageBytes;
    void* got = mmap(page, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (got != page) fail("cannot map a page");
    return page;
}

void unmap_page(void* page) {
    PageRange& range = page_range();
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
    if (mmap(page, kPageBytes, PROT_NONE, flags, -1, 0) != page) fail("cannot unmap a page");
    range.taken[static_cast<size_t>(static_cast<char*>(page) - range.start) / kPageBytes].store(false);
}

void init_mutex(rondo_mutex_t* mutex, int kind) {
    rondo_mutexattr_t attr;
    rondo_mutexattr_init(&attr);
    rondo_mutexattr_settype(&attr, kind);
    expect_equal(rondo_mutex_init(mutex, &attr), 0, "mutex_init");
    rondo_mutexattr_destroy(&attr);
}

struct Crew::Member {
    Body body;
    rondo_t id{};
    bool joined = false;

    static void* run(void* arg) {
        static_cast<Member*>(arg)->body();
        return arg;
    }
};

struct Crew::ForeignPart {
    explicit ForeignPart(Body given) : body(std::move(given)) { rondo_sem_init(&done, 0, 0); }
    Body body;
    rondo_sem_t done;
};

Crew::Crew() = default;

Crew::~Crew() { join(); }

size_t Crew::add(Body body) {
    members_.push_back(std::make_unique<Member>());
    Member* member = members_.back().get();
    member->body = std::move(body);
    expect_equal(rondo_create(&member->id, nullptr, Member::run, member), 0, "rondo_create");
    return members_.size() - 1;
}

void Crew::add_foreign(Body body) {
    expect(foreign_ == nullptr, "a crew has one foreign part");
    foreign_ = std::make_unique<ForeignPart>(std::move(body));
    foreign_thread().play(&foreign_->body, &foreign_->done);
}

void Crew::add_somewhere(Random& random, Body body) {
    if (foreign_ == nullptr && random.one_in(24)) {
        add_foreign(std::move(body));
    } else {
        add(std::move(body));
    }
}

void Crew::cancel(size_t member) { expect_equal(rondo_cancel(members_[member]->id), 0, "rondo_cancel"); }

bool Crew::join(size_t number) {
    Member& member = *members_[number];
    void* result = nullptr;
    expect_equal(rondo_join(member.id, &result), 0, "rondo_join");
    member.joined = true;
    expect(result == RONDO_CANCELED || result == &member, "a thread's result is its own");
    return result == RONDO_CANCELED;
}

void Crew::join() {
    for (size_t i = 0; i < members_.size(); ++i) {
        if (!members_[i]->joined) join(i);
    }
    if (foreign_ == nullptr) return;
    expect_equal(rondo_sem_wait(&foreign_->done), 0, "sem_wait");
    rondo_sem_destroy(&foreign_->done);
    foreign_.reset();
}

int open_descriptors() {
    DIR* directory = opendir("/proc/self/fd");
    if (directory == nullptr) fail("/proc/self/fd");
    int count = 0;
    while (readdir(directory) != nullptr) ++count;
    closedir(directory);
    return count;
}

void expect_nothing_left() {
    rondo_stats stats;
    const int64_t limit = now_ns() + kSettleNs;
    do {
        rondo_yield();
        rondo_get_stats(&stats);
    } while ((stats.live_threads > 1 || stats.armed_timers != 0 || stats.pending_io != 0) && now_ns() < limit);
    expect(stats.live_threads <= 1, "all threads have ended");
    expect_equal(static_cast<long>(stats.armed_timers), 0, "armed timers at the end");
    expect_equal(static_cast<long>(stats.pending_io), 0, "pending operations at the end");
}

}  // namespace rondo::stress
