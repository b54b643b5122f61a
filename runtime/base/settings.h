// SPDX-License-Identifier: Apache-2.0
//
// The RONDO_* environment, parsed once, by the same code in the launcher (which refuses before anything
// starts) and in the runtime (for programs linked to it). Strict: a misspelt name or a value out of range is
// an error and never a silent default, since a server that runs with other settings than its owner wrote is
// worse than one that does not start.
//
//   RONDO_WORKERS   1..256                  default: see default_workers()
//   RONDO_IO        auto | io_uring | epoll default: auto
//   RONDO_TLS       fiber | worker          default: worker
//   RONDO_STACK     16K..1G, suffix K M G   default: the runtime's
//   RONDO_SCHED     fifo | seed:N[,faults] | replay:FILE   default: fifo; all but fifo mean one worker
//   RONDO_TRACE     a file's name           default: none; only with seed and replay
//   RONDO_CHOICES   0..10^15; 0: any number default: 0; only with seed and replay
//   RONDO_RACE      stop | off              default: stop; for programs compiled with -fsanitize=thread
//   RONDO_STALL_MS  0..3600000; 0: off     default: 0
//   RONDO_INSPECT   0 | auto | 1           default: 0; auto: on, and silent where that is impossible
//   RONDO_DEADLOCK  abort | report | off    default: report
//   RONDO_TEST_*    the test suite's own, left alone
//
// Runs before any thread exists, on any stack; allocates nothing and calls nothing that the shim intercepts.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rondo {

enum class IoChoice { automatic, epoll };
enum class TlsMode { worker };
enum class SchedKind { fifo, seed, replay };
enum class Inspection { off, automatic, on };
enum class OnDeadlock { automatic, abort, report, off };

struct Settings {
    unsigned workers = 0;  // 0: default_workers()
    IoChoice io = IoChoice::automatic;
    TlsMode tls = TlsMode::worker;
    size_t stack_bytes = 0;  // 0: the runtime's default
    SchedKind sched = SchedKind::fifo;
    uint64_t seed = 0;             // sched seed
    bool faults = false;           // sched seed: what can fail fails at times
    const char* replay = nullptr;  // sched replay: the file's name, in the environment
    const char* trace = nullptr;   // the file's name, in the environment
    uint64_t choices = 0;          // after so many the process is ended; 0: never
    unsigned stall_ms = 0;         // 0: no stall watchdog
    Inspection inspection = Inspection::off;
    OnDeadlock on_deadlock = OnDeadlock::automatic;
};

constexpr unsigned kMaxWorkers = 256;

// Overwrites the settings that the environment names. False: error holds one line without its newline,
// beginning "rondo: "; 256 bytes suffice.
bool parse_settings(char** environ, Settings& out, char* error, size_t error_size);

// The smaller of the processors this process may run on and its cgroup's CPU quota rounded
// up; 1..kMaxWorkers.
unsigned default_workers();

}  // namespace rondo
