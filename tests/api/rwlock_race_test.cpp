// SPDX-License-Identifier: Apache-2.0
//
// A reader that has seen a lock without waiters, and enters it when a writer waits by now. It has to look again under
// the lock's queue: the word is then changed by nobody else, and a reader that added itself without would be forgotten.
//
// The moment between the look and the entry is made as long as the test needs it: the lock's page is write-protected,
// so the entry faults, and the handler returns when the writer is parked. Rejected: many threads that try for the
// moment; it comes once in millions of rounds.
#include <signal.h>

#include "api_test.h"

using namespace rondo::api_test;

namespace {

rondo_rwlock_t* faulting;
std::atomic<bool> entering, may_enter;

void on_entry(int) {
    mprotect(static_cast<void*>(faulting), sizeof *faulting, PROT_READ | PROT_WRITE);
    entering = true;
    timespec pause{0, 1'000'000};
    for (int i = 0; i < kStallSeconds * 1000 && !may_enter; ++i) nanosleep(&pause, nullptr);
}

// A lock that writers are preferred at, read-locked by its maker and write-protected.
class ProtectedLock {
   public:
    ProtectedLock() {
        rondo_rwlockattr_t attr;
        rondo_rwlockattr_init(&attr);
        rondo_rwlockattr_setkind_np(&attr, RONDO_RWLOCK_PREFER_WRITER_NONRECURSIVE);
        REQUIRE(rondo_rwlock_init(page_.get(), &attr) == 0);
        REQUIRE(rondo_rwlock_rdlock(page_.get()) == 0);
        faulting = page_.get();
        entering = may_enter = false;
        struct sigaction action {};
        action.sa_handler = on_entry;
        sigaction(SIGSEGV, &action, &before_);
        REQUIRE(mprotect(static_cast<void*>(faulting), sizeof *faulting, PROT_READ) == 0);
    }
    ProtectedLock(const ProtectedLock&) = delete;
    ProtectedLock& operator=(const ProtectedLock&) = delete;
    ~ProtectedLock() { sigaction(SIGSEGV, &before_, nullptr); }
    rondo_rwlock_t* get() { return page_.get(); }

   private:
    OwnPage<rondo_rwlock_t> page_;
    struct sigaction before_ {};
};

// What an attempt to read-lock answers that a writer overtakes. It is made on a kernel thread of its own, which stops
// in the handler.
template <class Attempt>
int overtaken(Attempt attempt) {
    ProtectedLock lock;
    int answer = -1;
    ForeignThread reader([&] { answer = attempt(lock.get()); });
    CHECK(eventually([] { return entering.load(); }));
    Thread writer([&] {
        CHECK(rondo_rwlock_wrlock(lock.get()) == 0);
        CHECK(rondo_rwlock_unlock(lock.get()) == 0);
    });
    writer.await_parked();
    may_enter = true;
    reader.join();
    if (answer == 0) rondo_rwlock_unlock(lock.get());
    CHECK(rondo_rwlock_unlock(lock.get()) == 0);
    return answer;
}

}  // namespace

TEST_CASE("a reader that a writer overtakes between look and entry waits" * doctest::skip(kNptl)) {
    timespec past = deadline_in(CLOCK_MONOTONIC, -1);
    CHECK(overtaken([&](rondo_rwlock_t* lock) { return rondo_rwlock_clockrdlock(lock, CLOCK_MONOTONIC, &past); }) ==
          ETIMEDOUT);
}

TEST_CASE("an attempt that a writer overtakes between look and entry fails" * doctest::skip(kNptl)) {
    CHECK(overtaken([](rondo_rwlock_t* lock) { return rondo_rwlock_tryrdlock(lock); }) == EBUSY);
}
