// SPDX-License-Identifier: Apache-2.0
//
// web_poll HOST PORT MOST PATH...: a web client that fetches several pages at once, at most MOST; a thread for each
// page. Main looks again and again whether one is done.
//
// Teaches: a counter under a mutex tells main that some thread is done, so any place that becomes free is filled. What
// is wrong with it: between two looks main must either burn the processor or sleep, and then it comes late. web_condvar
// has the remedy.
//
//     cc -pthread web_poll.c web.c net.c -o web_poll && ./web_poll localhost 8000 3 / /a /b /c

#include "check.h"
#include "web.h"

enum { kLookEveryMs = 2 };

static struct request request;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int done;  // threads that wait to be joined; guarded by the mutex, as is each page's `done`

static void* fetch_page(void* argument) {
    struct page* page = argument;
    fetch(&request, page);
    lock(&mutex);
    page->done = true;
    done++;
    unlock(&mutex);
    return NULL;
}

static int count_done(void) {
    lock(&mutex);
    int count = done;
    unlock(&mutex);
    return count;
}

// Joins every thread that is done, and returns how many.
static int join_done(void) {
    int joined = 0;
    lock(&mutex);
    for (int i = 0; i < request.count; ++i) {
        struct page* page = &request.pages[i];
        if (page->done && !page->joined) {
            join_thread(page->thread);  // at once: the thread has nothing left to do, and needs no mutex for it
            page->joined = true;
            report(page);
            done--;
            joined++;
        }
    }
    unlock(&mutex);
    return joined;
}

int main(int argc, char** argv) {
    parse_request(&request, argc, argv);
    int started = 0;
    int joined = 0;
    while (joined < request.count) {
        while (started < request.count && started - joined < request.most) {
            request.pages[started].thread = start_thread(fetch_page, &request.pages[started]);
            started++;
        }
        while (count_done() == 0) {
            sleep_ms(kLookEveryMs);
        }
        joined += join_done();
    }
    return 0;
}
