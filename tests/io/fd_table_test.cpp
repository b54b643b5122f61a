// SPDX-License-Identifier: Apache-2.0
//
// What the table knows of descriptor numbers: lives and generations, what a look at an unknown one finds, flags.

#include "runtime/io/fd_table.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/timerfd.h>

#include <atomic>
#include <thread>

#include "runtime/io/message_fds.h"
#include "system/faults.h"

namespace {

using rondo::FdEntry;
using rondo::FdKind;
using rondo::FdTable;
using Life = rondo::FdEntry::Life;

FdTable& table() { return FdTable::instance(); }

// A descriptor closed by a plain system call, with nothing known of its number.
class Raw {
   public:
    explicit Raw(int fd) : fd_(fd) {
        REQUIRE(fd >= 0);
        table().born_unknown(fd);
    }
    Raw(const Raw&) = delete;
    Raw& operator=(const Raw&) = delete;
    ~Raw() { close(fd_); }
    int get() const { return fd_; }

   private:
    int fd_;
};

FdKind probed(int fd) {
    Raw raw(fd);
    FdEntry* entry = table().find(fd);
    REQUIRE(entry != nullptr);
    CHECK(entry->life() == Life::live);
    CHECK(entry->has(FdEntry::kShared));
    CHECK_FALSE(entry->has(FdEntry::kHidden));
    return entry->kind();
}

int shown_flags(int fd) { return fcntl(fd, F_GETFL); }

}  // namespace

TEST_CASE("a look finds the kind") {
    int ends[2];
    CHECK(probed(socket(AF_INET, SOCK_STREAM, 0)) == FdKind::tcp);
    CHECK(probed(socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP)) == FdKind::tcp);
    CHECK(probed(socket(AF_INET, SOCK_DGRAM, 0)) == FdKind::datagram);
    CHECK(probed(socket(AF_UNIX, SOCK_STREAM, 0)) == FdKind::stream);
    CHECK(probed(socket(AF_UNIX, SOCK_SEQPACKET, 0)) == FdKind::datagram);
    REQUIRE(pipe(ends) == 0);
    CHECK(probed(ends[0]) == FdKind::pipe);
    CHECK(probed(ends[1]) == FdKind::pipe);
    CHECK(probed(open("/dev/null", O_RDWR)) == FdKind::device);
    CHECK(probed(open("/proc/self/exe", O_RDONLY)) == FdKind::file);
    CHECK(probed(open("/", O_RDONLY | O_DIRECTORY)) == FdKind::file);
    CHECK(probed(eventfd(0, 0)) == FdKind::event);
    CHECK(probed(timerfd_create(CLOCK_MONOTONIC, 0)) == FdKind::event);
    CHECK(probed(epoll_create1(0)) == FdKind::event);
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal >= 0) {
        CHECK(probed(terminal) == FdKind::device);
    }
}

TEST_CASE("the kind of a socket about to be made") {
    CHECK(rondo::socket_kind(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) == FdKind::tcp);
    CHECK(rondo::socket_kind(AF_INET6, SOCK_STREAM, IPPROTO_TCP) == FdKind::tcp);
    CHECK(rondo::socket_kind(AF_INET, SOCK_STREAM, IPPROTO_SCTP) == FdKind::stream);
    CHECK(rondo::socket_kind(AF_UNIX, SOCK_STREAM, 0) == FdKind::stream);
    CHECK(rondo::socket_kind(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) == FdKind::datagram);
    CHECK(rondo::socket_kind(AF_UNIX, SOCK_SEQPACKET, 0) == FdKind::datagram);
}

TEST_CASE("a look finds O_NONBLOCK and the timeouts") {
    Raw fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    timeval receive{2, 500000};
    timeval send{1, 0};
    REQUIRE(setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &receive, sizeof receive) == 0);
    REQUIRE(setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &send, sizeof send) == 0);
    FdEntry* entry = table().find(fd.get());
    REQUIRE(entry != nullptr);
    CHECK(entry->has(FdEntry::kNonblocking));
    CHECK(entry->receive_timeout == 2 * rondo::kSecond + rondo::kSecond / 2);
    CHECK(entry->send_timeout == rondo::kSecond);
}

TEST_CASE("numbers that name nothing") {
    int fd = eventfd(0, 0);
    close(fd);
    table().born_unknown(fd);
    CHECK(table().find(fd) == nullptr);
    CHECK(table().find(-1) == nullptr);
    CHECK(table().find(INT32_MAX) == nullptr);
    CHECK(table().entry(-1) == nullptr);
    CHECK(table().born(-EMFILE, FdKind::pipe, 0) == -EMFILE);
}

TEST_CASE("each birth is a new generation, and a born number is not looked at") {
    Raw fd(eventfd(0, 0));
    FdEntry* entry = table().entry(fd.get());
    uint32_t generation = entry->generation();
    CHECK(entry->life() == Life::unknown);
    CHECK(table().born(fd.get(), FdKind::tcp, FdEntry::kNonblocking) == fd.get());
    CHECK(entry->generation() > generation);
    CHECK(table().find(fd.get()) == entry);
    CHECK(entry->kind() == FdKind::tcp);
    CHECK(entry->has(FdEntry::kNonblocking));
    CHECK_FALSE(entry->has(FdEntry::kShared));
    generation = entry->generation();
    entry->receive_timeout = 5;
    table().born(fd.get(), FdKind::pipe, 0);
    CHECK(entry->generation() > generation);
    CHECK(entry->receive_timeout == 0);
    CHECK_FALSE(entry->has(FdEntry::kNonblocking));
    generation = entry->generation();
    table().born_unknown(fd.get());
    CHECK(entry->life() == Life::unknown);
    CHECK(entry->generation() > generation);
    CHECK(table().find(fd.get())->kind() == FdKind::event);
}

