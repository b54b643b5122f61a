// SPDX-License-Identifier: Apache-2.0
//
// Blocking calls on threads whose answer depends on what lies below them: reads that may not wait whatever the
// description says, descriptors closed and reused behind our back while a thread waits, and files that are answered by
// the offload pool.

#include "runtime/io/io_ops.h"

#include <sys/mman.h>

#include "system/single_worker.h"

namespace {

using rondo_test::connect_unix;
using rondo_test::Connection;
using rondo_test::Thread;
using rondo_test::wait_until;

void put(const rondo_test::Fd& fd, const std::string& text) {
    REQUIRE(write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

}  // namespace

TEST_CASE("a number closed by a plain system call ends the wait with EBADF within a quarter of a second") {
    rondo::Worker& worker = rondo_test::single_worker();
    Connection pair = connect_unix();
    int number = pair.server.get();
    long result = 0;
    Thread reader([&] {
        char byte = 0;
        result = rondo::io_recv(number, &byte, 1, 0);
    });
    rondo_test::let_others_park(worker);
    REQUIRE(worker.backend().pending() == 1);
    REQUIRE(close(pair.server.release()) == 0);
    reader.join();
    CHECK(result == -EBADF);
}

TEST_CASE("a number closed and reused by plain system calls: the wait gets what the new description brings") {
    rondo::Worker& worker = rondo_test::single_worker();
    Connection old = connect_unix();
    Connection fresh = connect_unix();
    char byte = 0;
    long result = 0;
    Thread reader([&] { result = rondo::io_recv(old.server.get(), &byte, 1, 0); });
    rondo_test::let_others_park(worker);
    REQUIRE(worker.backend().pending() == 1);
    REQUIRE(dup2(fresh.server.get(), old.server.get()) == old.server.get());
    put(fresh.client, "n");
    reader.join();
    CHECK(result == 1);
    CHECK(byte == 'n');
}

TEST_CASE("a peek shows what is there, never the same twice") {
    rondo_test::single_worker();
    Connection pair = connect_unix();
    put(pair.client, "abc");
    char text[8] = {};
    Thread writer([&] { put(pair.client, "def"); });
    long result = rondo::io_recv(pair.server.get(), text, 6, MSG_PEEK | MSG_WAITALL);
    CHECK(std::string(text, static_cast<size_t>(result)) ==
          std::string("abcdef").substr(0, static_cast<size_t>(result)));
    CHECK(result >= 3);
}

TEST_CASE("the error queue never waits") {
    rondo_test::single_worker();
    rondo_test::Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    rondo::FdTable::instance().born(fd.get(), rondo::FdKind::datagram, 0);
    char byte = 0;
    timeval late{1, 0};
    REQUIRE(rondo_setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &late, sizeof late) == 0);
    rondo::Nanoseconds before = rondo::now_ns();
    CHECK(rondo::io_recv(fd.get(), &byte, 1, MSG_ERRQUEUE) == -EAGAIN);
    CHECK(rondo::now_ns() - before < rondo::kSecond / 2);
}

TEST_CASE("a file is read and written whole, with many elements and at its end") {
    rondo_test::single_worker();
    rondo_test::Fd file(memfd_create("test", MFD_CLOEXEC));
    std::string text(300000, 'x');
    for (size_t i = 0; i < text.size(); ++i) {
        text[i] = static_cast<char>('a' + i % 23);
    }
    for (size_t pieces : {3UL, 64UL, 65UL}) {
        CAPTURE(pieces);
        REQUIRE(lseek(file.get(), 0, SEEK_SET) == 0);
        std::vector<iovec> vector;
        std::string back(text.size(), '\0');
        std::vector<iovec> into;
        size_t step = text.size() / pieces;
        for (size_t at = 0; at < pieces * step; at += step) {
            vector.push_back({text.data() + at, step});
            into.push_back({back.data() + at, step});
        }
        long whole = static_cast<long>(pieces * step);
        CHECK(rondo::io_writev(file.get(), vector.data(), static_cast<int>(pieces)) == whole);
        REQUIRE(lseek(file.get(), 0, SEEK_SET) == 0);
        CHECK(rondo::io_readv(file.get(), into.data(), static_cast<int>(pieces)) == whole);
        CHECK(back.substr(0, pieces * step) == text.substr(0, pieces * step));
    }
    REQUIRE(lseek(file.get(), -5, SEEK_END) > 0);
    char tail[16];
    CHECK(rondo::io_read(file.get(), tail, sizeof tail) == 5);
    CHECK(rondo::io_read(file.get(), tail, sizeof tail) == 0);
    CHECK(rondo::io_read(-1, tail, sizeof tail) == -EBADF);
}
