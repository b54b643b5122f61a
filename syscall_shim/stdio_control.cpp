// SPDX-License-Identifier: Apache-2.0
// stdio family: flushing, closing, and the calls that only need the stream's lock.
//
// fclose: what is pending is written first, by calls that park. Then the caller's lock, if it holds it, is let go, and
// libc closes the stream, told (by the flag it has for
// the purpose) not to close the descriptor; rondo_close does that, last, so that threads parked on the number are
// woken before it can be used again.
//
// fflush(NULL) parks for one stream at a time and holds no lock of the list meanwhile. A stream that another thread is
// using is left to that thread: waiting for it could be for ever, when it is parked in a read.
#include <wchar.h>

#include "export.h"
#include "guard.h"
#include "real.h"
#include "stdio_lock.h"
#include "stdio_stream.h"

namespace {

using namespace rondo::shim;

RONDO_REAL(fflush);
RONDO_REAL(fflush_unlocked);
RONDO_REAL(fclose);
RONDO_REAL(feof_unlocked);
RONDO_REAL(ferror_unlocked);
RONDO_REAL(clearerr_unlocked);
RONDO_REAL(feof);
RONDO_REAL(ferror);
RONDO_REAL(clearerr);
RONDO_REAL(ungetc);
RONDO_REAL(fseek);
RONDO_REAL(ftell);
RONDO_REAL(rewind);
RONDO_REAL(setvbuf);
RONDO_REAL(setbuf);
RONDO_REAL(setbuffer);
RONDO_REAL(setlinebuf);
RONDO_REAL(perror);
RONDO_REAL(fwide);
RONDO_REGISTERED constinit Real<int(FILE*, off_t, int)> real_fseeko("fseeko");
RONDO_REGISTERED constinit Real<off_t(FILE*)> real_ftello("ftello");
RONDO_REGISTERED constinit Real<int(FILE*, fpos_t*)> real_fgetpos("fgetpos");
RONDO_REGISTERED constinit Real<int(FILE*, const fpos_t*)> real_fsetpos("fsetpos");
RONDO_REGISTERED constinit Real<void()> real_lock_list("_IO_list_lock");
RONDO_REGISTERED constinit Real<void()> real_unlock_list("_IO_list_unlock");
RONDO_REGISTERED constinit Real<FILE*> list_of_streams("_IO_list_all");
RONDO_REGISTERED constinit Real<FILE> static_stdin("_IO_2_1_stdin_");
RONDO_REGISTERED constinit Real<FILE> static_stdout("_IO_2_1_stdout_");
RONDO_REGISTERED constinit Real<FILE> static_stderr("_IO_2_1_stderr_");
RONDO_REGISTERED constinit Real<char> file_operations("_IO_file_jumps");
RONDO_REGISTERED constinit Real<char> wide_file_operations("_IO_wfile_jumps");

static_assert(sizeof(off_t) == 8, "then fseeko64 is fseeko");

// What struct _IO_FILE_plus adds.
const void* operations_of(FILE* stream) { return *reinterpret_cast<void* const*>(stream + 1); }

// Whether closing the stream is no more than closing its descriptor.
bool is_plain_file(FILE* stream) {
    const void* operations = operations_of(stream);
    bool plain = operations == file_operations.get() || operations == wide_file_operations.get();
    return plain && has(stream, kFileBuffer) && stream->_fileno >= 0;
}

bool is_static(const FILE* stream) {
    return stream == static_stdin.get() || stream == static_stdout.get() || stream == static_stderr.get();
}

int flush(FILE* stream) {
    StreamLock lock(stream);
    return flush_unlocked(stream);
}

int close_stream(FILE* stream) {
    int fd = stream->_fileno;
    int flushed = on_thread() && parks(stream) ? flush(stream) : 0;
    bool stays = is_static(stream);
    while (on_thread() && unlock_stream(stream)) {
    }
    stream->_flags2 |= kDoNotClose;
    int closed = real_fclose(stream);
    if (stays) stream->_flags2 &= ~kDoNotClose;
    int freed = rondo_close(fd);
    return flushed == 0 && closed == 0 && freed == 0 ? 0 : EOF;
}

bool may_have_output(const FILE* stream) { return stream->_mode > 0 || stream->_IO_write_ptr > stream->_IO_write_base; }

// From that place in the list of open streams on, finds and locks a stream that may need flushing and that nobody uses;
// moves the place past it. Null at the end of the list.
FILE* lock_next_with_output(size_t* place) {
    real_lock_list();
    FILE* stream = *list_of_streams.get();
    for (size_t skipped = 0; stream != nullptr && skipped < *place; ++skipped) stream = stream->_chain;
    bool found = false;
    while (stream != nullptr && !found) {
        ++*place;
        found = may_have_output(stream) && try_lock_stream(stream);
        if (!found) stream = stream->_chain;
    }
    real_unlock_list();
    return stream;
}

void release(void* stream) { unlock_stream(static_cast<FILE*>(stream)); }

int flush_locked(FILE* stream) {
    rondo_cleanup frame;
    rondo_cleanup_push(&frame, release, stream);
    int result = flush_unlocked(stream);
    rondo_cleanup_pop(&frame, 1);
    return result;
}

int flush_all() {
    int result = 0;
    size_t place = 0;
    while (FILE* stream = lock_next_with_output(&place)) {
        if (flush_locked(stream) == EOF) result = EOF;
    }
    return result;
}

// Calls libc's function with the stream's lock held and nothing pending that it would have to write.
template <typename Function, typename... Arguments>
auto call_locked(FILE* stream, Real<Function>& real, Arguments... arguments) {
    if (!on_thread()) return real(arguments...);
    StreamLock lock(stream);
    if (parks(stream) && has(stream, kPutting)) drain(stream);
    LentLock lent(stream);
    return real(arguments...);
}

// The same for functions with an unlocked twin that writes nothing.
template <typename Function>
auto call_twin(FILE* stream, Real<Function>& real, Real<Function>& unlocked) {
    if (!on_thread()) return real(stream);
    StreamLock lock(stream);
    return unlocked(stream);
}

}  // namespace

