// SPDX-License-Identifier: Apache-2.0
//
// Descriptors that go away under a parked thread: close, dup2 over, shutdown, and the number's next life.
// A number is reused only after every operation on its old description has ended, so the new owner sees none of the
// old one's waiters and no waiter ever reads the new owner's bytes. The system's own threads promise none of this,
// so those cases are skipped there.
#include <fcntl.h>
#include <linux/close_range.h>

#include "io_support.h"

using namespace rondo::api_test;

namespace {

uint64_t pending_io() {
    rondo_stats stats;
    rondo_get_stats(&stats);
    return stats.pending_io;
}

}  // namespace

TEST_CASE("close wakes a parked reader with EBADF" * doctest::skip(kNptl)) {
    for (bool tcp : {false, true}) {
        Connection pair = tcp ? connect_tcp() : connect_unix();
        char byte;
        int fd = pair.server.get();
        Call reader([&byte, fd] { return rondo_read(fd, &byte, 1); });
        reader.await_parked();
        CHECK(rondo_close(pair.server.release()) == 0);
        CHECK(reader.result() == -1);
        CHECK(reader.error() == EBADF);
    }
    CHECK(pending_io() == 0);
}

TEST_CASE("close wakes every waiter: readers, a writer, an accept, a poll" * doctest::skip(kNptl)) {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    std::string text = pattern(4 << 20);
    std::vector<Call> calls;
    char bytes[3];
    for (char& byte : bytes) calls.emplace_back([&byte, fd] { return rondo_recv(fd, &byte, 1, 0); });
    calls.emplace_back([&text, fd] {
        size_t wrote = write_all(fd, text);
        return ssize_t{wrote < text.size() ? -1 : 0};
    });
    Listener listener = listen_tcp();
    int listening = listener.fd.get();
    calls.emplace_back([listening] { return ssize_t{rondo_accept(listening, nullptr, nullptr)}; });
    for (Call& call : calls) call.await_parked();
    CHECK(rondo_close(pair.server.release()) == 0);
    CHECK(rondo_close(listener.fd.release()) == 0);
    for (Call& call : calls) {
        CHECK(call.result() == -1);
        CHECK(call.error() == EBADF);
    }
}

