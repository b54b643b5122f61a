// SPDX-License-Identifier: Apache-2.0
//
// The helpers of api_test.h.
//
// A thread's name is unique in the process, so that the dump has one line for it. Whether it is parked is read from
// that line, or under system threads from its state in /proc. What a thread needs lies in a State of its own: a Thread
// can be moved.
#include "api/api_test.h"

namespace rondo::api_test {

namespace {

std::atomic<int> next_number{0};

std::string read_all(int fd) {
    std::string text;
    char chunk[4096];
    ssize_t got;
    while ((got = pread(fd, chunk, sizeof chunk, static_cast<off_t>(text.size()))) > 0) {
        text.append(chunk, static_cast<size_t>(got));
    }
    return text;
}

}  // namespace

void stalled(const char* what) {
    fprintf(stderr, "stalled: %s did not end within %d s\n", what, kStallSeconds);
    rondo_dump(2);
    abort();
}

struct Thread::State {
    Task task;
    std::string name;
    std::atomic<int> kernel_id{0};
};

Thread::Thread(Task task, const rondo_attr_t* attr)
    : state_(new State{std::move(task), "t" + std::to_string(next_number.fetch_add(1)) + "."}) {
    int rc = rondo_create(&id_, attr, run, state_.get());
    if (rc != 0) {
        fprintf(stderr, "rondo_create: %s\n", strerror(rc));
        abort();
    }
    rondo_setname_np(id_, state_->name.c_str());
}

Thread::Thread(Thread&& other) noexcept
    : id_(other.id_), joined_(std::exchange(other.joined_, true)), state_(std::move(other.state_)) {}

Thread::~Thread() {
    if (!joined_) join();
}

void* Thread::run(void* arg) {
    auto* state = static_cast<State*>(arg);
    state->kernel_id.store(gettid());
    return state->task();
}

void* Thread::join() {
    void* result = nullptr;
    timespec limit = deadline_in(CLOCK_MONOTONIC, kStallSeconds * 1000);
    int rc = rondo_clockjoin_np(id_, &result, CLOCK_MONOTONIC, &limit);
    if (rc == ETIMEDOUT) stalled(state_->name.c_str());
    CHECK(rc == 0);
    joined_ = true;
    return result;
}

rondo_t Thread::release() {
    joined_ = true;
    return id_;
}

void Thread::cancel() { CHECK(rondo_cancel(id_) == 0); }

void Thread::await_parked() const {
    if (!eventually([this] { return parked(); })) stalled(state_->name.c_str());
}

bool Thread::parked_in_kernel() const {
    std::string path = "/proc/self/task/" + std::to_string(state_->kernel_id.load()) + "/stat";
    int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    std::string text = read_all(fd);
    ::close(fd);
    return text.find(") S ") != std::string::npos;
}

bool Thread::parked_in_dump() const {
    static const int fd = memfd_create("dump", MFD_CLOEXEC);
    if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0) return false;
    rondo_dump(fd);
    std::string text = read_all(fd);
    size_t at = text.find(state_->name);
    if (at == std::string::npos) return false;
    std::string line = text.substr(at, text.find('\n', at) - at);
    return line.find("parked on ") != std::string::npos;
}

void ForeignThread::start() {
    rondo_sem_init(&done_, 0, 0);
    thread_ = std::thread([this] {
        task_();
        rondo_sem_post(&done_);
    });
}

void ForeignThread::join() {
    if (!thread_.joinable()) return;
    timespec limit = deadline_in(CLOCK_MONOTONIC, kStallSeconds * 1000);
    if (rondo_sem_clockwait(&done_, CLOCK_MONOTONIC, &limit) != 0) stalled("a foreign kernel thread");
    thread_.join();
    rondo_sem_destroy(&done_);
}

}  // namespace rondo::api_test