RONDO_EXPORT(int, fflush, (FILE * stream)) {
    if (!on_thread()) return real_fflush(stream);
    return stream == nullptr ? flush_all() : flush(stream);
}
RONDO_ALIAS(_IO_fflush, fflush);

RONDO_EXPORT(int, fflush_unlocked, (FILE * stream)) {
    if (!on_thread()) return real_fflush_unlocked(stream);
    return stream == nullptr ? flush_all() : flush_unlocked(stream);
}

int rondo::shim::close_any_stream(FILE* stream) {
    return started() && is_plain_file(stream) ? close_stream(stream) : real_fclose(stream);
}

RONDO_EXPORT(int, fclose, (FILE * stream)) { return close_any_stream(stream); }
RONDO_ALIAS(_IO_fclose, fclose);

RONDO_EXPORT(int, feof, (FILE * stream)) { return call_twin(stream, real_feof, real_feof_unlocked); }
RONDO_ALIAS(_IO_feof, feof);

RONDO_EXPORT(int, ferror, (FILE * stream)) { return call_twin(stream, real_ferror, real_ferror_unlocked); }
RONDO_ALIAS(_IO_ferror, ferror);

RONDO_EXPORT(void, clearerr, (FILE * stream)) { call_twin(stream, real_clearerr, real_clearerr_unlocked); }

RONDO_EXPORT(int, ungetc, (int character, FILE* stream)) { return call_locked(stream, real_ungetc, character, stream); }
RONDO_ALIAS(_IO_ungetc, ungetc);

RONDO_EXPORT(int, fseek, (FILE * stream, long offset, int whence)) {
    return call_locked(stream, real_fseek, stream, offset, whence);
}

RONDO_EXPORT(int, fseeko, (FILE * stream, off_t offset, int whence)) {
    return call_locked(stream, real_fseeko, stream, offset, whence);
}
RONDO_ALIAS(fseeko64, fseeko);
RONDO_ALIAS(__fseeko64, fseeko);

RONDO_EXPORT(long, ftell, (FILE * stream)) { return call_locked(stream, real_ftell, stream); }
RONDO_ALIAS(_IO_ftell, ftell);

RONDO_EXPORT(off_t, ftello, (FILE * stream)) { return call_locked(stream, real_ftello, stream); }
RONDO_ALIAS(ftello64, ftello);
RONDO_ALIAS(__ftello64, ftello);

RONDO_EXPORT(void, rewind, (FILE * stream)) { call_locked(stream, real_rewind, stream); }

RONDO_EXPORT(int, fgetpos, (FILE * stream, fpos_t* position)) {
    return call_locked(stream, real_fgetpos, stream, position);
}
RONDO_ALIAS(fgetpos64, fgetpos);
RONDO_ALIAS(_IO_fgetpos, fgetpos);
RONDO_ALIAS(_IO_fgetpos64, fgetpos);

RONDO_EXPORT(int, fsetpos, (FILE * stream, const fpos_t* position)) {
    return call_locked(stream, real_fsetpos, stream, position);
}
RONDO_ALIAS(fsetpos64, fsetpos);
RONDO_ALIAS(_IO_fsetpos, fsetpos);
RONDO_ALIAS(_IO_fsetpos64, fsetpos);

RONDO_EXPORT(int, setvbuf, (FILE * stream, char* buffer, int mode, size_t size)) {
    return call_locked(stream, real_setvbuf, stream, buffer, mode, size);
}
RONDO_ALIAS(_IO_setvbuf, setvbuf);

RONDO_EXPORT(void, setbuf, (FILE * stream, char* buffer)) { call_locked(stream, real_setbuf, stream, buffer); }

RONDO_EXPORT(void, setbuffer, (FILE * stream, char* buffer, size_t size)) {
    call_locked(stream, real_setbuffer, stream, buffer, size);
}
RONDO_ALIAS(_IO_setbuffer, setbuffer);

RONDO_EXPORT(void, setlinebuf, (FILE * stream)) { call_locked(stream, real_setlinebuf, stream); }

RONDO_EXPORT(int, fwide, (FILE * stream, int mode)) { return call_locked(stream, real_fwide, stream, mode); }

RONDO_EXPORT(void, perror, (const char* text)) { call_locked(stderr, real_perror, text); }
