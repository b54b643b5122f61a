// SPDX-License-Identifier: Apache-2.0
//
// See inspector.h. Runs on a kernel thread of its own with all signals blocked and a descriptor table of its own, so
// the socket is in no forked child and no program that closes its descriptors closes it. Its state is one block that
// only this thread uses; a forked child is without it and starts another with its runtime. Its stack is ours, for the
// same reason as the watchdog's.

#include "runtime/system/inspector.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <new>

#include "runtime/base/real.h"
#include "runtime/base/reserve.h"
#include "runtime/base/text.h"
#include "runtime/system/inspector_answers.h"
#include "runtime/system/own_descriptors.h"
#include "runtime/system/quit_report.h"

namespace rondo {

namespace {

constexpr size_t kStackBytes = 128 * 1024;
constexpr size_t kLongestRequest = 32;
constexpr int kBacklog = 16;
constexpr timespec kPause = {1, 0};
constexpr timeval kPatience = {5, 0};  // with somebody who asks

class Inspector {
   public:
    explicit Inspector(bool asked_for) : asked_for_(asked_for) {}
    void run();

   private:
    bool listen();
    void serve(int client);
    bool fail(std::string_view call, long error);

    bool asked_for_;
    int listener_ = -1;
    OwnDescriptors descriptors_;
    char buffer_[16 * 1024];
};

// The length that bind() wants. No zero ends an abstract name, one begins it.
socklen_t name_socket(sockaddr_un& address) {
    address = {};
    address.sun_family = AF_UNIX;
    Text name(address.sun_path + 1, sizeof address.sun_path - 1);
    name << kInspectorName << static_cast<uint64_t>(sys::getpid());
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + strlen(address.sun_path + 1));
}

bool may_ask(const ucred& who) { return who.uid == 0 || static_cast<long>(who.uid) == sys::call(SYS_geteuid); }

bool identify(int client, ucred& who) {
    socklen_t length = sizeof who;
    return sys::call(SYS_getsockopt, client, SOL_SOCKET, SO_PEERCRED, sys::to_arg(&who), sys::to_arg(&length)) == 0;
}

// A line without its end; what has not come in time is empty.
std::string_view read_request(int client, char (&request)[kLongestRequest]) {
    size_t length = 0;
    while (length < sizeof request) {
        long count = sys::read(client, request + length, sizeof request - length);
        if (count <= 0 && count != -EINTR) {
            return {};
        }
        count = count > 0 ? count : 0;
        auto* end = static_cast<char*>(memchr(request + length, '\n', static_cast<size_t>(count)));
        if (end != nullptr) {
            return {request, static_cast<size_t>(end - request)};
        }
        length += static_cast<size_t>(count);
    }
    return {};
}

bool Inspector::fail(std::string_view call, long error) {
    if (asked_for_) {
        char line[128];
        Text(line, sizeof line) << "rondo: no inspector: " << call << " fails with error "
                                << static_cast<uint64_t>(-error) << "\n";
        descriptors_.say(line);
    }
    return false;
}

bool Inspector::listen() {
    if (!descriptors_.take(false)) {
        return fail("close_range", -ENOSYS);
    }
    sockaddr_un address;
    socklen_t length = name_socket(address);
    long made = sys::call(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0) {
        return fail("socket", made);
    }
    listener_ = static_cast<int>(made);
    long error = sys::call(SYS_bind, listener_, sys::to_arg(&address), static_cast<long>(length));
    if (error != 0) {
        return fail("bind", error);
    }
    error = sys::call(SYS_listen, listener_, kBacklog);
    return error == 0 || fail("listen", error);
}

void Inspector::serve(int client) {
    ucred who{};
    if (!identify(client, who) || !may_ask(who)) {
        return;
    }
    for (int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
        sys::call(SYS_setsockopt, client, SOL_SOCKET, option, sys::to_arg(&kPatience), sizeof kPatience);
    }
    char request[kLongestRequest];
    std::string_view what = read_request(client, request);
    JsonOut out(client, buffer_, sizeof buffer_);
    if (what == "threads") {
        answer_threads(out);
    } else if (what == "stats") {
        answer_stats(out);
    } else if (what == "permit") {
        sys::call(SYS_prctl, PR_SET_PTRACER, who.pid);
        out << "{\"permitted\":true}\n";
    } else {
        out << "{\"error\":\"no such request\"}\n";
    }
    out.flush();
}

void Inspector::run() {
    sys::call(SYS_prctl, PR_SET_NAME, sys::to_arg("rondo-inspect"));
    if (!listen()) {
        return;
    }
    for (;;) {
        long client = sys::call(SYS_accept4, listener_, 0, 0, SOCK_CLOEXEC);
        if (client >= 0) {
            serve(static_cast<int>(client));
            sys::close(static_cast<int>(client));
        } else if (client != -EINTR && client != -ECONNABORTED) {
            timespec pause = kPause;  // no memory, or a sandbox that allows no more connections
            sys::call(SYS_nanosleep, sys::to_arg(&pause), 0);
        }
    }
}

void* inspector_main(void* inspector) {
    static_cast<Inspector*>(inspector)->run();
    return nullptr;
}

}  // namespace

void start_inspector(bool asked_for) {
    size_t stack_bytes = kStackBytes + real::kernel_stack_overhead();
    void* stack = reserve_bytes(stack_bytes);
    auto* room = reserve_array<Inspector>(1);
    Inspector* inspector = stack != nullptr && room != nullptr ? new (room) Inspector(asked_for) : nullptr;
    bool started =
        inspector != nullptr && real::start_kernel_thread(inspector_main, inspector, stack, stack_bytes) == 0;
    if (started) {
        start_quit_report();
    } else if (asked_for) {
        constexpr std::string_view kNote = "rondo: no inspector: no memory or kernel thread for it\n";
        sys::write(2, kNote.data(), kNote.size());
    }
}

}  // namespace rondo
