// SPDX-License-Identifier: Apache-2.0
//
// web_join HOST PORT MOST PATH...: a web client that fetches several pages at once, at most MOST; a thread for each
// page.
//
// Teaches: the shortest way to limit: start threads until there are enough, then join the oldest before the next one
// starts. What is lost: pthread_join waits for one certain thread. If the oldest page is the slowest, the others are
// long done and their places stay empty. web_poll and web_condvar take whichever is done first.
//
//     cc -pthread web_join.c web.c net.c -o web_join && ./web_join localhost 8000 3 / /a /b /c

#include "check.h"
#include "web.h"

static struct request request;

static void* fetch_page(void* page) {
    fetch(&request, page);
    return NULL;
}

int main(int argc, char** argv) {
    parse_request(&request, argc, argv);
    int started = 0;
    for (int oldest = 0; oldest < request.count; ++oldest) {
        while (started < request.count && started - oldest < request.most) {
            request.pages[started].thread = start_thread(fetch_page, &request.pages[started]);
            started++;
        }
        join_thread(request.pages[oldest].thread);
        report(&request.pages[oldest]);
    }
    return 0;
}
