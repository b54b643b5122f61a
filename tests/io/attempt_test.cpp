// SPDX-License-Identifier: Apache-2.0
//
// One try at an operation: partial whole writes over long vectors, messages whose rest is sent without their control
// data, reads that drain, errors after part of the work.

#include "runtime/io/attempt.h"

#include <random>

#include "support/test.h"

namespace {

using rondo::attempt;
using rondo::Attempt;
using rondo::IoKind;
using rondo::IoOp;
using rondo::WaitReason;
using rondo_test::Connection;

std::string noise(size_t length) {
    std::mt19937 random(static_cast<unsigned>(length));
    std::string text(length, '\0');
    for (char& character : text) {
        character = static_cast<char>(random());
    }
    return text;
}

// Elements of uneven length, some of them empty, over the text.
std::vector<iovec> cut(std::string& text, size_t pieces) {
    std::vector<iovec> vector;
    size_t at = 0;
    for (size_t i = 0; i < pieces; ++i) {
        size_t length = i + 1 == pieces ? text.size() - at : (i % 3) * text.size() / (3 * pieces);
        vector.push_back({text.data() + at, length});
        at += length;
    }
    return vector;
}

std::string read_some(int fd, size_t most = 65536) {
    std::string text(most, '\0');
    ssize_t length = recv(fd, text.data(), most, MSG_DONTWAIT);
    if (length < 0 && errno == ENOTSOCK) {
        length = read(fd, text.data(), most);
    }
    text.resize(length > 0 ? static_cast<size_t>(length) : 0);
    return text;
}

// Tries and drains in turn until the operation is finished; the number of tries that would have blocked.
int drive(IoOp& op, int reader, std::string& received) {
    bool drained = false;
    int blocked = 0;
    for (;;) {
        Attempt outcome = attempt(op, drained);
        REQUIRE(outcome != Attempt::unsupported);
        if (outcome == Attempt::finished) {
            break;
        }
        ++blocked;
        std::string some = read_some(reader);
        REQUIRE_FALSE(some.empty());
        received += some;
    }
    for (std::string rest = read_some(reader); !rest.empty(); rest = read_some(reader)) {
        received += rest;
    }
    return blocked;
}

struct Receive : IoOp {
    Receive(int descriptor, size_t count, int how = 0) : IoOp(IoKind::recv, descriptor, WaitReason::read) {
        buffer = room;
        length = count;
        flags = how;
        whole = (how & MSG_WAITALL) != 0;
    }
    std::string text() const { return {room, static_cast<size_t>(result)}; }
    char room[256] = {};
};

void put(const rondo_test::Fd& fd, const char* text) {
    REQUIRE(write(fd.get(), text, strlen(text)) == static_cast<ssize_t>(strlen(text)));
}

}  // namespace

