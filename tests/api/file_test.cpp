// SPDX-License-Identifier: Apache-2.0
//
// Files: opening, transfers at an offset, and transfers inside the kernel, where they park and what ends them.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "io_support.h"

using namespace rondo::api_test;

namespace {

// A file without a name that holds a pattern.
class Scratch {
   public:
    explicit Scratch(size_t bytes = 0) : text_(pattern(bytes)) {
        char name[] = "/tmp/rondo_file_XXXXXX";
        fd_ = Fd(mkstemp(name));
        REQUIRE(fd_.get() >= 0);
        unlink(name);
        REQUIRE(write_all(fd_.get(), text_) == bytes);
    }
    int fd() const { return fd_.get(); }
    const std::string& text() const { return text_; }

   private:
    Fd fd_;
    std::string text_;
};

class Fifo {
   public:
    Fifo() {
        REQUIRE(mkdtemp(folder_) != nullptr);
        path_ = std::string(folder_) + "/fifo";
        REQUIRE(mkfifo(path_.c_str(), 0600) == 0);
    }
    Fifo(const Fifo&) = delete;
    Fifo& operator=(const Fifo&) = delete;
    ~Fifo() {
        unlink(path_.c_str());
        rmdir(folder_);
    }
    const char* path() const { return path_.c_str(); }

   private:
    char folder_[32] = "/tmp/rondo_fifo_XXXXXX";
    std::string path_;
};

}  // namespace

