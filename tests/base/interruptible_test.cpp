// SPDX-License-Identifier: Apache-2.0
//
// System calls that another thread can end. The race is between the look at the stop word and the kernel's wait, two
// instructions long: one test steps through the call and interrupts it at each instruction in turn, another interrupts
// at random moments. A round that misses would wait for ever. Kernel threads only, no runtime.

#include "runtime/base/interruptible.h"

#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#include <atomic>
#include <thread>

#include "runtime/base/sys.h"
#include "support/test.h"

namespace {

using rondo::interruptible_call;
using rondo::SystemCall;

SystemCall read_call(int fd, char* byte) { return {SYS_read, {fd, rondo::sys::to_arg(byte), 1}}; }

// A kernel thread that makes the call once for each round.
class Caller {
   public:
    explicit Caller(const SystemCall& call) : call_(call), thread_([this] { serve(); }) {}
    ~Caller() {
        last_ = true;
        ++round_;
        thread_.join();
    }

    void begin() {
        stop_ = 0;
        ended_ = false;
        ++round_;
        while (begun_ != round_) {
        }
    }
    void interrupt() {
        stop_ = 1;
        rondo::interrupt_thread(tid_);
    }
    bool ended() const { return ended_; }
    long result() const { return result_; }

   private:
    void serve() {
        tid_ = rondo::sys::gettid();
        for (int seen = 0;;) {
            while (round_ == seen) std::this_thread::yield();
            if (last_) return;
            rondo::accept_interrupts();
            seen = round_;
            begun_ = seen;
            result_ = interruptible_call(stop_, call_);
            ended_ = true;
        }
    }

    SystemCall call_;
    std::atomic<uint32_t> stop_{0};
    std::atomic<int> round_{0};
    std::atomic<int> begun_{0};
    std::atomic<int> tid_{0};
    std::atomic<bool> ended_{false};
    std::atomic<bool> last_{false};
    std::atomic<long> result_{0};
    std::thread thread_;
};

struct Pipe {
    Pipe() { REQUIRE(pipe(ends) == 0); }
    ~Pipe() {
        close(ends[0]);
        close(ends[1]);
    }
    int ends[2];
};

// Steps through one call by the processor's trap flag; at the instruction numbered `at` it is interrupted.
struct Stepper {
    static constexpr greg_t kTrapFlag = 0x100;
    static inline std::atomic<uint32_t> stop{0};
    static inline int at = 0;
    static inline int step = 0;
    static inline bool before_entry = false;  // it was interrupted right before the instruction that enters the kernel

    static void on_trap(int, siginfo_t*, void* context) {
        auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
        auto code = reinterpret_cast<const unsigned char*>(registers[REG_RIP]);
        if (++step == at) {
            before_entry = code[0] == 0x0f && code[1] == 0x05;
            registers[REG_EFL] &= ~kTrapFlag;
            stop = 1;
            rondo::interrupt_thread(rondo::sys::gettid());
        }
    }

    static long run(const SystemCall& call, int interrupted_at) {
        at = interrupted_at;
        step = 0;
        stop = 0;
        before_entry = false;
        rondo::accept_interrupts();
        asm volatile("pushf; orq $0x100, (%%rsp); popf" ::: "memory", "cc");
        return interruptible_call(stop, call);
    }
};

}  // namespace

TEST_CASE("a call whose stop word is set is not made") {
    Pipe pipe;
    char byte = 0;
    std::atomic<uint32_t> stop{1};
    CHECK(interruptible_call(stop, read_call(pipe.ends[0], &byte)) == -EINTR);
}

