// SPDX-License-Identifier: Apache-2.0
//
// The futex system call, operation by operation, with what it returns and the errors it gives.
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "api_test.h"

using namespace rondo::api_test;

namespace {

uint32_t* word_of(std::atomic<uint32_t>& word) { return reinterpret_cast<uint32_t*>(&word); }

long call(uint32_t* word, int operation, uint32_t value, const timespec* timeout = nullptr, uint32_t* word2 = nullptr,
          uint32_t value3 = 0) {
    return rondo_futex(word, operation, value, timeout, word2, value3);
}

const timespec* second_count(long count) { return reinterpret_cast<const timespec*>(count); }

// Waits until the word is not 0; counts those that came through.
struct FutexGate {
    std::atomic<uint32_t> word{0};
    std::atomic<int> through{0};

    Thread waiter(int operation) {
        return Thread([this, operation] {
            while (word == 0) {
                call(word_of(word), operation, 0, nullptr, nullptr, ~0U);
            }
            through.fetch_add(1);
        });
    }
};

class SharedPage {
   public:
    SharedPage()
        : word_(static_cast<std::atomic<uint32_t>*>(
              mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
        REQUIRE(static_cast<void*>(word_) != MAP_FAILED);
    }
    SharedPage(const SharedPage&) = delete;
    SharedPage& operator=(const SharedPage&) = delete;
    ~SharedPage() { munmap(word_, 4096); }
    std::atomic<uint32_t>& word() const { return *word_; }

   private:
    std::atomic<uint32_t>* word_;
};

}  // namespace

TEST_CASE("a wait fails at once: another value, wrong time, no bits, odd address") {
    uint32_t words[2] = {1, 1};
    timespec wrong{0, 1'000'000'000};
    auto* odd = reinterpret_cast<uint32_t*>(reinterpret_cast<char*>(words) + 1);
    CHECK(call(words, FUTEX_WAIT_PRIVATE, 0) == -1);
    CHECK(errno == EAGAIN);
    CHECK(call(words, FUTEX_WAIT, 1, &wrong) == -1);
    CHECK(errno == EINVAL);
    CHECK(call(words, FUTEX_WAIT_BITSET_PRIVATE, 1, nullptr, nullptr, 0) == -1);
    CHECK(errno == EINVAL);
    CHECK(call(words, FUTEX_WAKE_BITSET, 1, nullptr, nullptr, 0) == -1);
    CHECK(errno == EINVAL);
    CHECK(call(odd, FUTEX_WAIT_PRIVATE, 1) == -1);
    CHECK(errno == EINVAL);
    CHECK(call(words, 77, 1) == -1);
    CHECK(errno == ENOSYS);
}

TEST_CASE("FUTEX_WAIT counts from now, FUTEX_WAIT_BITSET names a time on either clock") {
    uint32_t word = 0;
    timespec span{0, 5'000'000};
    int64_t start = now_ns();
    CHECK(call(&word, FUTEX_WAIT_PRIVATE, 0, &span) == -1);
    CHECK(errno == ETIMEDOUT);
    CHECK(now_ns() - start >= 5'000'000);
    for (clockid_t clock : {CLOCK_MONOTONIC, CLOCK_REALTIME}) {
        int flags = clock == CLOCK_REALTIME ? FUTEX_CLOCK_REALTIME : 0;
        timespec until = deadline_in(clock, 5);
        CHECK(call(&word, FUTEX_WAIT_BITSET | flags, 0, &until, nullptr, ~0U) == -1);
        CHECK(errno == ETIMEDOUT);
        CHECK(now_ns(clock) >= until.tv_sec * 1'000'000'000LL + until.tv_nsec);
    }
}

TEST_CASE("with and without the private mark, threads and kernel threads meet") {
    for (int mark : {0, FUTEX_PRIVATE_FLAG}) {
        FutexGate gate;
        Thread thread = gate.waiter(FUTEX_WAIT | mark);
        Thread by_bits = gate.waiter(FUTEX_WAIT_BITSET | mark);
        ForeignThread foreign([&] {
            while (gate.word == 0) call(word_of(gate.word), FUTEX_WAIT | mark, 0);
            gate.through.fetch_add(1);
        });
        thread.await_parked();
        by_bits.await_parked();
        gate.word = 1;
        CHECK(eventually([&] {
            call(word_of(gate.word), FUTEX_WAKE | mark, INT32_MAX);
            return gate.through.load() == 3;
        }));
        thread.join();
        by_bits.join();
        foreign.join();
    }
}

TEST_CASE("a wake of none wakes one") {
    FutexGate gate;
    Thread waiter = gate.waiter(FUTEX_WAIT_PRIVATE);
    waiter.await_parked();
    gate.word = 1;
    CHECK(call(word_of(gate.word), FUTEX_WAKE_PRIVATE, 0) == 1);
    waiter.join();
}

TEST_CASE("waiters move to another word") {
    FutexGate gate;
    std::atomic<uint32_t> other{0};
    std::vector<Thread> waiters;
    for (int i = 0; i < 5; ++i) waiters.push_back(gate.waiter(FUTEX_WAIT_PRIVATE));
    for (Thread& waiter : waiters) waiter.await_parked();
    CHECK(call(word_of(gate.word), FUTEX_CMP_REQUEUE_PRIVATE, 1, second_count(2), word_of(other), 7) == -1);
    CHECK(errno == EAGAIN);
    gate.word = 1;
    CHECK(call(word_of(gate.word), FUTEX_CMP_REQUEUE_PRIVATE, 1, second_count(2), word_of(other), 1) == 3);
    CHECK(eventually([&] { return gate.through.load() == 1; }));
    CHECK(call(word_of(other), FUTEX_WAKE_PRIVATE, 10) == 2);
    CHECK(call(word_of(gate.word), FUTEX_REQUEUE_PRIVATE, 2, second_count(0), word_of(other)) == 2);
    for (Thread& waiter : waiters) waiter.join();
    CHECK(call(word_of(gate.word), FUTEX_REQUEUE_PRIVATE, static_cast<uint32_t>(-1), nullptr, word_of(other)) == -1);
    CHECK(errno == EINVAL);
}

TEST_CASE("a wake changes the second word and wakes there by what it held") {
    FutexGate first;
    FutexGate second;
    Thread at_first = first.waiter(FUTEX_WAIT_PRIVATE);
    Thread at_second = second.waiter(FUTEX_WAIT_PRIVATE);
    at_first.await_parked();
    at_second.await_parked();
    uint32_t add_if_negative = FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_LT, 0);
    uint32_t add_if_zero = FUTEX_OP(FUTEX_OP_ADD | FUTEX_OP_OPARG_SHIFT, 4, FUTEX_OP_CMP_EQ, 0);
    first.word = 1;
    uint32_t third = 7;
    CHECK(call(word_of(first.word), FUTEX_WAKE_OP_PRIVATE, 1, second_count(1), &third, add_if_negative) == 1);
    CHECK(third == 12);
    at_first.join();
    CHECK(call(word_of(first.word), FUTEX_WAKE_OP_PRIVATE, 1, second_count(1), word_of(second.word), add_if_zero) == 1);
    CHECK(second.word == 16);
    at_second.join();
    CHECK(call(word_of(first.word), FUTEX_WAKE_OP_PRIVATE, 1, second_count(1), &third, 0x70000000) == -1);
    CHECK(errno == ENOSYS);
}

TEST_CASE("in memory that processes share, each wakes the other, and a wait there does not hold the worker") {
    SharedPage page;
    std::atomic<uint32_t>& word = page.word();
    int status = -1;
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        alarm(kStallSeconds);
        while (word == 0) syscall(SYS_futex, word_of(word), FUTEX_WAIT, 0, nullptr, nullptr, 0);
        word = 2;
        while (syscall(SYS_futex, word_of(word), FUTEX_WAKE, 1, nullptr, nullptr, 0) == 0 && word == 2) {
        }
        _exit(0);
    }
    Thread starter([&word] {
        word = 1;
        call(word_of(word), FUTEX_WAKE, INT32_MAX);
    });
    timespec limit{kStallSeconds, 0};
    for (uint32_t seen; (seen = word) < 2;) {
        if (call(word_of(word), FUTEX_WAIT, seen, &limit) != 0) REQUIRE(errno != ETIMEDOUT);
    }
    word = 3;
    starter.join();
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("in shared memory, threads of one process wake each other and time out") {
    SharedPage page;
    std::atomic<uint32_t>& word = page.word();
    timespec span{0, 2'000'000};
    CHECK(call(word_of(word), FUTEX_WAIT, 0, &span) == -1);
    CHECK(errno == ETIMEDOUT);
    std::atomic<int> through{0};
    std::vector<Thread> waiters;
    for (int i = 0; i < 3; ++i) {
        waiters.emplace_back([&] {
            while (word == 0) call(word_of(word), FUTEX_WAIT, 0);
            through.fetch_add(1);
        });
    }
    for (Thread& waiter : waiters) waiter.await_parked();
    word = 1;
    CHECK(eventually([&] {
        call(word_of(word), FUTEX_WAKE, 1);
        return through.load() == 3;
    }));
    for (Thread& waiter : waiters) waiter.join();
}