TEST_CASE("open keeps the program's flags, and errors are the kernel's") {
    char name[] = "/tmp/rondo_open_XXXXXX";
    Fd made(mkstemp(name));
    Fd opened(rondo_open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0));
    REQUIRE(opened.get() >= 0);
    CHECK((rondo_fcntl(opened.get(), F_GETFL, 0) & (O_NONBLOCK | O_ACCMODE)) == (O_NONBLOCK | O_RDONLY));
    CHECK((fcntl(opened.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(rondo_fd_waits(opened.get()) == 0);
    CHECK(rondo_fd_remote(opened.get()) == 0);
    unlink(name);
    CHECK(rondo_open(name, O_RDONLY, 0) == -1);
    CHECK(errno == ENOENT);
    CHECK(rondo_openat(opened.get(), "file", O_RDONLY, 0) == -1);
    CHECK(errno == ENOTDIR);
    CHECK(rondo_open(bad_address<char>(), O_RDONLY, 0) == -1);
    CHECK(errno == EFAULT);
    CHECK(rondo_fd_remote(1 << 30) == -1);
    CHECK(errno == EBADF);
}

TEST_CASE("opening a FIFO parks until somebody opens the other end") {
    Fifo fifo;
    Call reader([&fifo] { return rondo_open(fifo.path(), O_RDONLY, 0); });
    reader.await_parked();
    Fd writer(rondo_open(fifo.path(), O_WRONLY, 0));
    REQUIRE(writer.get() >= 0);
    Fd opened(static_cast<int>(reader.result()));
    REQUIRE(opened.get() >= 0);
    CHECK(rondo_write(writer.get(), "x", 1) == 1);
    char byte = 0;
    CHECK(rondo_read(opened.get(), &byte, 1) == 1);
    CHECK(byte == 'x');
}

TEST_CASE("a thread that opens a FIFO can be cancelled") {
    Fifo fifo;
    Thread thread([&fifo] { rondo_open(fifo.path(), O_RDONLY, 0); });
    thread.await_parked();
    thread.cancel();
    CHECK(thread.join() == RONDO_CANCELED);
    CHECK(rondo_open(fifo.path(), O_WRONLY | O_NONBLOCK, 0) == -1);
    CHECK(errno == ENXIO);
}

TEST_CASE("more vectors than are copied, and transfers at an offset") {
    Scratch file(1000);
    std::string text(1000, '\0');
    std::vector<iovec> vector;
    for (size_t i = 0; i < 100; ++i) vector.push_back({text.data() + i * 10, 10});
    CHECK(rondo_preadv(file.fd(), vector.data(), 100, 0) == 1000);
    CHECK(text == file.text());
    CHECK(rondo_preadv2(file.fd(), vector.data(), 3, 500, 0) == 30);
    CHECK(text.substr(0, 30) == file.text().substr(500, 30));
    CHECK(rondo_preadv2(file.fd(), vector.data(), 3, -1, 0) == 0);
    CHECK(rondo_pwrite(file.fd(), "abc", 3, 10'000) == 3);
    CHECK(rondo_pread(file.fd(), text.data(), 1000, 9'999) == 4);
    CHECK(text.substr(0, 4) == std::string("\0abc", 4));
    CHECK(rondo_pread(file.fd(), text.data(), 1, -5) == -1);
    CHECK(errno == EINVAL);
    CHECK(rondo_fsync(file.fd()) == 0);
    CHECK(rondo_fdatasync(file.fd()) == 0);
}

TEST_CASE("what has no place says so") {
    auto [read_end, write_end] = make_pipe();
    char byte = 0;
    iovec one{&byte, 1};
    CHECK(rondo_pread(read_end.get(), &byte, 1, 0) == -1);
    CHECK(errno == ESPIPE);
    CHECK(rondo_pwritev(write_end.get(), &one, 1, 0) == -1);
    CHECK(errno == ESPIPE);
    CHECK(rondo_fsync(read_end.get()) == -1);
    CHECK(errno == EINVAL);
}

TEST_CASE("sendfile parks on a full socket, and all arrives") {
    Scratch file(4 << 20);
    Connection pair = connect_tcp();
    Call sender([&] {
        off_t offset = 0;
        return rondo_sendfile(pair.client.get(), file.fd(), &offset, 4 << 20);
    });
    sender.await_parked();
    CHECK(read_up_to(pair.server.get(), 4 << 20, 1 << 16) == file.text());
    CHECK(sender.result() == 4 << 20);
    CHECK((rondo_fcntl(pair.client.get(), F_GETFL, 0) & O_NONBLOCK) == 0);
}

TEST_CASE("sendfile gives up after SO_SNDTIMEO, and says what went out") {
    Scratch file(8 << 20);
    Connection pair = connect_unix();
    timeval timeout{0, 5000};
    REQUIRE(rondo_setsockopt(pair.client.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0);
    off_t offset = 0;
    ssize_t sent = rondo_sendfile(pair.client.get(), file.fd(), &offset, 8 << 20);
    CHECK(sent > 0);
    CHECK(offset == sent);
    CHECK(rondo_sendfile(pair.client.get(), file.fd(), &offset, 1 << 20) == -1);
    CHECK(errno == EAGAIN);
}

TEST_CASE("splice parks on an empty pipe until there is something") {
    auto [from, feed] = make_pipe();
    auto [drain, to] = make_pipe();
    int in = from.get(), out = to.get();
    Call splicer([=] { return rondo_splice(in, nullptr, out, nullptr, 100, 0); });
    splicer.await_parked();
    CHECK(rondo_write(feed.get(), "hello", 5) == 5);
    CHECK(splicer.result() == 5);
    CHECK(read_up_to(drain.get(), 5) == "hello");
    CHECK(rondo_splice(in, nullptr, out, nullptr, 100, SPLICE_F_NONBLOCK) == -1);
    CHECK(errno == EAGAIN);
    Call teer([=] { return rondo_tee(in, out, 100, 0); });
    teer.await_parked();
    feed.reset();
    CHECK(teer.result() == 0);
}

TEST_CASE("a closed descriptor ends a splice") {
    RONDO_SKIP_IF(kNptl, "a close under a call is undefined there");
    auto [from, feed] = make_pipe();
    auto [drain, to] = make_pipe();
    int in = from.get(), out = to.get();
    Call splicer([=] { return rondo_splice(in, nullptr, out, nullptr, 100, 0); });
    splicer.await_parked();
    from.reset();
    CHECK(splicer.error() == EBADF);
}

TEST_CASE("a look-up runs beside the worker") {
    static std::atomic<int> ran;
    ran = 0;
    CHECK(rondo_offload_lookup([](void*) { ran += rondo_on_thread() == (kNptl ? 1 : 0) ? 1 : 0; }, nullptr) == 0);
    CHECK(ran == 1);
}
