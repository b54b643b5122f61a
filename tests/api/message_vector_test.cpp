// SPDX-License-Identifier: Apache-2.0
//
// recvmmsg and sendmmsg: whole vectors, what ends them early, their timeout, and streams; and MSG_WAITALL where the
// bytes are scattered over a vector.
#include "io_support.h"

using namespace rondo::api_test;

namespace {

// A vector of messages of one buffer each.
class Messages {
   public:
    explicit Messages(size_t count, size_t bytes = 64) : texts_(count, std::string(bytes, '\0')), vectors_(count) {
        messages_.resize(count);
        for (size_t i = 0; i < count; ++i) {
            vectors_[i] = {texts_[i].data(), bytes};
            messages_[i].msg_hdr.msg_iov = &vectors_[i];
            messages_[i].msg_hdr.msg_iovlen = 1;
        }
    }
    void set(size_t i, const std::string& text) {
        texts_[i] = text;
        vectors_[i] = {texts_[i].data(), text.size()};
    }
    mmsghdr* get() { return messages_.data(); }
    unsigned count() const { return static_cast<unsigned>(messages_.size()); }
    std::string text(size_t i) const { return texts_[i].substr(0, messages_[i].msg_len); }

   private:
    std::vector<std::string> texts_;
    std::vector<iovec> vectors_;
    std::vector<mmsghdr> messages_;
};

std::string numbered(size_t i) { return "message " + std::to_string(i); }

void send_numbered(int fd, size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) {
        std::string text = numbered(i);
        CHECK(rondo_send(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    }
}

}  // namespace

TEST_CASE("recvmmsg waits until the whole vector is there") {
    Connection pair = connect_unix(SOCK_DGRAM);
    Messages messages(5);
    send_numbered(pair.client.get(), 0, 2);
    int fd = pair.server.get();
    Call receiver([&messages, fd] { return ssize_t{rondo_recvmmsg(fd, messages.get(), 5, 0, nullptr)}; });
    receiver.await_parked();
    send_numbered(pair.client.get(), 2, 5);
    CHECK(receiver.result() == 5);
    for (size_t i = 0; i < 5; ++i) CHECK(messages.text(i) == numbered(i));
}

TEST_CASE("MSG_WAITFORONE waits for the first and takes what is there") {
    Connection pair = connect_unix(SOCK_DGRAM);
    Messages messages(5);
    int fd = pair.server.get();
    Call receiver([&messages, fd] { return ssize_t{rondo_recvmmsg(fd, messages.get(), 5, MSG_WAITFORONE, nullptr)}; });
    receiver.await_parked();
    send_numbered(pair.client.get(), 0, 1);
    CHECK(receiver.result() == 1);
    CHECK(messages.text(0) == numbered(0));
    send_numbered(pair.client.get(), 1, 4);
    CHECK(rondo_recvmmsg(fd, messages.get(), 5, MSG_WAITFORONE, nullptr) == 3);
    CHECK(messages.text(2) == numbered(3));
}

TEST_CASE("MSG_DONTWAIT and a non-blocking socket take what is there, or say EAGAIN") {
    Connection pair = connect_unix(SOCK_DGRAM);
    Messages messages(4);
    int fd = pair.server.get();
    errno = 0;
    CHECK(rondo_recvmmsg(fd, messages.get(), 4, MSG_DONTWAIT, nullptr) == -1);
    CHECK(errno == EAGAIN);
    send_numbered(pair.client.get(), 0, 2);
    CHECK(rondo_recvmmsg(fd, messages.get(), 4, MSG_DONTWAIT, nullptr) == 2);
    CHECK(rondo_fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    send_numbered(pair.client.get(), 2, 4);
    CHECK(rondo_recvmmsg(fd, messages.get(), 4, 0, nullptr) == 2);
    CHECK(messages.text(1) == numbered(3));
}

TEST_CASE("the timeout is looked at after each message, and what is left is told") {
    Connection pair = connect_unix(SOCK_DGRAM);
    Messages messages(4);
    int fd = pair.server.get();
    send_numbered(pair.client.get(), 0, 4);
    timespec none{0, 0};
    CHECK(rondo_recvmmsg(fd, messages.get(), 4, 0, &none) == 1);
    timespec ample{1000, 0};
    CHECK(rondo_recvmmsg(fd, messages.get(), 3, 0, &ample) == 3);
    CHECK(ample.tv_sec == 999);
    timespec bad{0, -1};
    errno = 0;
    CHECK(rondo_recvmmsg(fd, messages.get(), 1, 0, &bad) == -1);
    CHECK(errno == EINVAL);
}

TEST_CASE("SO_RCVTIMEO ends recvmmsg with what came, then with EAGAIN") {
    Connection pair = connect_unix(SOCK_DGRAM);
    Messages messages(3);
    int fd = pair.server.get();
    timeval limit{0, 20'000};
    CHECK(rondo_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    send_numbered(pair.client.get(), 0, 2);
    CHECK(rondo_recvmmsg(fd, messages.get(), 3, 0, nullptr) == 2);
    errno = 0;
    CHECK(rondo_recvmmsg(fd, messages.get(), 3, 0, nullptr) == -1);
    CHECK(errno == EAGAIN);
}

TEST_CASE("sendmmsg waits for room and sends every datagram in order") {
    Connection pair = connect_unix(SOCK_DGRAM);
    constexpr size_t kCount = 600;  // more than a Unix socket queues
    Messages out(kCount);
    for (size_t i = 0; i < kCount; ++i) out.set(i, numbered(i));
    int sending = pair.client.get();
    Call sender([&out, sending] { return ssize_t{rondo_sendmmsg(sending, out.get(), kCount, 0)}; });
    sender.await_parked();
    size_t received = 0, odd = 0;
    char text[64];
    while (received < kCount) {
        ssize_t length = rondo_recv(pair.server.get(), text, sizeof text, 0);
        REQUIRE(length > 0);
        odd += std::string(text, static_cast<size_t>(length)) != numbered(received);
        ++received;
    }
    CHECK(odd == 0);
    CHECK(sender.result() == static_cast<ssize_t>(kCount));
    CHECK(out.get()[kCount - 1].msg_len == numbered(kCount - 1).size());
}

TEST_CASE("sendmmsg on a stream sends each message whole") {
    Connection pair = connect_unix();
    Messages out(3);
    std::string whole;
    for (size_t i = 0; i < 3; ++i) {
        std::string text = pattern(400'000, static_cast<unsigned>(i));
        out.set(i, text);
        whole += text;
    }
    int sending = pair.client.get();
    Call sender([&out, sending] { return ssize_t{rondo_sendmmsg(sending, out.get(), 3, 0)}; });
    CHECK((read_up_to(pair.server.get(), whole.size()) == whole));
    CHECK(sender.result() == 3);
    for (size_t i = 0; i < 3; ++i) CHECK(out.get()[i].msg_len == 400'000);
}

TEST_CASE("vectors on what is no socket or not open keep their errors") {
    auto [in, out] = make_pipe();
    Messages messages(1);
    errno = 0;
    CHECK(rondo_recvmmsg(in.get(), messages.get(), 1, 0, nullptr) == -1);
    CHECK(errno == ENOTSOCK);
    errno = 0;
    CHECK(rondo_sendmmsg(-1, messages.get(), 1, 0) == -1);
    CHECK(errno == EBADF);
    Connection pair = connect_unix(SOCK_DGRAM);
    CHECK(rondo_sendmmsg(pair.client.get(), messages.get(), 0, 0) == 0);
}

TEST_CASE("recvmsg with MSG_WAITALL fills a vector over many arrivals") {
    for (bool tcp : {false, true}) {
        Connection pair = tcp ? connect_tcp() : connect_unix();
        std::string text = pattern(5000), got[3] = {std::string(1000, 0), std::string(3500, 0), std::string(500, 0)};
        iovec vector[3];
        for (size_t i = 0; i < 3; ++i) vector[i] = {got[i].data(), got[i].size()};
        msghdr message{};
        message.msg_iov = vector;
        message.msg_iovlen = 3;
        char control[CMSG_SPACE(sizeof(int))];
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        int fd = pair.server.get();
        Call receiver([&message, fd] { return rondo_recvmsg(fd, &message, MSG_WAITALL); });
        for (size_t at = 0; at < text.size(); at += 625) {
            receiver.await_parked();
            CHECK(rondo_write(pair.client.get(), text.data() + at, 625) == 625);
        }
        CHECK(receiver.result() == 5000);
        CHECK((got[0] + got[1] + got[2] == text));
        CHECK(message.msg_controllen == 0);
    }
}

TEST_CASE("the end of the stream and a timeout end MSG_WAITALL with what came") {
    Connection pair = connect_unix();
    char bytes[8];
    sockaddr_storage address;
    socklen_t length = sizeof address;
    timeval limit{0, 20'000};
    CHECK(rondo_setsockopt(pair.server.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    CHECK(rondo_write(pair.client.get(), "abc", 3) == 3);
    auto* from = reinterpret_cast<sockaddr*>(&address);
    CHECK(rondo_recvfrom(pair.server.get(), bytes, sizeof bytes, MSG_WAITALL, from, &length) == 3);
    CHECK(rondo_write(pair.client.get(), "de", 2) == 2);
    pair.client.reset();
    CHECK(rondo_recvfrom(pair.server.get(), bytes, sizeof bytes, MSG_WAITALL, from, &length) == 2);
    CHECK(rondo_recvfrom(pair.server.get(), bytes, sizeof bytes, MSG_WAITALL, from, &length) == 0);
}

TEST_CASE("a descriptor in the middle of the bytes ends MSG_WAITALL, and arrives") {
    Connection pair = connect_unix();
    CHECK(rondo_write(pair.client.get(), "abc", 3) == 3);
    char text[8], control[CMSG_SPACE(sizeof(int))];
    iovec vector{text, sizeof text};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    int fd = pair.server.get();
    Call receiver([&message, fd] { return rondo_recvmsg(fd, &message, MSG_WAITALL | MSG_CMSG_CLOEXEC); });
    receiver.await_parked();
    auto [in, out] = make_pipe();
    int passed = in.get();
    alignas(cmsghdr) char sent[CMSG_SPACE(sizeof(int))] = {};
    iovec one{const_cast<char*>("d"), 1};
    msghdr carrier{};
    carrier.msg_iov = &one;
    carrier.msg_iovlen = 1;
    carrier.msg_control = sent;
    carrier.msg_controllen = sizeof sent;
    cmsghdr* header = CMSG_FIRSTHDR(&carrier);
    *header = {CMSG_LEN(sizeof passed), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(header), &passed, sizeof passed);
    CHECK(rondo_sendmsg(pair.client.get(), &carrier, 0) == 1);
    CHECK(receiver.result() == 4);
    REQUIRE(message.msg_controllen >= CMSG_LEN(sizeof(int)));
    int received;
    memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof received);
    Fd arrived(received);
    CHECK(rondo_write(out.get(), "x", 1) == 1);
    CHECK(rondo_read(arrived.get(), text, 1) == 1);
}
