// SPDX-License-Identifier: Apache-2.0
//
// The scenarios by name; each stands in the file of its concept and is listed in scenarios.cpp.
#pragma once

#include "explore.h"

namespace rondo::explore {

void accept_cancelled(Random& random);
void barrier_rounds(Random& random);
void cancel_disabled(Random& random);
void cancel_waits(Random& random);
void close_listener(Random& random);
void close_readers(Random& random);
void close_reuse(Random& random);
void close_waiters(Random& random);
void cond_broadcast(Random& random);
void cond_flag(Random& random);
void cond_queue(Random& random);
void cond_turns(Random& random);
void detach_all(Random& random);
void foreign_turns(Random& random);
void epoll_shared(Random& random);
void fork_both_ends(Random& random);
void futex_count(Random& random);
void futex_requeue(Random& random);
void futex_vanish(Random& random);
void join_cancelled(Random& random);
void join_ends(Random& random);
void key_destructors(Random& random);
void mutex_count(Random& random);
void mutex_handover(Random& random);
void mutex_levels(Random& random);
void mutex_owner(Random& random);
void once_cancel(Random& random);
void poll_beside_read(Random& random);
void poll_many(Random& random);
void receive_interrupted(Random& random);
void rwlock_pair(Random& random);
void rwlock_share(Random& random);
void sem_tokens(Random& random);
void sem_turns(Random& random);
void sem_vanish(Random& random);
void send_interrupted(Random& random);
void signal_queue(Random& random);
void signal_waits(Random& random);
void sleeps(Random& random);
void storm(Random& random);
void stream(Random& random);

}  // namespace rondo::explore
