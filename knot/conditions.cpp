// SPDX-License-Identifier: Apache-2.0
//
// See conditions.h. Dates in the field that are none are ignored, as section 13.1.3 demands.

#include "knot/conditions.h"

#include "knot/http_date.h"

namespace knot {

namespace {

constexpr std::string_view kWeak = "W/";

// Takes one entity tag off a list; false at its end or where it is malformed. Tags may hold commas.
bool next_tag(std::string_view& list, std::string_view& tag, bool& weak) {
    size_t start = list.find_first_not_of(" \t,");
    if (start == std::string_view::npos) {
        return false;
    }
    list.remove_prefix(start);
    weak = list.starts_with(kWeak);
    list.remove_prefix(weak ? kWeak.size() : 0);
    size_t end = list.starts_with('"') ? list.find('"', 1) : std::string_view::npos;
    if (end == std::string_view::npos) {
        return false;
    }
    tag = list.substr(0, end + 1);
    list.remove_prefix(end + 1);
    return true;
}

bool lists(std::string_view field, std::string_view etag, bool strongly) {
    if (field == "*") {
        return true;
    }
    std::string_view tag;
    bool weak = false;
    while (next_tag(field, tag, weak)) {
        if (tag == etag && !(weak && strongly)) {
            return true;
        }
    }
    return false;
}

bool given(std::string_view field) { return field.data() != nullptr; }

}  // namespace

int evaluate_conditions(const Request& request, const Validators& current, int64_t now) {
    if (given(request.if_match)) {
        if (!lists(request.if_match, current.etag, true)) {
            return 412;
        }
    } else if (given(request.if_unmodified_since)) {
        int64_t since = parse_http_date(request.if_unmodified_since, now);
        if (since >= 0 && current.modified > since) {
            return 412;
        }
    }
    if (given(request.if_none_match)) {
        return lists(request.if_none_match, current.etag, false) ? 304 : 200;
    }
    if (given(request.if_modified_since)) {
        int64_t since = parse_http_date(request.if_modified_since, now);
        return since >= 0 && current.modified <= since ? 304 : 200;
    }
    return 200;
}

// A date counts only if it is the very one, and so old that a second change within its second is ruled out.
bool ranges_apply(const Request& request, const Validators& current, int64_t now) {
    std::string_view field = request.if_range;
    if (!given(field)) {
        return true;
    }
    if (field.starts_with('"') || field.starts_with(kWeak)) {
        return field == current.etag;
    }
    return parse_http_date(field, now) == current.modified && now - current.modified > 1;
}

}  // namespace knot
