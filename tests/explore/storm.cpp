// SPDX-License-Identifier: Apache-2.0
//
// All at once: threads that use every kind of object in a drawn order while a signal interrupts any wait of theirs and
// one of them is cancelled. Each object keeps its own account: who is inside, and tokens that are taken and given back.
// A wait that ends for one reason while it is ended for another one is what this is after.
#include <algorithm>

#include "scenarios.h"

namespace rondo::explore {

namespace {

int handled;

struct Storm {
    rondo_mutex_t mutex;
    rondo_rwlock_t rwlock{};
    rondo_sem_t tokens;
    rondo_cond_t more{};
    Ends byte;  // one byte is in it, or with the one who took it
    int in_mutex = 0, readers = 0, writers = 0, stock = 1, holders = 0, bytes_out = 0;
};

// Runs at the end of a section, also when the thread is cancelled inside.
template <class Function>
struct AtEnd {
    explicit AtEnd(Function given) : function(given) {}
    AtEnd(const AtEnd&) = delete;
    AtEnd& operator=(const AtEnd&) = delete;
    ~AtEnd() { function(); }
    Function function;
};

void use_mutex(Storm& storm, Random& own) {
    timespec deadline = soon(own, CLOCK_MONOTONIC, kSpanUs);
    int rc = own.one_in(2) ? rondo_mutex_lock(&storm.mutex)
                           : rondo_mutex_clocklock(&storm.mutex, CLOCK_MONOTONIC, &deadline);
    if (rc == ETIMEDOUT) return;
    expect_equal(rc, 0, "mutex_lock");
    AtEnd unlock([&] {
        --storm.in_mutex;
        expect_equal(rondo_mutex_unlock(&storm.mutex), 0, "mutex_unlock");
    });
    expect_equal(++storm.in_mutex, 1, "threads inside a mutex");
    if (own.one_in(2)) pause(own);
}

void use_rwlock(Storm& storm, bool writes, Random& own) {
    timespec deadline = soon(own, CLOCK_MONOTONIC, kSpanUs);
    bool timed = own.one_in(2);
    int rc = writes ? (timed ? rondo_rwlock_clockwrlock(&storm.rwlock, CLOCK_MONOTONIC, &deadline)
                             : rondo_rwlock_wrlock(&storm.rwlock))
                    : (timed ? rondo_rwlock_clockrdlock(&storm.rwlock, CLOCK_MONOTONIC, &deadline)
                             : rondo_rwlock_rdlock(&storm.rwlock));
    if (rc == ETIMEDOUT) return;
    expect_equal(rc, 0, "rwlock");
    int& mine = writes ? storm.writers : storm.readers;
    ++mine;
    AtEnd unlock([&] {
        --mine;
        expect_equal(rondo_rwlock_unlock(&storm.rwlock), 0, "rwlock_unlock");
    });
    expect(storm.writers == 0 || (storm.writers == 1 && storm.readers == 0), "who is inside an rwlock");
    if (own.one_in(2)) pause(own);
    expect(storm.writers == 0 || (storm.writers == 1 && storm.readers == 0), "who is inside an rwlock");
}

void use_token(Storm& storm, Random& own) {
    timespec deadline = soon(own, CLOCK_MONOTONIC, kSpanUs);
    int rc =
        own.one_in(2) ? rondo_sem_wait(&storm.tokens) : rondo_sem_clockwait(&storm.tokens, CLOCK_MONOTONIC, &deadline);
    if (rc != 0) {
        expect(errno == EINTR || errno == ETIMEDOUT, "sem_wait");
        return;
    }
    AtEnd give([&] {
        --storm.holders;
        expect_equal(rondo_sem_post(&storm.tokens), 0, "sem_post");
    });
    expect(++storm.holders <= 2, "tokens out");
    if (own.one_in(2)) pause(own);
}

void use_stock(Storm& storm, Random& own) {
    expect_equal(rondo_mutex_lock(&storm.mutex), 0, "mutex_lock");
    {
        AtEnd unlock([&] { expect_equal(rondo_mutex_unlock(&storm.mutex), 0, "mutex_unlock"); });
        timespec deadline = soon(own, CLOCK_REALTIME, kSpanUs);
        bool timed = own.one_in(2);
        while (storm.stock == 0) {
            int rc = timed ? rondo_cond_timedwait(&storm.more, &storm.mutex, &deadline)
                           : rondo_cond_wait(&storm.more, &storm.mutex);
            expect(rc == 0 || (timed && rc == ETIMEDOUT), "cond_wait");
            if (rc != 0 && storm.stock == 0) return;
        }
        --storm.stock;
    }
    AtEnd refill([&] {
        expect_equal(rondo_mutex_lock(&storm.mutex), 0, "mutex_lock");
        ++storm.stock;
        rondo_cond_signal(&storm.more);
        expect_equal(rondo_mutex_unlock(&storm.mutex), 0, "mutex_unlock");
    });
    if (own.one_in(2)) pause(own);
}

void use_byte(Storm& storm, Random& own) {
    char byte;
    if (own.one_in(2)) {
        pollfd watched{storm.byte.in, POLLIN, 0};
        int ready = rondo_poll(&watched, 1, own.below(3) - 1);
        expect(ready >= 0 || errno == EINTR, "poll");
        if (ready <= 0) return;
    }
    if (rondo_read(storm.byte.in, &byte, 1) != 1) {
        expect_equal(errno, EINTR, "read");
        return;
    }
    AtEnd put_back([&] {
        --storm.bytes_out;
        int state;
        rondo_setcancelstate(RONDO_CANCEL_DISABLE, &state);
        write_byte(storm.byte.out);
        rondo_setcancelstate(state, nullptr);
    });
    expect_equal(++storm.bytes_out, 1, "bytes out");
    if (own.one_in(2)) pause(own);
}

void use_something(Storm& storm, Random& own) {
    switch (own.below(6)) {
        case 0:
            return use_mutex(storm, own);
        case 1:
            return use_rwlock(storm, false, own);
        case 2:
            return use_rwlock(storm, true, own);
        case 3:
            return use_token(storm, own);
        case 4:
            return use_stock(storm, own);
        default:
            return use_byte(storm, own);
    }
}

void expect_all_back(Storm& storm) {
    int value = 0;
    char byte;
    rondo_sem_getvalue(&storm.tokens, &value);
    expect_equal(value, 2, "tokens at the end");
    expect_equal(storm.stock, 1, "the stock at the end");
    expect_equal(rondo_recv(storm.byte.in, &byte, 1, MSG_DONTWAIT), 1, "the byte at the end");
    expect_equal(rondo_mutex_destroy(&storm.mutex), 0, "mutex_destroy");
    expect_equal(rondo_rwlock_destroy(&storm.rwlock), 0, "rwlock_destroy");
    expect_equal(rondo_cond_destroy(&storm.more), 0, "cond_destroy");
}

struct Player {
    Storm* storm;
    Random random;
    static void* play(void* arg) {
        auto* player = static_cast<Player*>(arg);
        for (int i = 2 + player->random.below(4); i > 0; --i) use_something(*player->storm, player->random);
        return nullptr;
    }
};

void prepare(Storm& storm, Random& random) {
    init_mutex(&storm.mutex, random.one_in(2) ? RONDO_MUTEX_ERRORCHECK : random.below(4));
    rondo_rwlockattr_t attr;
    rondo_rwlockattr_init(&attr);
    rondo_rwlockattr_setkind_np(&attr, random.below(3));
    rondo_rwlock_init(&storm.rwlock, &attr);
    rondo_sem_init(&storm.tokens, 0, 2);
    storm.byte = socket_pair();
    expect_equal(rondo_write(storm.byte.out, "b", 1), 1, "write");
}

}  // namespace

void storm(Random& random) {
    Vanishing<Storm> page;
    prepare(*page, random);
    Handler handler([](int) { ++handled; }, random.one_in(2) ? SA_RESTART : 0);
    handled = 0;
    std::vector<Player> players;
    for (int i = 2 + random.below(3); i > 0; --i) players.push_back({&*page, random.split()});
    std::vector<rondo_t> threads(players.size());
    for (size_t i = 0; i < players.size(); ++i) {
        expect_equal(rondo_create(&threads[i], nullptr, Player::play, &players[i]), 0, "rondo_create");
    }
    auto some_thread = [&] { return threads[static_cast<size_t>(random.below(static_cast<int>(threads.size())))]; };
    int sent = 0;
    for (int i = random.below(5); i > 0; --i) {
        pause(random);
        int rc = rondo_kill(some_thread(), SIGUSR1);
        expect(rc == 0 || rc == ESRCH, "rondo_kill");
        sent += rc == 0 ? 1 : 0;
    }
    if (random.one_in(2)) expect_equal(rondo_cancel(some_thread()), 0, "rondo_cancel");
    for (rondo_t thread : threads) expect_equal(rondo_join(thread, nullptr), 0, "rondo_join");
    expect(handled <= sent, "handlers run");
    expect_all_back(*page);
    close_both(page->byte);
    page.vanish();
}

}  // namespace rondo::explore