TEST_CASE("a poll on a descriptor that is closed reports POLLNVAL" * doctest::skip(kNptl)) {
    Connection pair = connect_unix();
    pollfd watched{pair.server.get(), POLLIN, 0};
    Call poller([&watched] { return ssize_t{rondo_poll(&watched, 1, 20'000)}; });
    poller.await_parked();
    CHECK(rondo_close(pair.server.release()) == 0);
    CHECK(poller.result() == 1);
    CHECK((watched.revents & POLLNVAL) != 0);
}

TEST_CASE("a poll ends when its descriptor is closed, also if the number is used again at once" *
          doctest::skip(kNptl)) {
    for (int round = 0; round < 100; ++round) {
        Connection pair = connect_unix();
        int number = pair.server.get();
        pollfd watched{number, POLLIN, 0};
        Call poller([&watched] { return ssize_t{rondo_poll(&watched, 1, -1)}; });
        poller.await_parked();
        CHECK(rondo_close(pair.server.release()) == 0);
        Connection fresh = connect_unix();
        CHECK((fresh.client.get() == number || fresh.server.get() == number));
        CHECK(poller.result() == 1);
        CHECK(watched.revents == POLLNVAL);
    }
}

TEST_CASE("close is EBADF the second time") {
    Connection pair = connect_unix();
    int fd = pair.client.release();
    CHECK(rondo_close(fd) == 0);
    errno = 0;
    CHECK(rondo_close(fd) == -1);
    CHECK(errno == EBADF);
}

TEST_CASE("the number's next owner keeps its bytes" * doctest::skip(kNptl)) {
    for (int round = 0; round < 100; ++round) {
        Connection old = connect_unix();
        char stolen = 0;
        int number = old.server.get();
        Call reader([&stolen, number] { return rondo_read(number, &stolen, 1); });
        if (round % 2 == 0) reader.await_parked();
        CHECK(rondo_close(old.server.release()) == 0);
        Connection fresh = connect_unix();
        CHECK((fresh.client.get() == number || fresh.server.get() == number));
        Fd& reused = fresh.client.get() == number ? fresh.client : fresh.server;
        Fd& peer = fresh.client.get() == number ? fresh.server : fresh.client;
        if (round % 2 == 0) {
            CHECK(rondo_write(peer.get(), "n", 1) == 1);
            char byte = 0;
            CHECK(rondo_read(reused.get(), &byte, 1) == 1);
            CHECK(byte == 'n');
            CHECK(reader.result() == -1);
            CHECK(reader.error() == EBADF);
        } else {
            CHECK(rondo_write(peer.get(), "n", 1) == 1);
            ssize_t result = reader.result();
            CHECK((result == 1 || reader.error() == EBADF));
        }
    }
}

TEST_CASE("events of the reused number reach its new waiters") {
    for (int round = 0; round < 100; ++round) {
        Connection first = connect_unix();
        char byte = 0;
        int number = first.server.get();
        Call old_reader([&byte, number] { return rondo_read(number, &byte, 1); });
        CHECK(rondo_write(first.client.get(), "1", 1) == 1);
        CHECK(old_reader.result() == 1);
        first.server.reset();
        Connection second = connect_unix();
        int in = second.client.get();
        Call reader([&byte, in] { return rondo_read(in, &byte, 1); });
        reader.await_parked();
        CHECK(rondo_write(second.server.get(), "2", 1) == 1);
        CHECK(reader.result() == 1);
        CHECK(byte == '2');
    }
}

TEST_CASE("a number closed and born again by plain system calls still gets its events") {
    Connection first = connect_unix();
    char byte = 0;
    int number = first.server.get();
    Call warm([&byte, number] { return rondo_read(number, &byte, 1); });
    warm.await_parked();
    CHECK(rondo_write(first.client.get(), "1", 1) == 1);
    CHECK(warm.result() == 1);
    ::close(first.server.release());
    Connection second = connect_unix();
    REQUIRE((second.client.get() == number || second.server.get() == number));
    Fd& peer = second.client.get() == number ? second.server : second.client;
    Call reader([&byte, number] { return rondo_read(number, &byte, 1); });
    reader.await_parked();
    CHECK(rondo_write(peer.get(), "2", 1) == 1);
    CHECK(reader.result() == 1);
    CHECK(byte == '2');
}

TEST_CASE("dup2 over a descriptor ends its waiters and serves the new description" * doctest::skip(kNptl)) {
    Connection old = connect_unix(), fresh = connect_unix();
    char byte = 0;
    int number = old.server.get();
    Call reader([&byte, number] { return rondo_read(number, &byte, 1); });
    reader.await_parked();
    CHECK(rondo_dup2(fresh.server.get(), number) == number);
    CHECK(reader.result() == -1);
    CHECK(reader.error() == EBADF);
    Call again([&byte, number] { return rondo_read(number, &byte, 1); });
    again.await_parked();
    CHECK(rondo_write(fresh.client.get(), "d", 1) == 1);
    CHECK(again.result() == 1);
    CHECK(byte == 'd');
}

TEST_CASE("a duplicate keeps the description open and waitable after the first is closed") {
    Connection pair = connect_unix();
    Fd copy(rondo_dup(pair.server.get()));
    REQUIRE(copy.get() >= 0);
    char byte = 0;
    int in = copy.get();
    Call reader([&byte, in] { return rondo_read(in, &byte, 1); });
    reader.await_parked();
    pair.server.reset();
    CHECK(rondo_write(pair.client.get(), "k", 1) == 1);
    CHECK(reader.result() == 1);
    CHECK(byte == 'k');
    pair.client.reset();
    CHECK(rondo_read(copy.get(), &byte, 1) == 0);
}

TEST_CASE("dup, dup2 and dup3 follow POSIX at the edges") {
    Connection pair = connect_unix();
    int fd = pair.client.get();
    errno = 0;
    CHECK(rondo_dup(-1) == -1);
    CHECK(errno == EBADF);
    CHECK(rondo_dup2(fd, fd) == fd);
    errno = 0;
    CHECK(rondo_dup2(-1, fd) == -1);
    CHECK(errno == EBADF);
    CHECK(is_open(fd));
    errno = 0;
    CHECK(rondo_dup3(fd, fd, 0) == -1);
    CHECK(errno == EINVAL);
    Fd high(rondo_dup(fd));
    CHECK(rondo_dup3(pair.server.get(), high.get(), O_CLOEXEC) == high.get());
    CHECK((fcntl(high.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(rondo_write(pair.client.get(), "z", 1) == 1);
    char byte = 0;
    CHECK(rondo_read(high.get(), &byte, 1) == 1);
    CHECK(byte == 'z');
    Fd minimum(rondo_fcntl(fd, F_DUPFD_CLOEXEC, 100));
    CHECK(minimum.get() >= 100);
}

TEST_CASE("shutdown by another thread wakes a reader and stops a writer") {
    Connection pair = connect_tcp();
    char byte;
    int fd = pair.server.get();
    Call reader([&byte, fd] { return rondo_read(fd, &byte, 1); });
    reader.await_parked();
    CHECK(shutdown(fd, SHUT_RD) == 0);
    CHECK(reader.result() == 0);
    std::string text = pattern(32 << 20);
    Call writer([&text, fd] {
        size_t done = 0;
        ssize_t sent = 1;
        while (done < text.size() && sent > 0) {
            sent = rondo_send(fd, text.data() + done, text.size() - done, MSG_NOSIGNAL);
            if (sent > 0) done += static_cast<size_t>(sent);
        }
        return sent;
    });
    writer.await_parked();
    CHECK(shutdown(fd, SHUT_WR) == 0);
    CHECK(writer.result() == -1);
    CHECK(writer.error() == EPIPE);
}

TEST_CASE("shutting a listener down wakes its acceptor") {
    Listener listener = listen_tcp();
    int fd = listener.fd.get();
    Call acceptor([fd] { return ssize_t{rondo_accept(fd, nullptr, nullptr)}; });
    acceptor.await_parked();
    CHECK(shutdown(fd, SHUT_RDWR) == 0);
    CHECK(acceptor.result() == -1);
    CHECK(acceptor.error() == EINVAL);
}

TEST_CASE("half-closed connections still carry the answer") {
    Connection pair = connect_tcp();
    std::string request = pattern(300'000, 5), reply = pattern(400'000, 6), at_server;
    int server = pair.server.get();
    Thread serving([&] {
        at_server = read_up_to(server);
        write_all(server, reply);
        shutdown(server, SHUT_WR);
    });
    CHECK(write_all(pair.client.get(), request) == request.size());
    CHECK(shutdown(pair.client.get(), SHUT_WR) == 0);
    CHECK((read_up_to(pair.client.get()) == reply));
    serving.join();
    CHECK((at_server == request));
}

TEST_CASE("closing races reading on many descriptors, and every reader returns" * doctest::skip(kNptl)) {
    constexpr int kRounds = 300;
    int odd = 0;
    for (int round = 0; round < kRounds; ++round) {
        Connection pair = connect_unix();
        char byte;
        int fd = pair.server.get();
        Call one([&byte, fd] { return rondo_read(fd, &byte, 1); });
        Call closer([&pair] { return ssize_t{rondo_close(pair.server.release())}; });
        odd += one.result() != -1 || one.error() != EBADF;
        odd += closer.result() != 0;
    }
    CHECK(odd == 0);
    CHECK(pending_io() == 0);
}

TEST_CASE("a thread may not leave the table of descriptors that the workers share" * doctest::skip(kNptl)) {
    Connection pair = connect_unix();
    auto fd = static_cast<unsigned>(pair.server.get());
    Call refused([fd] { return ssize_t{rondo_close_range(fd, fd, CLOSE_RANGE_UNSHARE)}; });
    CHECK(refused.result() == -1);
    CHECK(refused.error() == EINVAL);
    CHECK(fcntl(pair.server.get(), F_GETFD) >= 0);
    Call closing([fd] { return ssize_t{rondo_close_range(fd, fd, 0)}; });
    CHECK(closing.result() == 0);
    pair.server.release();
}
