// SPDX-License-Identifier: Apache-2.0
//
// A directory of files for the tests of the cache and the answers; it goes with its object.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <string>

#include "knot/response.h"
#include "support/test.h"

namespace knot_test {

class Folder {
   public:
    Folder() {
        char name[] = "/tmp/knot_test_XXXXXX";
        path_ = mkdtemp(name);
        root_ = ::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        REQUIRE(root_ >= 0);
    }
    ~Folder() {
        ::close(root_);
        CHECK(system(("rm -rf " + path_).c_str()) == 0);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    int root() const { return root_; }
    std::string path(const std::string& name) const { return path_ + "/" + name; }
    void make_folder(const std::string& name) const { REQUIRE(mkdir(path(name).c_str(), 0755) == 0); }
    void link(const std::string& target, const std::string& name) const {
        REQUIRE(symlink(target.c_str(), path(name).c_str()) == 0);
    }

    // Over what there is, in place.
    void write(const std::string& name, const std::string& content) const {
        int fd = ::open(path(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        REQUIRE(fd >= 0);
        REQUIRE(::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
        ::close(fd);
    }

    // Instead of what there is.
    void replace(const std::string& name, const std::string& content) const {
        write("new", content);
        REQUIRE(rename(path("new").c_str(), path(name).c_str()) == 0);
    }

   private:
    std::string path_;
    int root_ = -1;
};

inline std::string content_of(const knot::File& file) {
    std::string text(file.size(), '\0');
    if (file.content() != nullptr) {
        return {file.content(), file.size()};
    }
    REQUIRE(pread(file.descriptor(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    return text;
}

// What would go to the client.
inline std::string text_of(const knot::Response& response) {
    std::string text;
    for (size_t i = 0; i < response.count(); ++i) {
        const knot::Piece& piece = response.pieces()[i];
        std::string part(piece.length, '\0');
        if (piece.data != nullptr) {
            part.assign(piece.data, piece.length);
        } else {
            REQUIRE(pread(piece.descriptor, part.data(), part.size(), static_cast<off_t>(piece.offset)) ==
                    static_cast<ssize_t>(part.size()));
        }
        text += part;
    }
    return text;
}

}  // namespace knot_test