TEST_CASE("one thread closes, and a number born meanwhile survives the end of the close") {
    FdEntry entry;
    entry.born(FdKind::pipe, 0);
    uint32_t generation = entry.generation();
    CHECK(entry.begin_close());
    CHECK(entry.life() == Life::closing);
    CHECK(entry.generation() == generation);
    CHECK_FALSE(entry.begin_close());
    entry.end_close();
    CHECK(entry.life() == Life::unknown);
    CHECK(entry.generation() > generation);
    CHECK(entry.begin_close());
    entry.born(FdKind::tcp, 0);
    generation = entry.generation();
    entry.end_close();
    CHECK(entry.life() == Life::live);
    CHECK(entry.generation() == generation);
    CHECK(entry.kind() == FdKind::tcp);
}

TEST_CASE("what a look found does not overwrite a birth") {
    FdEntry entry;
    entry.born(FdKind::tcp, 0);
    uint32_t generation = entry.generation();
    entry.found(generation - 1, FdKind::pipe, FdEntry::kShared, 1, 1);
    entry.found(generation, FdKind::pipe, FdEntry::kShared, 1, 1);
    CHECK(entry.kind() == FdKind::tcp);
    CHECK(entry.generation() == generation);
    CHECK_FALSE(entry.has(FdEntry::kShared));
}

TEST_CASE("what a look found of a number that was closed meanwhile is dropped") {
    FdEntry entry;
    uint32_t generation = entry.generation();
    REQUIRE(entry.begin_close());
    entry.end_close();
    entry.found(generation, FdKind::pipe, FdEntry::kShared, 1, 1);
    CHECK(entry.life() == Life::unknown);
    entry.found(entry.generation(), FdKind::event, FdEntry::kShared, 0, 0);
    CHECK(entry.life() == Life::live);
    CHECK(entry.kind() == FdKind::event);
}

TEST_CASE("find waits for the end of a close") {
    Raw fd(eventfd(0, 0));
    FdEntry* entry = table().entry(fd.get());
    table().born(fd.get(), FdKind::tcp, 0);
    REQUIRE(entry->begin_close());
    std::atomic<bool> ended{false};
    std::atomic<bool> early{false};
    std::thread finder([&] {
        FdEntry* found = table().find(fd.get());
        early = !ended || found == nullptr || found->kind() != FdKind::event;
    });
    for (int i = 0; i < 1000; ++i) {
        sched_yield();
    }
    ended = true;
    entry->end_close();
    finder.join();
    CHECK_FALSE(early);
}

TEST_CASE("sharing stops hiding O_NONBLOCK, unless the program set it too") {
    for (bool by_program : {false, true}) {
        CAPTURE(by_program);
        Raw fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
        table().born(fd.get(), FdKind::stream, by_program ? FdEntry::kNonblocking : 0);
        FdEntry* entry = table().entry(fd.get());
        entry->set(FdEntry::kHidden);
        table().share(fd.get());
        CHECK(entry->has(FdEntry::kShared));
        CHECK_FALSE(entry->has(FdEntry::kHidden));
        CHECK(((shown_flags(fd.get()) & O_NONBLOCK) != 0) == by_program);
    }
}

TEST_CASE("sharing and hiding at once leave no flag on what is shared") {
    constexpr int kRounds = 3000;
    std::atomic<int> go{0};
    std::atomic<int> done{0};
    std::atomic<int> current{-1};
    std::thread hider([&] {
        for (int round = 1; round <= kRounds; ++round) {
            while (go.load() < round) std::this_thread::yield();
            table().hide_nonblocking(current.load(), *table().entry(current.load()));
            done.store(round);
        }
    });
    int left = 0;
    for (int round = 1; round <= kRounds; ++round) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        table().born(fd, FdKind::tcp, 0);
        current.store(fd);
        go.store(round);
        for (int spin = 0; spin < round % 1000; ++spin) rondo::cpu_relax();  // meets each moment of the other
        table().share(fd);
        while (done.load() < round) std::this_thread::yield();
        left += (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 ? 1 : 0;
        table().born_unknown(fd);
        close(fd);
    }
    hider.join();
    CHECK(left == 0);
}

TEST_CASE("sharing does not touch a flag that was never hidden") {
    Raw fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    table().born(fd.get(), FdKind::stream, 0);
    table().share(fd.get());
    CHECK((shown_flags(fd.get()) & O_NONBLOCK) != 0);
    CHECK(table().entry(fd.get())->has(FdEntry::kShared));
}

TEST_CASE("descriptors in messages: the sent ones are shared, the received ones born") {
    Raw sent(socket(AF_UNIX, SOCK_STREAM, 0));
    table().born(sent.get(), FdKind::stream, 0);
    uint32_t generation = table().entry(sent.get())->generation();
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    rondo::note_passed_fds(message);
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    int fd = sent.get();
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    rondo::note_passed_fds(message);
    CHECK(table().entry(fd)->has(FdEntry::kShared));
    CHECK(table().entry(fd)->generation() == generation);
    rondo::note_received_fds(message);
    CHECK(table().entry(fd)->life() == Life::unknown);
    CHECK(table().entry(fd)->generation() > generation);
}

TEST_CASE("a table without address space knows no number") {
    rondo_test::passes_in_child([] {
        static FdTable none;
        rlimit limit{0, 0};
        CHILD_REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
        none.init();
        CHILD_REQUIRE(none.capacity() == 0);
        CHILD_REQUIRE(none.entry(0) == nullptr);
        CHILD_REQUIRE(none.find(0) == nullptr);
        CHILD_REQUIRE(none.born(0, FdKind::pipe, 0) == 0);
    });
}
