// SPDX-License-Identifier: Apache-2.0
//
// What a request needs while it is under way: the parser and the response. From a pool, whose memory the last request
// has warmed, whosever it was. On the thread's own stack, which a thousand other connections have driven out of the
// cache since its last request, each line of it would be a miss; and a thread that waits for a request would hold it.
#pragma once

#include <new>
#include <optional>
#include <utility>

#include "knot/buffer_pool.h"
#include "knot/response.h"

namespace knot {

class Work {
    struct Parts {
        explicit Parts(const Limits& limits) : parser(limits) {}
        RequestParser parser;
        std::optional<Response> response;
    };

   public:
    static constexpr size_t kSize = sizeof(Parts);

    // The pool's buffers have kSize bytes.
    Work(BufferPool& pool, const Limits& limits) : pool_(pool) {
        if (char* memory = pool.take()) {
            parts_ = new (memory) Parts(limits);
        }
    }
    ~Work() {
        if (parts_ != nullptr) {
            parts_->~Parts();
            pool_.give_back(reinterpret_cast<char*>(parts_));
        }
    }
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

    // False: no memory, so that nothing else may be called.
    explicit operator bool() const { return parts_ != nullptr; }
    RequestParser& parser() { return parts_->parser; }
    // The response made of these arguments; once a request.
    template <typename... Arguments>
    const Response& respond(const Arguments&... arguments) {
        return parts_->response.emplace(arguments...);
    }

   private:
    BufferPool& pool_;
    Parts* parts_ = nullptr;
};

}  // namespace knot
