// SPDX-License-Identifier: Apache-2.0
// signal family, jumps: siglongjmp out of a handler restores the mask that sigsetjmp saved.
//
// libc saves and restores the mask of the kernel thread, which on a worker is not the caller's. So sigsetjmp, when
// asked to save the mask, is preceded by a note of the thread's own mask, in words of the buffer's set that the kernel
// does not know; and a jump to such a buffer sets the thread's mask, and leaves libc to "restore" the kernel thread's
// mask as it is. A buffer without the note was filled before the runtime started: the mask in it is the thread's.
//
// A function that returns twice cannot be wrapped by a call: the entry tail-jumps to libc's own with its caller's
// frame.
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "export.h"
#include "guard.h"
#include "raw_call.h"
#include "real.h"

extern "C" {
void __longjmp_chk(__jmp_buf_tag* env, int value) __attribute__((noreturn));
void* rondo_shim_before_sigsetjmp(__jmp_buf_tag* env, int saves_mask) __attribute__((visibility("hidden")));
}

namespace {

using namespace rondo::shim;

using Jump = void(__jmp_buf_tag*, int);

RONDO_REGISTERED constinit Real<int(__jmp_buf_tag*, int)> real_sigsetjmp("__sigsetjmp");
RONDO_REGISTERED constinit Real<Jump> real_longjmp("siglongjmp");
RONDO_REGISTERED constinit Real<Jump> real_longjmp_chk("__longjmp_chk");

constexpr unsigned long kNoted = 0x6f646e6f72206d73;
enum { kKernels = 0, kOwn = 1, kMark = 2 };  // words of the buffer's set

unsigned long* words_of(__jmp_buf_tag* env) { return env->__saved_mask.__val; }

void note(__jmp_buf_tag* env, unsigned long mask) {
    words_of(env)[kOwn] = mask;
    words_of(env)[kMark] = kNoted;
}

unsigned long kernel_mask() {
    unsigned long mask = 0;
    raw_call(SYS_rt_sigprocmask, SIG_BLOCK, 0, to_arg(&mask), sizeof(mask));
    return mask;
}

void restore_mask(__jmp_buf_tag* env) {
    if (env->__mask_was_saved == 0) return;
    unsigned long* words = words_of(env);
    bool noted = words[kMark] == kNoted;
    if (!on_thread()) {
        if (noted) words[kKernels] = words[kOwn];
        return;
    }
    unsigned long own = noted ? words[kOwn] : words[kKernels];
    sigset_t mask;
    sigemptyset(&mask);
    memcpy(&mask, &own, sizeof(own));
    note(env, own);
    words[kKernels] = kernel_mask();
    rondo_sigmask(SIG_SETMASK, &mask, nullptr);
}

}  // namespace

// Returns where the jump buffer is filled.
void* rondo_shim_before_sigsetjmp(__jmp_buf_tag* env, int saves_mask) {
    if (saves_mask != 0) {
        sigset_t mask;
        words_of(env)[kMark] = 0;
        if (on_thread() && rondo_sigmask(SIG_BLOCK, nullptr, &mask) == 0) {
            unsigned long own;
            memcpy(&own, &mask, sizeof(own));
            note(env, own);
        }
    }
    return reinterpret_cast<void*>(real_sigsetjmp.get());
}

asm(R"(
    .pushsection .text
    .globl __sigsetjmp, setjmp
    .type __sigsetjmp, @function
    .type setjmp, @function
setjmp:
    mov $1, %esi
__sigsetjmp:
    .cfi_startproc
    push %rdi
    .cfi_adjust_cfa_offset 8
    push %rsi
    .cfi_adjust_cfa_offset 8
    sub $8, %rsp
    .cfi_adjust_cfa_offset 8
    call rondo_shim_before_sigsetjmp
    add $8, %rsp
    .cfi_adjust_cfa_offset -8
    pop %rsi
    .cfi_adjust_cfa_offset -8
    pop %rdi
    .cfi_adjust_cfa_offset -8
    jmp *%rax
    .cfi_endproc
    .size __sigsetjmp, . - __sigsetjmp
    .popsection
)");

RONDO_EXPORT_UNDECLARED(void, siglongjmp, (__jmp_buf_tag * env, int value)) {
    restore_mask(env);
    real_longjmp(env, value);
}
RONDO_ALIAS(longjmp, siglongjmp);
RONDO_ALIAS(_longjmp, siglongjmp);

RONDO_EXPORT_UNDECLARED(void, __longjmp_chk, (__jmp_buf_tag * env, int value)) {
    restore_mask(env);
    real_longjmp_chk(env, value);
}
