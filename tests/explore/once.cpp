// SPDX-License-Identifier: Apache-2.0
//
// once: the routine runs to its end exactly once before anybody goes on. It may wait and be cancelled there; then
// another caller runs it. The last caller unmaps the control.
#include "scenarios.h"

namespace rondo::explore {

namespace {

struct Control {
    rondo_once_t once = RONDO_ONCE_INIT;
    int running = 0;
    int runs = 0;
    int left = 0;
    bool waits = false;
};

Control* present;  // what the routine, which takes no argument, is about

void initialise() {
    Control& control = *present;
    expect_equal(++control.running, 1, "routines that run");
    struct Leave {
        ~Leave() { --control.running; }
        Control& control;
    } leave{control};
    for (int i = 0; control.waits && i < 3; ++i) {
        timespec while_asleep{0, 5'000};
        rondo_nanosleep(&while_asleep, nullptr);
    }
    ++control.runs;
}

struct Caller {
    ~Caller() {
        if (--page->left == 0) page.vanish();
    }
    Vanishing<Control> page;
};

}  // namespace

void once_cancel(Random& random) {
    Vanishing<Control> page;
    present = &*page;
    const size_t callers = 2 + static_cast<size_t>(random.below(3));
    page->left = static_cast<int>(callers);
    page->waits = !random.one_in(4);
    Crew crew;
    for (size_t i = 0; i < callers; ++i) {
        crew.add([page] {
            Caller caller{page};
            expect_equal(rondo_once(&page->once, initialise), 0, "once");
            expect_equal(page->runs, 1, "runs of the once routine");
            expect_equal(page->running, 0, "routines that run");
        });
    }
    for (size_t i = 0; i + 1 < callers; ++i) {
        if (!random.one_in(3)) continue;
        pause(random);
        crew.cancel(i);
    }
}

}  // namespace rondo::explore
