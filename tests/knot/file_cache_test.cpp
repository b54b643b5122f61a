// SPDX-License-Identifier: Apache-2.0
//
// The cache: what is found, how long it stays, that a change is seen and never in part, and that nothing outside the
// root is.

#include "knot/file_cache.h"

#include <pthread.h>

#include <atomic>
#include <string>

#include "site.h"

namespace {

using knot::Clock;
using knot::FileCache;
using knot::PinnedFile;
using knot_test::content_of;
using knot_test::Folder;
using std::string;

FileCache::Limits always_looking() {
    FileCache::Limits limits;
    limits.revalidate = 0;
    return limits;
}

string found(FileCache& cache, const string& name) {
    int status = 0;
    PinnedFile file = cache.find(name, status);
    CHECK(static_cast<bool>(file) == (status == 200));
    return file ? content_of(*file) : std::to_string(status);
}

}  // namespace

TEST_CASE("files are found with their fields") {
    Folder folder;
    Clock clock;
    folder.write("a.html", "hello");
    FileCache cache(folder.root(), {}, clock);
    int status = 0;
    PinnedFile file = cache.find("a.html", status);
    REQUIRE(file);
    CHECK(content_of(*file) == "hello");
    CHECK(file->content_type() == "text/html; charset=utf-8");
    CHECK(file->etag().front() == '"');
    CHECK(file->etag().back() == '"');
    CHECK(string(file->head()).starts_with("Content-Length: 5\r\n"));
    CHECK(string(file->head().data(), file->head().size() + 7).ends_with("\r\n\r\nhello"));
    CHECK(string(file->head()).ends_with(string(file->etag()) + "\r\n"));
    CHECK(string(file->fields()).starts_with("Content-Type: "));
    CHECK(string(file->validators()).starts_with("Last-Modified: "));
    PinnedFile again = cache.find("a.html", status);
    CHECK(&*again == &*file);
    CHECK(cache.files() == 1);
}

TEST_CASE("what is no file below the root has a status") {
    Folder folder;
    Clock clock;
    folder.make_folder("dir");
    folder.write("dir/in", "inside");
    folder.write("closed", "x");
    folder.link("in", "dir/link");
    folder.link("/etc/passwd", "absolute");
    folder.link("..", "up");
    folder.link("/proc/self/root", "magic");
    folder.link("loop", "loop");
    REQUIRE(mkfifo(folder.path("fifo").c_str(), 0600) == 0);
    FileCache cache(folder.root(), {}, clock);
    CHECK(found(cache, "dir/link") == "inside");
    CHECK(found(cache, "dir") == "301");
    for (const char* name : {"none", "dir/in/index.html", "absolute", "up/etc/passwd", "magic/etc/passwd", "loop",
                             "fifo", "/etc/passwd", "../x"}) {
        CHECK_MESSAGE(found(cache, name) == "404", name);
    }
    CHECK(found(cache, string(1000, 'x')) == "404");
}

TEST_CASE("content of every size is whole") {
    Folder folder;
    Clock clock;
    FileCache::Limits limits;
    limits.small = 200000;
    FileCache cache(folder.root(), limits, clock);
    for (size_t size : {0, 1, 4096, 32767, 32768, 100000, 200000, 200001}) {
        string content(size, '\0');
        for (size_t i = 0; i < size; ++i) {
            content[i] = static_cast<char>(i * 7 + i / 251);
        }
        folder.write("f" + std::to_string(size), content);
        CHECK_MESSAGE(found(cache, "f" + std::to_string(size)) == content, size);
    }
}

TEST_CASE("a change is seen when its time has come") {
    Folder folder;
    Clock clock;
    folder.write("a", "old");
    FileCache patient(folder.root(), {}, clock);
    FileCache eager(folder.root(), always_looking(), clock);
    REQUIRE(found(patient, "a") == "old");
    REQUIRE(found(eager, "a") == "old");
    int status = 0;
    PinnedFile pinned = eager.find("a", status);
    folder.replace("a", "replaced");
    CHECK(found(patient, "a") == "old");
    CHECK(found(eager, "a") == "replaced");
    CHECK(content_of(*pinned) == "old");
    folder.write("a", "rewritten");
    CHECK(found(eager, "a") == "rewritten");
    REQUIRE(unlink(folder.path("a").c_str()) == 0);
    CHECK(found(eager, "a") == "404");
    CHECK(eager.files() == 0);
}

TEST_CASE("the limit of bytes holds, and what is used stays") {
    Folder folder;
    Clock clock;
    FileCache::Limits limits;
    limits.bytes = 60000;
    FileCache cache(folder.root(), limits, clock);
    folder.write("often", string(5000, 'o'));
    folder.write("huge", string(70000, 'h'));
    int status = 0;
    const knot::File* often = &*cache.find("often", status);
    for (int i = 0; i < 100; ++i) {
        string name = "once" + std::to_string(i);
        folder.write(name, string(5000, 'x'));
        CHECK(found(cache, name).size() == 5000);
        CHECK(&*cache.find("often", status) == often);
        CHECK(cache.bytes() <= limits.bytes);
    }
    CHECK(cache.files() < 20);
    CHECK(found(cache, "huge").size() == 70000);
    CHECK(cache.bytes() <= limits.bytes);
}

TEST_CASE("without descriptors the old state is served") {
    Folder folder;
    Clock clock;
    folder.write("a", "old");
    FileCache cache(folder.root(), always_looking(), clock);
    REQUIRE(found(cache, "a") == "old");
    folder.replace("a", "new");
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit none{0, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    string during = found(cache, "a"), missing = found(cache, "b");
    REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(during == "old");
    CHECK(missing == "503");
    CHECK(found(cache, "a") == "new");
}

namespace {

struct Race {
    FileCache& cache;
    const string name;
    std::atomic<bool> over{false};
    std::atomic<int> torn{0}, seen{0};
};

void* look(void* argument) {
    Race& race = *static_cast<Race*>(argument);
    while (!race.over) {
        string text = found(race.cache, race.name);
        race.torn += text.find_first_not_of(text[0]) != string::npos;
        ++race.seen;
    }
    return nullptr;
}

}  // namespace

TEST_CASE("a file that changes under load is never torn") {
    for (size_t size : {20000, 90000}) {
        Folder folder;
        Clock clock;
        folder.write("a", string(size, 'a'));
        FileCache cache(folder.root(), always_looking(), clock);
        REQUIRE(found(cache, "a").size() == size);
        Race race{cache, "a"};
        pthread_t readers[3];
        for (pthread_t& reader : readers) {
            REQUIRE(pthread_create(&reader, nullptr, look, &race) == 0);
        }
        for (int i = 0; i < 300; ++i) {
            string content(size, static_cast<char>('a' + i % 26));
            if (i % 2 == 0) {
                folder.replace("a", content);
            } else {
                int fd = ::open(folder.path("a").c_str(), O_WRONLY | O_CLOEXEC);
                REQUIRE(::pwrite(fd, content.data(), size, 0) == static_cast<ssize_t>(size));
                ::close(fd);
            }
        }
        race.over = true;
        for (pthread_t reader : readers) {
            pthread_join(reader, nullptr);
        }
        CHECK(race.seen > 0);
        CHECK(race.torn == 0);
    }
}
