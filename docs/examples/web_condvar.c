// SPDX-License-Identifier: Apache-2.0
//
// web_condvar HOST PORT MOST PATH...: a web client that fetches several pages at once, at most MOST; a thread for each
// page. Main sleeps until one is done.
//
// Teaches: the condition variable as the cure of web_poll. pthread_cond_wait gives the mutex up and sleeps in one step,
// so a thread that is done between the look and the sleep cannot be missed. Main is woken once for each page, at once.
//
//     cc -pthread web_condvar.c web.c net.c -o web_condvar && ./web_condvar localhost 8000 3 / /a /b /c

#include "check.h"
#include "web.h"

static struct request request;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t one_is_done = PTHREAD_COND_INITIALIZER;
static struct page* done_pages[kMostPages];  // in the order in which they were done; guarded by the mutex
static int done;

static void* fetch_page(void* argument) {
    struct page* page = argument;
    fetch(&request, page);
    lock(&mutex);
    done_pages[done++] = page;
    notify(&one_is_done);
    unlock(&mutex);
    return NULL;
}

// The number `joined` of the pages that are done, as soon as there is one.
static struct page* next_done(int joined) {
    lock(&mutex);
    while (done == joined) {
        wait_for(&one_is_done, &mutex);
    }
    struct page* page = done_pages[joined];
    unlock(&mutex);
    return page;
}

int main(int argc, char** argv) {
    parse_request(&request, argc, argv);
    int started = 0;
    for (int joined = 0; joined < request.count; ++joined) {
        while (started < request.count && started - joined < request.most) {
            request.pages[started].thread = start_thread(fetch_page, &request.pages[started]);
            started++;
        }
        struct page* page = next_done(joined);
        join_thread(page->thread);
        report(page);
    }
    return 0;
}
