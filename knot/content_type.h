// SPDX-License-Identifier: Apache-2.0
//
// The media type of a file by the end of its name. Text is said to be UTF-8. What is not listed is
// application/octet-stream: a browser then offers to save it instead of guessing.
#pragma once

#include <string_view>

#include "knot/request.h"

namespace knot {

inline std::string_view content_type(std::string_view name) {
    struct Known {
        std::string_view extension, type;
    };
    static constexpr Known kKnown[] = {
        {"html", "text/html; charset=utf-8"},
        {"htm", "text/html; charset=utf-8"},
        {"css", "text/css; charset=utf-8"},
        {"js", "text/javascript; charset=utf-8"},
        {"mjs", "text/javascript; charset=utf-8"},
        {"json", "application/json"},
        {"map", "application/json"},
        {"txt", "text/plain; charset=utf-8"},
        {"md", "text/markdown; charset=utf-8"},
        {"csv", "text/csv; charset=utf-8"},
        {"xml", "application/xml"},
        {"svg", "image/svg+xml"},
        {"png", "image/png"},
        {"jpg", "image/jpeg"},
        {"jpeg", "image/jpeg"},
        {"gif", "image/gif"},
        {"webp", "image/webp"},
        {"avif", "image/avif"},
        {"ico", "image/x-icon"},
        {"woff", "font/woff"},
        {"woff2", "font/woff2"},
        {"ttf", "font/ttf"},
        {"otf", "font/otf"},
        {"wasm", "application/wasm"},
        {"pdf", "application/pdf"},
        {"zip", "application/zip"},
        {"gz", "application/gzip"},
        {"mp3", "audio/mpeg"},
        {"ogg", "audio/ogg"},
        {"mp4", "video/mp4"},
        {"webm", "video/webm"},
    };
    size_t dot = name.find_last_of("./");
    if (dot != std::string_view::npos && name[dot] == '.') {
        for (const Known& known : kKnown) {
            if (equals_ignoring_case(name.substr(dot + 1), known.extension)) {
                return known.type;
            }
        }
    }
    return "application/octet-stream";
}

}  // namespace knot
