// SPDX-License-Identifier: Apache-2.0
//
// Signals and the calls that wait on kernel threads, for children and for other processes: a handler without SA_RESTART
// ends each with EINTR and takes nothing; with it the call goes on, but for System V's, which never do. Mutexes wait on
// in any case. The handler runs on the thread that waits.
#include <fcntl.h>
#include <mqueue.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>

#include <functional>

#include "io_support.h"

using namespace rondo::api_test;

namespace {

std::atomic<int> handled{0};
std::atomic<rondo_t> handled_on{};

void note(int) {
    handled_on = rondo_self();
    ++handled;
}

class Handler {
   public:
    explicit Handler(int flags) {
        struct sigaction action {};
        action.sa_handler = note;
        action.sa_flags = flags;
        handled = 0;
        REQUIRE(rondo_sigaction(SIGUSR1, &action, &before_) == 0);
    }
    Handler(const Handler&) = delete;
    Handler& operator=(const Handler&) = delete;
    ~Handler() { CHECK(rondo_sigaction(SIGUSR1, &before_, nullptr) == 0); }

   private:
    struct sigaction before_ {};
};

struct Outcome {
    long result = -2;
    int error = 0;
};

// Sends the signal to a thread that waits in the call. With `finish` the call must go on until that is done.
Outcome signal_in(const std::function<long()>& call, const std::function<void()>& finish = nullptr) {
    Outcome outcome;
    Thread thread([&] {
        errno = 0;
        outcome.result = call();
        outcome.error = errno;
    });
    thread.await_parked();
    CHECK(rondo_kill(thread.id(), SIGUSR1) == 0);
    CHECK(eventually([] { return handled == 1; }));
    CHECK(rondo_equal(handled_on, thread.id()) != 0);
    if (finish) {
        thread.await_parked();
        finish();
    }
    thread.join();
    return outcome;
}

// A call that waits, and what lets it go on.
struct Waiting {
    const char* name;
    std::function<long()> call;
    std::function<void()> finish;
    bool restarts = true;
};

void check_both(const Waiting& waiting) {
    CAPTURE(waiting.name);
    {
        Handler handler(0);
        Outcome outcome = signal_in(waiting.call);
        CHECK(outcome.result == -1);
        CHECK(outcome.error == EINTR);
    }
    Handler handler(SA_RESTART);
    Outcome outcome = waiting.restarts ? signal_in(waiting.call, waiting.finish) : signal_in(waiting.call);
    CHECK((outcome.result >= 0) == waiting.restarts);
    CHECK(outcome.error == (waiting.restarts ? 0 : EINTR));
}

int ofd_lock(int fd, short type) {
    struct flock lock {};
    lock.l_type = type;
    return rondo_fcntl(fd, F_OFD_SETLKW, reinterpret_cast<unsigned long>(&lock));
}

// A child that ends when the descriptor is closed.
pid_t child_until_closed(int& release) {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 7 : 1);
    }
    REQUIRE(child > 0);
    close(ends[0]);
    release = ends[1];
    return child;
}

}  // namespace

TEST_CASE("locks of files") {
    char path[] = "/tmp/rondo_signal_XXXXXX";
    Fd holder(mkstemp(path));
    Fd other(open(path, O_RDWR | O_CLOEXEC));
    REQUIRE(ofd_lock(holder.get(), F_WRLCK) == 0);
    check_both({"fcntl", [&] { return ofd_lock(other.get(), F_WRLCK); },
                [&] { CHECK(ofd_lock(holder.get(), F_UNLCK) == 0); }});
    REQUIRE(rondo_flock(holder.get(), LOCK_EX) == 0);
    check_both({"flock", [&] { return rondo_flock(other.get(), LOCK_EX); },
                [&] { CHECK(rondo_flock(holder.get(), LOCK_UN) == 0); }});
    unlink(path);
}

TEST_CASE("children") {
    for (pid_t which : {0, -1}) {
        int release = -1;
        int status = 0;
        pid_t child = child_until_closed(release);
        pid_t wanted = which == 0 ? child : -1;
        check_both({which == 0 ? "one child" : "any child", [&] { return rondo_waitpid(wanted, &status, 0); },
                    [&] { close(release); }});
        CHECK(WIFEXITED(status));
        CHECK(WEXITSTATUS(status) == 7);
    }
}

TEST_CASE("an accept on a shared listener") {
    Listener listener = listen_tcp();
    Fd shared(rondo_dup(listener.fd.get()));
    Fd client(rondo_socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address = loopback(listener.port);
    check_both(
        {"accept",
         [&] {
             int fd = rondo_accept(shared.get(), nullptr, nullptr);
             return fd >= 0 ? rondo_close(fd) : fd;
         },
         [&] { CHECK(rondo_connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0); }});
}

TEST_CASE("semaphores between processes") {
    rondo_sem_t sem;
    REQUIRE(rondo_sem_init(&sem, 1, 0) == 0);
    check_both({"sem_wait", [&] { return rondo_sem_wait(&sem); }, [&] { CHECK(rondo_sem_post(&sem) == 0); }});
    int value = -1;
    CHECK(rondo_sem_getvalue(&sem, &value) == 0);
    CHECK(value == 0);
}

TEST_CASE("message queues") {
    std::string name = "/rondo-signal-" + std::to_string(getpid());
    mq_attr attr{};
    attr.mq_maxmsg = 1;
    attr.mq_msgsize = 8;
    mqd_t queue = mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);
    RONDO_SKIP_IF(queue < 0 && errno == ENOSYS, "the kernel has no message queues");
    REQUIRE(queue >= 0);
    char message[8];
    check_both({"mq_receive", [&] { return rondo_mq_receive(queue, message, sizeof message, nullptr); },
                [&] { CHECK(rondo_mq_send(queue, "ab", 2, 0) == 0); }});
    CHECK(rondo_close(queue) == 0);
    mq_unlink(name.c_str());
}

TEST_CASE("System V's messages and semaphores, which never go on") {
    int queue = msgget(IPC_PRIVATE, 0600 | IPC_CREAT);
    RONDO_SKIP_IF(queue < 0 && errno == ENOSYS, "the kernel has no System V IPC");
    REQUIRE(queue >= 0);
    int set = semget(IPC_PRIVATE, 1, 0600 | IPC_CREAT);
    struct {
        long type;
        char text[8];
    } message{};
    sembuf take{0, -1, 0};
    check_both({"msgrcv", [&] { return rondo_msgrcv(queue, &message, 8, 0, 0); }, nullptr, false});
    check_both({"semop", [&] { return rondo_semop(set, &take, 1); }, nullptr, false});
    CHECK(msgctl(queue, IPC_RMID, nullptr) == 0);
    CHECK(semctl(set, 0, IPC_RMID) == 0);
}

TEST_CASE("a mutex between processes waits on") {
    rondo_mutexattr_t attr;
    rondo_mutex_t mutex;
    rondo_mutexattr_init(&attr);
    REQUIRE(rondo_mutexattr_setpshared(&attr, RONDO_PROCESS_SHARED) == 0);
    REQUIRE(rondo_mutex_init(&mutex, &attr) == 0);
    REQUIRE(rondo_mutex_lock(&mutex) == 0);
    Handler handler(0);
    Outcome outcome =
        signal_in([&] { return rondo_mutex_lock(&mutex); }, [&] { CHECK(rondo_mutex_unlock(&mutex) == 0); });
    CHECK(outcome.result == 0);
    CHECK(rondo_mutex_unlock(&mutex) == 0);
}
