// SPDX-License-Identifier: Apache-2.0
// dl family: loading and unloading libraries.
//
// libc guards its list of libraries by a recursive lock that knows kernel threads only. A constructor of a library that
// parks leaves it held by the worker: another thread of the same worker would enter in the middle, and one of another
// worker would stop its worker. So a recursive mutex of ours, which parks, is taken before libc's. While a thread
// holds it, what would go to a kernel thread is done in place (offloaded.h): a look-up of a name may load libraries
// too.
//
// RTLD_DEEPBIND would bind a library's calls to libc past this library, and is dropped. libc looks for a name without a
// slash in the paths of the library that calls dlopen, and takes this one for it; the caller's own paths are therefore
// tried here first. A cancellation must not unwind libc's loader, and waits until it is done.
#include <dlfcn.h>
#include <elf.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export.h"
#include "guard.h"
#include "offloaded.h"
#include "raw_call.h"
#include "real.h"

namespace {

using namespace rondo::shim;

RONDO_REAL(access);
RONDO_REAL(dlclose);
RONDO_REAL(dlmopen);
RONDO_REAL(dlopen);

constexpr size_t kPathBytes = 16384;

constinit pthread_mutex_t loader = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
constinit std::atomic<rondo_t> holder{0};
constinit int depth = 0;                      // of the holder
constinit std::atomic<long> last_process{0};  // the process that took the mutex last

constinit std::atomic<bool> all_resolved{false};

// In a forked child, a holder that was not the caller does not exist any more; libc renews its own lock.
void renew_after_fork() {
    long process = raw_call(SYS_getpid);
    if (last_process.exchange(process) == process || holder == rondo_self()) return;
    loader = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    holder = 0;
    depth = 0;
}

class Loading {
   public:
    Loading() {
        if (!all_resolved.exchange(true)) resolve_all();
        renew_after_fork();
        rondo_setcancelstate(RONDO_CANCEL_DISABLE, &state_);
        rondo_mutex_lock(as_rondo(&loader));
        holder = rondo_self();
        ++depth;
    }
    ~Loading() {
        if (--depth == 0) holder = 0;
        rondo_mutex_unlock(as_rondo(&loader));
        rondo_setcancelstate(state_, &state_);
    }
    Loading(const Loading&) = delete;
    Loading& operator=(const Loading&) = delete;

   private:
    int state_;
};

bool names_paths(const link_map* library) {
    for (const ElfW(Dyn)* entry = library->l_ld; entry->d_tag != DT_NULL; ++entry) {
        if (entry->d_tag == DT_RUNPATH || entry->d_tag == DT_RPATH) return true;
    }
    return false;
}

// A library's search paths (a Dl_serinfo and what it points to), and a file's full name in one of them. On the heap:
// stacks may be small.
struct Search {
    alignas(Dl_serinfo) char paths[kPathBytes];
    char found[PATH_MAX];

    Dl_serinfo* info() { return reinterpret_cast<Dl_serinfo*>(paths); }
    const Dl_serpath* first() const {
        return reinterpret_cast<const Dl_serpath*>(paths + offsetof(Dl_serinfo, dls_serpath));
    }
};

bool ask_for_paths(link_map* library, Search& search) {
    return dlinfo(library, RTLD_DI_SERINFOSIZE, search.info()) == 0 && search.info()->dls_size <= kPathBytes &&
           dlinfo(library, RTLD_DI_SERINFO, search.info()) == 0;
}

// The full name of a file that lies in one of the paths of the library that calls, or null.
const char* find_by_callers_paths(const char* name, const void* caller, Search& search) {
    Dl_info information;
    link_map* library = nullptr;
    if (dladdr1(caller, &information, reinterpret_cast<void**>(&library), RTLD_DL_LINKMAP) == 0 ||
        !names_paths(library) || !ask_for_paths(library, search)) {
        return nullptr;
    }
    const Dl_serpath* path = search.first();
    for (unsigned i = 0; i < search.info()->dls_cnt && path[i].dls_flags != LA_SER_DEFAULT; ++i) {
        int length = snprintf(search.found, PATH_MAX, "%s/%s", path[i].dls_name, name);
        if (length > 0 && length < PATH_MAX && real_access(search.found, R_OK) == 0) return search.found;
    }
    return nullptr;
}

void* load(const char* name, int mode, const void* caller) {
    Loading loading;
    Search* search = nullptr;
    const char* full_name = nullptr;
    if (name != nullptr && *name != '\0' && strchr(name, '/') == nullptr) {
        search = static_cast<Search*>(malloc(sizeof(Search)));
        full_name = search != nullptr ? find_by_callers_paths(name, caller, *search) : nullptr;
    }
    void* handle = real_dlopen(full_name != nullptr ? full_name : name, mode & ~RTLD_DEEPBIND);
    free(search);
    return handle;
}

}  // namespace

namespace rondo::shim {

bool loads_library() { return holder.load(std::memory_order_relaxed) == rondo_self(); }

}  // namespace rondo::shim

RONDO_EXPORT(void*, dlopen, (const char* name, int mode)) { return load(name, mode, __builtin_return_address(0)); }

RONDO_EXPORT(void*, dlmopen, (Lmid_t space, const char* name, int mode)) {
    Loading loading;
    return real_dlmopen(space, name, mode & ~RTLD_DEEPBIND);
}

RONDO_EXPORT(int, dlclose, (void* handle)) {
    Loading loading;
    return real_dlclose(handle);
}
