// SPDX-License-Identifier: Apache-2.0
//
// Barriers: in every round everybody sees everybody's write, one thread is the serial one, and that of the last round
// destroys and unmaps while the others may still be leaving.
#include "scenarios.h"

namespace rondo::explore {

namespace {

struct Met {
    rondo_barrier_t barrier;
    int slots[4] = {};
    int serial = 0;
};

bool meet(Met& met) {
    int rc = rondo_barrier_wait(&met.barrier);
    expect(rc == 0 || rc == RONDO_BARRIER_SERIAL_THREAD, "barrier_wait");
    return rc != 0;
}

}  // namespace

void barrier_rounds(Random& random) {
    Vanishing<Met> page;
    const int count = 1 + random.below(4);
    const int rounds = 1 + random.below(3);
    expect_equal(rondo_barrier_init(&page->barrier, nullptr, static_cast<unsigned>(count)), 0, "barrier_init");
    int serial = 0;
    {
        Crew crew;
        for (int i = 0; i < count; ++i) {
            crew.add([page, i, count, rounds, &serial, own = random.split()]() mutable {
                for (int round = 1; round <= rounds; ++round) {
                    if (own.one_in(3)) pause(own);
                    page->slots[i] = round;
                    serial += meet(*page) ? 1 : 0;
                    for (int other = 0; other < count; ++other) {
                        expect_equal(page->slots[other], round, "a write before the barrier");
                    }
                    serial += meet(*page) ? 1 : 0;
                }
                if (!meet(*page)) return;
                expect_equal(rondo_barrier_destroy(&page->barrier), 0, "barrier_destroy");
                page.vanish();
            });
        }
    }
    expect_equal(serial, 2 * rounds, "serial threads of a barrier");
}

}  // namespace rondo::explore