TEST_CASE("a whole write goes on behind what was moved, over empty and many elements") {
    for (size_t pieces : {1UL, 2UL, 16UL, 17UL, 100UL, 1000UL}) {
        CAPTURE(pieces);
        int ends[2];
        REQUIRE(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
        REQUIRE(fcntl(ends[1], F_SETPIPE_SZ, 4096) == 4096);
        std::string text = noise(50000);
        std::vector<iovec> vector = cut(text, pieces);
        IoOp op(IoKind::writev, ends[1], WaitReason::write);
        op.vector = vector.data();
        op.length = vector.size();
        op.whole = true;
        std::string received;
        CHECK(drive(op, ends[0], received) >= 12);
        CHECK(op.result == 50000);
        CHECK(received == text);
        close(ends[0]);
        close(ends[1]);
    }
}

TEST_CASE("a write that is not whole ends with what it moved") {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    REQUIRE(fcntl(ends[1], F_SETPIPE_SZ, 4096) == 4096);
    std::string text = noise(5000);
    std::vector<iovec> vector = cut(text, 3);
    IoOp op(IoKind::writev, ends[1], WaitReason::write);
    op.vector = vector.data();
    op.length = vector.size();
    bool drained = false;
    CHECK(attempt(op, drained) == Attempt::finished);
    CHECK(op.result == 4096);
    IoOp again(IoKind::writev, ends[1], WaitReason::write);
    again.vector = vector.data();
    again.length = vector.size();
    CHECK(attempt(again, drained) == Attempt::would_block);
    CHECK(again.done == 0);
    close(ends[0]);
    close(ends[1]);
}

TEST_CASE("a whole send moves everything in order") {
    Connection pair = rondo_test::connect_unix();
    std::string text = noise(1000000);
    IoOp op(IoKind::send, pair.client.get(), WaitReason::write);
    op.buffer = text.data();
    op.length = text.size();
    op.whole = true;
    std::string received;
    CHECK(drive(op, pair.server.get(), received) >= 1);
    CHECK(op.result == 1000000);
    CHECK(received == text);
}

TEST_CASE("a message that is sent in parts passes its descriptors once") {
    Connection pair = rondo_test::connect_unix();
    std::string text = noise(1000000);
    std::vector<iovec> vector = cut(text, 40);
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = vector.data();
    message.msg_iovlen = vector.size();
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    int own = pair.client.get();
    memcpy(CMSG_DATA(header), &own, sizeof own);
    IoOp op(IoKind::sendmsg, pair.client.get(), WaitReason::write);
    op.message = &message;
    op.whole = true;
    std::string received;
    int passed = 0;
    bool drained = false;
    auto receive = [&] {
        std::string part(65536, 0);
        alignas(cmsghdr) char arrived[CMSG_SPACE(sizeof(int) * 4)] = {};
        iovec into{part.data(), part.size()};
        msghdr got{};
        got.msg_iov = &into;
        got.msg_iovlen = 1;
        got.msg_control = arrived;
        got.msg_controllen = sizeof arrived;
        ssize_t length = recvmsg(pair.server.get(), &got, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (cmsghdr* found = length > 0 ? CMSG_FIRSTHDR(&got) : nullptr) {
            int fd = -1;
            memcpy(&fd, CMSG_DATA(found), sizeof fd);
            close(fd);
            ++passed;
        }
        received += part.substr(0, length > 0 ? static_cast<size_t>(length) : 0);
        return length > 0;
    };
    while (attempt(op, drained) == Attempt::would_block) {
        REQUIRE(receive());
    }
    while (receive()) {
    }
    CHECK(op.result == 1000000);
    CHECK(received == text);
    CHECK(passed == 1);
}

TEST_CASE("a read says whether it drained the socket") {
    Connection pair = rondo_test::connect_tcp();
    bool drained = false;
    put(pair.client, "abcdef");
    Receive exact(pair.server.get(), 3);
    CHECK(attempt(exact, drained) == Attempt::finished);
    CHECK(exact.text() == "abc");
    CHECK_FALSE(drained);
    Receive peek(pair.server.get(), 100, MSG_PEEK);
    CHECK(attempt(peek, drained) == Attempt::finished);
    CHECK(peek.text() == "def");
    CHECK_FALSE(drained);
    Receive rest(pair.server.get(), 100);
    CHECK(attempt(rest, drained) == Attempt::finished);
    CHECK(rest.text() == "def");
    CHECK(drained);
    Receive none(pair.server.get(), 100);
    CHECK(attempt(none, drained) == Attempt::would_block);
}

TEST_CASE("a whole read goes on until it has everything, the end or an error") {
    Connection pair = rondo_test::connect_unix();
    bool drained = false;
    Receive all(pair.server.get(), 6, MSG_WAITALL);
    put(pair.client, "ab");
    CHECK(attempt(all, drained) == Attempt::would_block);
    put(pair.client, "cd");
    CHECK(attempt(all, drained) == Attempt::would_block);
    CHECK(all.done == 4);
    put(pair.client, "efgh");
    CHECK(attempt(all, drained) == Attempt::finished);
    CHECK(all.text() == "abcdef");

    Receive cut_off(pair.server.get(), 6, MSG_WAITALL);
    CHECK(attempt(cut_off, drained) == Attempt::would_block);
    pair.client.reset();
    CHECK(attempt(cut_off, drained) == Attempt::finished);
    CHECK(cut_off.text() == "gh");
    Receive end(pair.server.get(), 6, MSG_WAITALL);
    CHECK(attempt(end, drained) == Attempt::finished);
    CHECK(end.result == 0);
}

TEST_CASE("an error after part of the work is reported as that part") {
    Connection pair = rondo_test::connect_unix();
    std::string text = noise(1000000);
    bool drained = false;
    for (long expected : {1L, static_cast<long>(-EPIPE)}) {
        IoOp op(IoKind::send, pair.client.get(), WaitReason::write);
        op.buffer = text.data();
        op.length = text.size();
        op.flags = MSG_NOSIGNAL;
        op.whole = true;
        if (expected > 0) {
            CHECK(attempt(op, drained) == Attempt::would_block);
            expected = static_cast<long>(op.done);
            CHECK(expected > 0);
            pair.server.reset();
        }
        CHECK(attempt(op, drained) == Attempt::finished);
        CHECK(op.result == expected);
        CHECK(rondo::partial_result(op, -ECANCELED) == (expected > 0 ? expected : -ECANCELED));
    }
}

TEST_CASE("a descriptor that cannot be asked without waiting says so") {
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    RONDO_SKIP_IF(terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0, "no pseudo-terminals");
    char byte = 0;
    iovec vector{&byte, 1};
    IoOp op(IoKind::readv, terminal, WaitReason::read);
    op.vector = &vector;
    op.length = 1;
    bool drained = false;
    CHECK(attempt(op, drained) == Attempt::unsupported);
    close(terminal);
}

TEST_CASE("a poll operation is never tried") {
    Connection pair = rondo_test::connect_unix();
    put(pair.client, "x");
    IoOp op(IoKind::poll, pair.server.get(), WaitReason::poll);
    bool drained = false;
    CHECK(attempt(op, drained) == Attempt::would_block);
}

TEST_CASE("a connect that was refused is told once, and the socket can be used again") {
    rondo_test::Listener listener = rondo_test::listen_tcp();
    sockaddr_in address = rondo_test::loopback(listener.port);
    listener.fd.reset();
    rondo_test::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    auto* to = reinterpret_cast<sockaddr*>(&address);
    int begun = connect(fd.get(), to, sizeof address);
    REQUIRE((begun == -1 && (errno == EINPROGRESS || errno == ECONNREFUSED)));
    IoOp op(IoKind::connect, fd.get(), WaitReason::connect);
    op.address = to;
    op.length = sizeof address;
    bool drained = false;
    CHECK(rondo_test::wait_until([&] { return attempt(op, drained) == Attempt::finished; }));
    CHECK(op.result == -ECONNREFUSED);
    rondo_test::Listener second = rondo_test::listen_tcp();
    address = rondo_test::loopback(second.port);
    CHECK((connect(fd.get(), to, sizeof address) == 0 || errno == EINPROGRESS));
    IoOp next(IoKind::connect, fd.get(), WaitReason::connect);
    next.address = to;
    next.length = sizeof address;
    CHECK(rondo_test::wait_until([&] { return attempt(next, drained) == Attempt::finished; }));
    CHECK((next.result == 0 || next.result == -EISCONN));
}
