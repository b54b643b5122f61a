// SPDX-License-Identifier: Apache-2.0
//
// What the epoll backend does with operations and events, seen from inside: queues, stale registrations, descriptors
// closed and reused behind its back, groups of poll operations, sleeping and waking.

#include "runtime/io/epoll_backend.h"

#include <poll.h>

#include <thread>

#include "io/op_bench.h"
#include "support/test.h"

namespace {

using rondo::FdEntry;
using rondo::FdKind;
using rondo::FdTable;
using rondo::IoKind;
using rondo_test::connect_tcp;
using rondo_test::connect_unix;
using rondo_test::Connection;
using rondo_test::OpBench;
using rondo_test::ParkedOp;
using rondo_test::ParkedPoll;
using rondo_test::ParkedRead;

void put(const rondo_test::Fd& fd, const std::string& text) {
    REQUIRE(write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

Connection known(Connection pair, FdKind kind) {
    FdTable::instance().born(pair.client.get(), kind, 0);
    FdTable::instance().born(pair.server.get(), kind, 0);
    return pair;
}

// Closes the number and opens another description under it, by plain system calls.
void replace(int fd, const rondo_test::Fd& by) { REQUIRE(dup2(by.get(), fd) == fd); }

}  // namespace

TEST_CASE("an operation completes at once or when its event comes") {
    OpBench bench;
    Connection pair = known(connect_unix(), FdKind::stream);
    put(pair.client, "early");
    ParkedRead early(bench, pair.server.get());
    CHECK_FALSE(early.submitted());
    CHECK(early.text() == "early");
    ParkedRead late(bench, pair.server.get());
    CHECK(late.submitted());
    CHECK(bench.backend.pending() == 1);
    bench.backend.poll(0);
    CHECK_FALSE(late.completed());
    put(pair.client, "late");
    bench.backend.poll(0);
    CHECK(late.completed());
    CHECK(late.text() == "late");
    CHECK(bench.backend.pending() == 0);
    CHECK(bench.policy.next() == &late.thread);
}

TEST_CASE("readers of one descriptor are served in order, one message each") {
    OpBench bench;
    Connection pair = known(connect_unix(SOCK_SEQPACKET), FdKind::datagram);
    ParkedRead first(bench, pair.server.get());
    ParkedRead second(bench, pair.server.get());
    ParkedRead third(bench, pair.server.get());
    CHECK((first.submitted() && second.submitted() && third.submitted()));
    put(pair.client, "1");
    put(pair.client, "2");
    bench.backend.poll(0);
    CHECK(first.text() == "1");
    CHECK(second.text() == "2");
    CHECK_FALSE(third.completed());
    CHECK(bench.backend.pending() == 1);
    put(pair.client, "3");
    bench.backend.poll(0);
    CHECK(third.text() == "3");
}

TEST_CASE("after a short read from TCP the next read waits for an event, until the peer shuts down") {
    OpBench bench;
    Connection pair = known(connect_tcp(), FdKind::tcp);
    ParkedRead first(bench, pair.server.get());
    CHECK(first.submitted());
    put(pair.client, "a");
    bench.backend.poll(rondo::now_ns() + rondo::kSecond);
    CHECK(first.text() == "a");
    put(pair.client, "b");
    ParkedRead second(bench, pair.server.get());
    CHECK(second.submitted());
    bench.backend.poll(rondo::now_ns() + rondo::kSecond);
    CHECK(second.text() == "b");
    put(pair.client, "c");
    REQUIRE(shutdown(pair.client.get(), SHUT_WR) == 0);
    ParkedRead third(bench, pair.server.get());
    CHECK(third.submitted());
    bench.backend.poll(rondo::now_ns() + rondo::kSecond);
    CHECK(third.text() == "c");
    ParkedRead end(bench, pair.server.get());
    CHECK_FALSE(end.submitted());
    CHECK(end.result == 0);
}

TEST_CASE("an event of an older life of the number is dropped") {
    OpBench bench;
    Connection old = known(connect_unix(), FdKind::stream);
    Connection fresh = known(connect_unix(), FdKind::stream);
    rondo_test::Fd keeps_description(dup(old.server.get()));
    int number = old.server.get();
    ParkedPoll before(bench, number, POLLIN);
    CHECK(before.submitted());
    replace(number, fresh.server);
    FdTable::instance().born(number, FdKind::stream, 0);
    ParkedPoll after(bench, number, POLLIN);
    CHECK(after.submitted());
    CHECK(before.completed());
    CHECK(before.result == -EBADF);
    put(old.client, "for the old one");
    bench.backend.poll(0);
    CHECK_FALSE(after.completed());
    put(fresh.client, "for the new one");
    bench.backend.poll(0);
    CHECK(after.completed());
    CHECK(after.result == 1);
}

TEST_CASE("closed behind our back: the check ends every operation with EBADF") {
    OpBench bench;
    Connection pair = known(connect_unix(), FdKind::stream);
    int number = pair.server.get();
    ParkedRead first(bench, number);
    ParkedRead second(bench, number);
    ParkedPoll third(bench, number, POLLIN);
    CHECK((first.submitted() && second.submitted() && third.submitted()));
    REQUIRE(close(pair.server.release()) == 0);
    bench.check_registrations();
    for (ParkedOp* op : std::initializer_list<ParkedOp*>{&first, &second, &third}) {
        CHECK(op->completed());
        CHECK(op->result == -EBADF);
    }
    CHECK(bench.backend.pending() == 0);
}

TEST_CASE("closed and reused behind our back: the check registers the new description") {
    OpBench bench;
    Connection old = known(connect_unix(), FdKind::stream);
    Connection fresh = known(connect_unix(), FdKind::stream);
    int number = old.server.get();
    ParkedRead op(bench, number);
    CHECK(op.submitted());
    replace(number, fresh.server);
    put(fresh.client, "new");
    bench.backend.poll(0);
    CHECK_FALSE(op.completed());
    bench.check_registrations();
    bench.backend.poll(0);
    CHECK(op.completed());
    CHECK(op.text() == "new");
}

TEST_CASE("reused by a file, which cannot be waited for: the operation ends with an error") {
    OpBench bench;
    Connection pair = known(connect_unix(), FdKind::stream);
    ParkedRead op(bench, pair.server.get());
    CHECK(op.submitted());
    replace(pair.server.get(), rondo_test::Fd(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)));
    bench.check_registrations();
    CHECK(op.completed());
    CHECK(op.result < 0);
}

TEST_CASE("the check leaves a healthy operation alone, whatever waits") {
    OpBench bench;
    Connection pair = known(connect_unix(), FdKind::stream);
    ParkedRead read(bench, pair.server.get());
    ParkedPoll poll(bench, pair.server.get(), POLLIN);
    CHECK((read.submitted() && poll.submitted()));
    for (int i = 0; i < 5; ++i) {
        bench.check_registrations();
    }
    CHECK_FALSE(read.completed());
    CHECK_FALSE(poll.completed());
    put(pair.client, "x");
    bench.backend.poll(0);
    CHECK(read.text() == "x");
    CHECK(poll.result == 1);
}

TEST_CASE("forget ends the operations and the registration") {
    OpBench bench;
    Connection pair = known(connect_unix(), FdKind::stream);
    int number = pair.server.get();
    FdTable::instance().entry(number)->set(FdEntry::kShared);
    ParkedRead read(bench, number);
    ParkedPoll poll(bench, number, POLLIN);
    CHECK((read.submitted() && poll.submitted()));
    CHECK(FdTable::instance().entry(number)->workers == 1);
    bench.backend.forget(number);
    CHECK(read.result == -EBADF);
    CHECK(poll.result == -EBADF);
    CHECK((read.completed() && poll.completed()));
    ParkedRead again(bench, number);
    CHECK(again.submitted());
    put(pair.client, "again");
    bench.backend.poll(0);
    CHECK(again.text() == "again");
}

TEST_CASE("a number that is no descriptor, and one that cannot be waited for") {
    OpBench bench;
    int closed = dup(STDERR_FILENO);
    close(closed);
    FdTable::instance().born_unknown(closed);
    ParkedRead bad(bench, closed);
    CHECK_FALSE(bad.submitted());
    CHECK(bad.result == -EBADF);
    rondo_test::Fd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    FdTable::instance().born_unknown(file.get());
    ParkedPoll poll(bench, file.get(), POLLIN);
    CHECK_FALSE(poll.submitted());
    CHECK(poll.result == -EOPNOTSUPP);
    CHECK(bench.backend.pending() == 0);
}

TEST_CASE("a message is sent without an operation, but never before one that waits") {
    OpBench bench;
    Connection pair = known(connect_unix(), FdKind::stream);
    auto send_now = [&] { return bench.backend.send_now(IoKind::send, pair.client.get(), "now", 3, 0); };
    CHECK(send_now() == 3);
    std::string filler(1 << 16, 'x');
    while (send(pair.client.get(), filler.data(), filler.size(), MSG_DONTWAIT) > 0) {
    }
    CHECK(send_now() == -EAGAIN);
    ParkedOp waiting(bench, IoKind::send, pair.client.get());
    CHECK(waiting.submitted());
    std::string read_away(1 << 16, '\0');
    while (recv(pair.server.get(), read_away.data(), read_away.size(), MSG_DONTWAIT) > 0) {
    }
    CHECK(send_now() == -EAGAIN);
    bench.backend.poll(0);
    CHECK(waiting.completed());
    CHECK(send_now() == 3);
    CHECK(bench.backend.send_now(IoKind::send, -1, "now", 3, 0) == -EBADF);
}

TEST_CASE("a cancelled operation reports what it had moved") {
    OpBench bench;
    Connection pair = known(connect_unix(), FdKind::stream);
    ParkedRead nothing(bench, pair.server.get());
    CHECK(nothing.submitted());
    bench.backend.cancel(nothing);
    CHECK(nothing.completed());
    CHECK(nothing.result == -ECANCELED);
    ParkedRead half(bench, pair.server.get());
    half.whole = true;
    half.length = 8;
    put(pair.client, "half");
    CHECK(half.submitted());
    bench.backend.poll(0);
    CHECK_FALSE(half.completed());
    bench.backend.cancel(half);
    CHECK(half.completed());
    CHECK(half.text() == "half");
    put(pair.client, "x");
    bench.backend.poll(0);
    CHECK(bench.backend.pending() == 0);
}

TEST_CASE("the first event of a group ends its wait, and withdrawn members are gone") {
    OpBench bench;
    Connection one = known(connect_unix(), FdKind::stream);
    Connection two = known(connect_unix(), FdKind::stream);
    ParkedPoll whole(bench, -1, 0);
    ParkedPoll first(bench, one.server.get(), POLLIN, &whole);
    ParkedPoll second(bench, two.server.get(), POLLIN, &whole);
    ParkedPoll third(bench, two.server.get(), POLLIN, &whole);
    CHECK((first.submitted() && second.submitted() && third.submitted()));
    CHECK(bench.backend.pending() == 3);
    bench.backend.withdraw(third);
    put(one.client, "x");
    put(two.client, "x");
    bench.backend.poll(0);
    CHECK(whole.completed());
    CHECK(whole.result == 1);
    CHECK_FALSE(first.completed());
    CHECK_FALSE(third.completed());
    CHECK(bench.backend.pending() == 0);
    CHECK(bench.policy.next() == &whole.thread);
    CHECK(bench.policy.empty());
    bench.backend.withdraw(second);
    CHECK(bench.backend.pending() == 0);
}

TEST_CASE("a poll operation hears only what it asked for, and errors") {
    OpBench bench;
    Connection pair = known(connect_unix(), FdKind::stream);
    ParkedPoll urgent(bench, pair.server.get(), POLLPRI);
    CHECK(urgent.submitted());
    put(pair.client, "x");
    bench.backend.poll(0);
    CHECK_FALSE(urgent.completed());
    REQUIRE(close(pair.client.release()) == 0);
    bench.backend.poll(0);
    CHECK(urgent.completed());
}

TEST_CASE("a wake from another thread ends the sleep, before or during it") {
    OpBench bench;
    bench.backend.wake();
    int64_t begin = rondo::now_ns();
    bench.backend.poll(begin + 30 * rondo::kSecond);
    std::thread waker([&bench] { bench.backend.wake(); });
    bench.backend.poll(begin + 30 * rondo::kSecond);
    waker.join();
    CHECK(rondo::now_ns() - begin < 20 * rondo::kSecond);
    bench.backend.poll(rondo::now_ns());
}

TEST_CASE("a sleep ends at its deadline, not before") {
    OpBench bench;
    for (int64_t wait : {rondo::kMillisecond / 2, 3 * rondo::kMillisecond}) {
        int64_t deadline = rondo::now_ns() + wait;
        bench.backend.poll(deadline);
        CHECK(rondo::now_ns() >= deadline);
    }
}
