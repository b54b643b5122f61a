// SPDX-License-Identifier: Apache-2.0
//
// A stage of a staged event-driven server, after Welsh, Culler, Brewer (SEDA, SOSP 2001): a bounded queue of
// connections, a handler and a pool of threads that sizes itself. A thread takes what has gathered, up to kBatch,
// handles it and passes the results on in one piece for each next stage, so that lock, wake-up and cold code are paid
// once a batch.
//
// The pool grows by one thread in a tick of the clock when more than kGrow connections wait, and shrinks when a thread
// has waited for kIdleSeconds. SEDA's controller lets every stage grow; here a stage that only computes stops at the
// number of processors, for more threads than that would only take turns. A full queue refuses: who pushed decides what
// becomes of the connection.
#pragma once

#include <pthread.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "knot/clock.h"

namespace twin {

struct StagedConnection;
class Outbox;

class Stage {
   public:
    using Handler = void (*)(void* server, StagedConnection* connection, Outbox& out);

    static constexpr size_t kBatch = 128;

    struct Settings {
        Handler handler;
        size_t capacity;
        unsigned most_threads;
    };

    Stage(void* server, const knot::Clock& clock, const Settings& settings);
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    // Starts the first thread. 0 or an error number.
    int start();
    // Returns how many found room, the first ones.
    size_t push(StagedConnection* const* connections, size_t count);

   private:
    static constexpr size_t kGrow = 256;
    static constexpr int kIdleSeconds = 5;

    static void* run(void* stage);
    // 0: the thread is not needed any more.
    size_t take(StagedConnection** batch);
    bool wait_for_work();
    bool should_grow();

    void* const server_;
    const knot::Clock& clock_;
    const Settings settings_;
    pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t not_empty_;
    // Under lock_.
    std::vector<StagedConnection*> ring_;
    size_t first_ = 0;
    size_t count_ = 0;
    unsigned threads_ = 0;
    unsigned waiting_ = 0;
    uint32_t grown_ = 0;  // when, in the clock's milliseconds
};

// What a thread has for other stages, gathered until its batch is done. One thread's alone.
class Outbox {
   public:
    static constexpr size_t kStages = 5;
    using Refused = void (*)(void* server, StagedConnection* connection, Outbox& out);

    Outbox(void* server, Stage* const* stages, Refused refused) : server_(server), stages_(stages), refused_(refused) {}

    void add(size_t stage, StagedConnection* connection) {
        if (counts_[stage] == Stage::kBatch) flush(stage);
        lists_[stage][counts_[stage]++] = connection;
    }
    // Also what `refused` adds meanwhile.
    void flush();

   private:
    void flush(size_t stage);

    void* const server_;
    Stage* const* const stages_;
    const Refused refused_;
    size_t counts_[kStages] = {};
    StagedConnection* lists_[kStages][Stage::kBatch];
};

// The calling thread goes on when it wakes another, and so hands over more at a time.
void run_in_batches();

// An outbox for the calling thread; the server's own.
Outbox make_outbox(void* server);

}  // namespace twin
