// SPDX-License-Identifier: Apache-2.0
//
// search, shrink, show. Of several processes at a time the one with the smallest failing seed is reported, whichever
// ends first: the same command says the same twice. The report shown is that of the shrunk schedule, which the user
// will replay, and not that of the seed.

#include "syscall_shim/tools/explore.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include "syscall_shim/tools/explore_options.h"
#include "syscall_shim/tools/kernel.h"
#include "syscall_shim/tools/shrink.h"
#include "syscall_shim/tools/trace_sites.h"
#include "syscall_shim/tools/trace_text.h"
#include "syscall_shim/tools/verdict.h"

namespace rondo {

namespace {

using std::string;
using Clock = std::chrono::steady_clock;

constexpr int kFound = 1;
constexpr int kUsage = 2;
constexpr size_t kMostShown = 40;     // choices
constexpr size_t kMostOutput = 2000;  // bytes of the program's standard output

struct Failure {
    uint64_t seed = 0;
    Outcome outcome;
    Verdict verdict;
};

int fail(int status, const string& problem) {
    fprintf(stderr, "rondo: %s\n", problem.c_str());
    return status;
}

string schedule_of(uint64_t seed, const ExploreOptions& options) {
    return "seed:" + std::to_string(seed) + (options.faults ? ",faults" : "");
}

// A process slot and the seed that runs in it.
struct Slot {
    ScheduleRun run;
    uint64_t seed = 0;
};

class Search {
   public:
    Search(const Program& program, const ExploreOptions& options, const Expectation& expectation)
        : options_(options), expectation_(expectation) {
        for (uint64_t i = 0; i < options.jobs; ++i) {
            slots_.push_back(std::unique_ptr<Slot>(new Slot{ScheduleRun(program, options.command, options.choices)}));
        }
    }

    std::optional<Failure> look() {
        while (fill() > 0) {
            wait();
            for (auto& slot : slots_) {
                take(*slot);
            }
        }
        return std::move(failure_);
    }

    uint64_t runs() const { return started_; }

   private:
    // Starts processes in free slots; returns how many of those that still matter run.
    size_t fill() {
        size_t running = 0;
        for (auto& slot : slots_) {
            if (!slot->run.running() && !failure_ && started_ < options_.runs) {
                slot->seed = options_.first_seed + started_++;
                slot->run.start(schedule_of(slot->seed, options_), false, options_.timeout_s);
            }
            running += slot->run.running() ? 1 : 0;
        }
        return running;
    }

    void wait() const {
        std::vector<pollfd> ends;
        int soonest = INT32_MAX;
        for (const auto& slot : slots_) {
            if (slot->run.running()) {
                ends.push_back({slot->run.process_fd(), POLLIN, 0});
                soonest = std::min(soonest, slot->run.time_left());
            }
        }
        poll(ends.data(), ends.size(), soonest);
    }

    void take(Slot& slot) {
        bool useless = failure_ && slot.seed > failure_->seed;
        if (!slot.run.running() || (!slot.run.over() && !useless)) {
            return;
        }
        Outcome outcome = slot.run.finish();
        Verdict verdict = judge(outcome, expectation_);
        if (!useless && verdict.bad()) {
            failure_ = Failure{slot.seed, std::move(outcome), std::move(verdict)};
        }
    }

    const ExploreOptions& options_;
    const Expectation& expectation_;
    std::vector<std::unique_ptr<Slot>> slots_;
    std::optional<Failure> failure_;
    uint64_t started_ = 0;
};

struct Shrunk {
    Trace trace;
    Failure failure;
    size_t choices_before = 0;
    size_t runs = 0;
    bool repeatable = false;
};

class Shrinking {
   public:
    Shrinking(const Program& program, const ExploreOptions& options, const Expectation& expectation, Failure failure)
        : program_(program),
          options_(options),
          expectation_(expectation),
          run_(program, options.command, options.choices) {
        shrunk_.failure = std::move(failure);
    }

    Shrunk shrink_it() {
        Outcome again = run_.run(schedule_of(shrunk_.failure.seed, options_), true, options_.timeout_s);
        shrunk_.trace = parse_trace(again.trace);
        shrunk_.choices_before = shrunk_.trace.choices.size();
        shrunk_.repeatable = same(again) && fails(shrunk_.trace.choices);
        if (shrunk_.repeatable) {
            auto end = Clock::now() + std::chrono::seconds(options_.shrink_s);
            shrunk_.trace.choices = shrink(
                shrunk_.trace.choices, [this](const Items& choices) { return fails(choices); },
                [end] { return Clock::now() < end; });
            note_sites();
        }
        return std::move(shrunk_);
    }

   private:
    bool same(const Outcome& outcome) const {
        Verdict verdict = judge(outcome, expectation_);
        return verdict.bad() && verdict.signature == shrunk_.failure.verdict.signature;
    }

    bool fails(const Items& choices) {
        ++shrunk_.runs;
        Outcome outcome = run_.replay(to_text({shrunk_.trace.header, choices}), false, options_.timeout_s);
        bool good = same(outcome);
        if (good) {
            shrunk_.failure.verdict = judge(outcome, expectation_);
            shrunk_.failure.outcome = std::move(outcome);
        }
        return good;
    }