TEST_CASE("a call that is not interrupted is the plain system call") {
    Pipe pipe;
    char byte = 0;
    std::atomic<uint32_t> stop{0};
    CHECK(write(pipe.ends[1], "x", 1) == 1);
    CHECK(interruptible_call(stop, read_call(pipe.ends[0], &byte)) == 1);
    CHECK(byte == 'x');
    CHECK(interruptible_call(stop, read_call(-1, &byte)) == -EBADF);
    long map = interruptible_call(stop, {SYS_mmap, {0, 4096, 1, 0x22, -1, 0}});  // all six arguments
    CHECK(map > 0);
    CHECK(interruptible_call(stop, {SYS_munmap, {map, 4096}}) == 0);
}

TEST_CASE("an interruption before any instruction of the call ends it") {
    RONDO_SKIP_IF(rondo_test::kSanitized, "single-stepping takes the sanitizers' run-time along");
    Pipe pipe;
    char byte = 0;
    struct sigaction action {};
    struct sigaction before {};
    action.sa_sigaction = Stepper::on_trap;
    action.sa_flags = SA_SIGINFO;
    memset(&action.sa_mask, 0xff, sizeof action.sa_mask);  // the interruption waits for the handler's end
    REQUIRE(sigaction(SIGTRAP, &action, &before) == 0);
    std::atomic<bool> over{false};
    std::thread rescue([&] {
        if (!rondo_test::wait_until([&] { return over.load(); }) && write(pipe.ends[1], "!", 1) < 0) abort();
    });
    bool reached_entry = false;
    for (int at = 1; at < 200 && !reached_entry; ++at) {
        long result = Stepper::run(read_call(pipe.ends[0], &byte), at);
        CHECK_MESSAGE(result == -EINTR, "interrupted at instruction ", at);
        reached_entry = Stepper::before_entry || result != -EINTR;
    }
    CHECK(Stepper::before_entry);
    over = true;
    rescue.join();
    CHECK(sigaction(SIGTRAP, &before, nullptr) == 0);
}

TEST_CASE("an interruption at any moment ends the wait") {
    Pipe pipe;
    char byte = 0;
    Caller caller(read_call(pipe.ends[0], &byte));
    for (int round = 0; round < 3000; ++round) {
        caller.begin();
        for (std::atomic<int> spin = round % 300; spin > 0; --spin) {
        }
        caller.interrupt();
        REQUIRE(rondo_test::wait_until([&] { return caller.ended(); }));
        REQUIRE(caller.result() == -EINTR);
    }
}

TEST_CASE("a call that has completed keeps its result") {
    Pipe pipe;
    char byte = 0;
    int moved = 0;
    int interrupted = 0;
    Caller caller(read_call(pipe.ends[0], &byte));
    for (int round = 0; round < 500; ++round) {
        caller.begin();
        REQUIRE(write(pipe.ends[1], "y", 1) == 1);
        caller.interrupt();
        REQUIRE(rondo_test::wait_until([&] { return caller.ended(); }));
        bool got = caller.result() == 1;
        moved += got ? 1 : 0;
        interrupted += caller.result() == -EINTR ? 1 : 0;
        if (!got) REQUIRE(read(pipe.ends[0], &byte, 1) == 1);
    }
    CHECK(moved + interrupted == 500);
    CHECK(moved > 0);
}

TEST_CASE("libc's own cancellation signal still works beside it") {
    RONDO_SKIP_IF(rondo_test::kSanitized, "the sanitizers do not follow pthread_cancel's unwinding");
    rondo::accept_interrupts();
    Pipe pipe;
    static std::atomic<bool> waits;
    waits = false;
    pthread_t thread;
    auto body = [](void* fd) -> void* {
        char byte;
        waits = true;
        return read(*static_cast<int*>(fd), &byte, 1) == 1 ? nullptr : fd;
    };
    REQUIRE(pthread_create(&thread, nullptr, body, &pipe.ends[0]) == 0);
    REQUIRE(rondo_test::wait_until([] { return waits.load(); }));
    rondo::interrupt_thread(rondo::sys::gettid());  // ours takes the handler, also where libc had set its own
    REQUIRE(pthread_cancel(thread) == 0);
    void* result = nullptr;
    REQUIRE(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
}
