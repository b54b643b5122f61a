// SPDX-License-Identifier: Apache-2.0
//
// See acceptor.h.

#include "knot/acceptor.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "knot/connection.h"
#include "knot/signals.h"

namespace knot {

namespace {

constexpr int kPause = 100;           // ms
constexpr uint32_t kSilence = 10000;  // ms between two lines about it
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kStack = 512 << 10;
#else
constexpr size_t kStack = 64 << 10;
#endif

Server* served;  // a thread's argument has room for the connection alone

void* run_connection(void* id) {
    serve(*served, static_cast<Connections::Id>(reinterpret_cast<uintptr_t>(id)));
    return nullptr;
}

class Acceptor {
   public:
    Acceptor(Server& server, int listener) : server_(server), listener_(listener) {
        served = &server;
        pthread_attr_init(&attributes_);
        pthread_attr_setdetachstate(&attributes_, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attributes_, kStack);
    }
    ~Acceptor() { pthread_attr_destroy(&attributes_); }
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;

    void run() {
        while (!signals::ends()) {
            wait(-1);
            accept_waiting();
        }
        // Who comes now tries again and finds nobody; who is in the backlog is served.
        listen(listener_, 0);
        accept_waiting();
        close(listener_);
    }

   private:
    // For the next client, or with a time limit for a signal alone.
    void wait(int milliseconds) {
        pollfd fds[] = {{signals::descriptor(), POLLIN, 0}, {listener_, POLLIN, 0}};
        poll(fds, milliseconds < 0 ? 2 : 1, milliseconds);
        signals::clear();
        if (signals::take_hangup()) {
            server_.log.reopen();
        }
        if (signals::take_report()) {
            report();
        }
    }

    // Until none is waiting.
    void accept_waiting() {
        for (;;) {
            int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (client >= 0) {
                start(client);
            } else if (errno == EAGAIN) {
                return;
            } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                pause(errno);
            }
            // Otherwise that client has left already.
        }
    }

    // A client that was accepted is served, as late as it may be.
    void start(int client) {
        Connections::Id id = 0;
        while (!server_.connections.open(client, id)) {
            pause(0);
        }
        for (;;) {
            pthread_t thread;
            int error = pthread_create(&thread, &attributes_, run_connection, reinterpret_cast<void*>(uintptr_t{id}));
            if (error == 0) {
                return;
            }
            pause(error);
        }
    }

    void pause(int error) {
        uint32_t now = server_.clock.milliseconds();
        if (!paused_ || now - said_ >= kSilence) {
            paused_ = true;
            said_ = now;
            fprintf(stderr, "knot: accepting pauses: %s\n",
                    error == 0 ? "as many connections as may be" : strerror(error));
        }
        wait(kPause);
    }

    void report() {
        fprintf(stderr,
                "knot: %zu connections, %llu requests, %llu files of %llu bytes cached, %llu log lines dropped\n",
                server_.connections.open_now(), static_cast<unsigned long long>(server_.connections.requests()),
                static_cast<unsigned long long>(server_.files.files()),
                static_cast<unsigned long long>(server_.files.bytes()),
                static_cast<unsigned long long>(server_.log.dropped()));
    }

    Server& server_;
    const int listener_;
    bool paused_ = false;
    uint32_t said_ = 0;  // when, in the clock's milliseconds
    pthread_attr_t attributes_;
};

}  // namespace

void accept_connections(Server& server, int listener) { Acceptor(server, listener).run(); }

}  // namespace knot