    // What stands behind # was true of the whole schedule: threads and calls are others in the shrunk one.
    void note_sites() {
        Outcome last = run_.replay(to_text(shrunk_.trace), true, options_.timeout_s);
        Trace trace = parse_trace(last.trace);
        if (trace.choices.size() == shrunk_.trace.choices.size()) {
            shrunk_.trace.choices = std::move(trace.choices);
        }
        name_call_sites(program_.binary, shrunk_.trace.choices);
    }

    const Program& program_;
    const ExploreOptions& options_;
    const Expectation& expectation_;
    ScheduleRun run_;
    Shrunk shrunk_;
};

bool write_file(const string& path, const string& text) {
    FILE* file = fopen(path.c_str(), "w");
    if (file == nullptr) {
        return false;
    }
    bool written = fwrite(text.data(), 1, text.size(), file) == text.size();
    return fclose(file) == 0 && written;
}

string quoted(const string& word) {
    constexpr char kPlain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,+%@";
    if (!word.empty() && word.find_first_not_of(kPlain) == string::npos) {
        return word;
    }
    string text = "'";
    for (char character : word) {
        text += character == '\'' ? string("'\\''") : string(1, character);
    }
    return text + "'";
}

string command_line(char** command) {
    string text = "rondo";
    for (; *command != nullptr; ++command) {
        text += " " + quoted(*command);
    }
    return text;
}

void show_choices(const Items& choices) {
    for (size_t i = 0; i < std::min(choices.size(), kMostShown); ++i) {
        printf("  %s\n", choices[i].c_str());
    }
    if (choices.size() > kMostShown) {
        printf("  and %zu more\n", choices.size() - kMostShown);
    }
}

void show_text(const char* what, const string& text) {
    if (!text.empty()) {
        bool whole = text.size() <= kMostOutput;
        printf("%s%s:\n%s%s", what, whole ? "" : " (its end)", whole ? text.c_str() : &text[text.size() - kMostOutput],
               text.back() == '\n' ? "" : "\n");
    }
}

void show_schedule(const Shrunk& shrunk) {
    if (!shrunk.repeatable) {
        printf("rondo: the same choices do not make it fail again: the program depends on something outside\n");
        return;
    }
    if (shrunk.trace.choices.empty()) {
        printf("rondo: it fails so under the default schedule, without any forced switch\n");
        return;
    }
    printf("rondo: forced choices: %zu of %zu, after %zu replays\n", shrunk.trace.choices.size(), shrunk.choices_before,
           shrunk.runs);
    show_choices(shrunk.trace.choices);
}

int show(const Shrunk& shrunk, const ExploreOptions& options) {
    const Failure& failure = shrunk.failure;
    printf("rondo: seed %lu fails: %s\n", failure.seed, failure.verdict.reason.c_str());
    show_text("its standard output", failure.outcome.output);
    show_text("its standard error", failure.outcome.errors);
    show_schedule(shrunk);
    string command = command_line(options.command);
    if (shrunk.repeatable) {
        if (!write_file(options.replay_file, to_text(shrunk.trace))) {
            return fail(kFound, options.replay_file + " cannot be written");
        }
        printf("rondo: to repeat it: RONDO_SCHED=%s %s\n", quoted("replay:" + options.replay_file).c_str(),
               command.c_str());
    }
    printf("rondo: the whole schedule: RONDO_SCHED=%s %s\n", schedule_of(failure.seed, options).c_str(),
           command.c_str());
    return fflush(stdout) == 0 ? kFound : fail(kFound, "standard output cannot be written");
}

int explore(const Program& program, const ExploreOptions& options) {
    Expectation expectation{static_cast<int>(options.expected_status), options.compare, {}};
    if (options.compare) {
        ScheduleRun run(program, options.command, options.choices);
        expectation.output = run.replay(kEmptyTrace, false, options.timeout_s).output;
    }
    auto start = Clock::now();
    Search search(program, options, expectation);
    std::optional<Failure> failure = search.look();
    if (!failure) {
        double seconds = std::chrono::duration<double>(Clock::now() - start).count();
        printf("rondo: no failure in %lu runs, seeds %lu to %lu, %.1f s\n", search.runs(), options.first_seed,
               options.first_seed + search.runs() - 1, seconds);
        return fflush(stdout) == 0 ? 0 : fail(kUsage, "standard output cannot be written");
    }
    return show(Shrinking(program, options, expectation, std::move(*failure)).shrink_it(), options);
}

}  // namespace

int explore_main(char** argv) {
    ExploreOptions options = parse_explore_options(argv);
    if (!options.error.empty()) {
        return fail(kUsage, options.error);
    }
    if (options.help) {
        print_explore_help();
        return fflush(stdout) == 0 ? 0 : fail(kUsage, "standard output cannot be written");
    }
    Program program = inspect_program(options.command[0]);
    if (program.status != 0) {
        return fail(program.status, program.problem);
    }
    string problem = missing_from_kernel();
    return problem.empty() ? explore(program, options) : fail(kCannotRun, problem);
}

}  // namespace rondo
