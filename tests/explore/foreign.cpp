// SPDX-License-Identifier: Apache-2.0
//
// A kernel thread that is no worker beside the threads of the schedule: both sides wait for each other in turn, so that
// each wake-up from outside reaches a worker that is asleep, and each wake-up of the kernel thread ends its futex wait.
// The kernel decides when it runs, so this part alone is not repeated by its seed; a wake-up lost here is lost always.
#include <thread>

#include "scenarios.h"

namespace rondo::explore {

void foreign_turns(Random& random) {
    rondo_sem_t here, there;
    rondo_sem_init(&here, 0, 0);
    rondo_sem_init(&there, 0, 0);
    const int laps = 1 + random.below(3);
    std::thread foreign([&] {
        for (int lap = 0; lap < laps; ++lap) {
            expect_equal(rondo_sem_wait(&there), 0, "a foreign thread's sem_wait");
            expect_equal(rondo_sem_post(&here), 0, "a foreign thread's sem_post");
        }
    });
    {
        Crew crew;
        crew.add([&] {
            for (int lap = 0; lap < laps; ++lap) {
                expect_equal(rondo_sem_post(&there), 0, "sem_post");
                expect_equal(rondo_sem_wait(&here), 0, "sem_wait");
            }
        });
    }
    foreign.join();
}

}  // namespace rondo::explore
