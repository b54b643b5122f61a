// SPDX-License-Identifier: Apache-2.0
//
// See http_date.h. The two conversions between days and dates are those of Howard Hinnant's "chrono-compatible
// low-level date algorithms", for years from 1970 to 9999.

#include "knot/http_date.h"

#include <cstdio>
#include <cstring>

#include "knot/characters.h"

namespace knot {

namespace {

constexpr char kMonths[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr char kDays[] = "ThuFriSatSunMonTueWed";
constexpr int64_t kDaySeconds = 86400;

struct Date {
    int64_t year;
    int month;  // 1 to 12
    int day;
};

int64_t days_of(const Date& date) {
    int64_t year = date.year - (date.month <= 2);
    int64_t era = year / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

Date date_of(int64_t days) {
    days += 719468;
    int64_t era = days / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    int number = static_cast<int>(month < 10 ? month + 3 : month - 9);
    return {year_of_era + era * 400 + (number <= 2), number, static_cast<int>(day_of_year - (153 * month + 2) / 5 + 1)};
}

char* two(char* out, int64_t value) {
    *out++ = static_cast<char>('0' + value / 10 % 10);
    *out++ = static_cast<char>('0' + value % 10);
    return out;
}

char* text(char* out, const char* from, size_t length) {
    memcpy(out, from, length);
    return out + length;
}

char* time_of_day(char* out, int64_t second) {
    out = two(out, second / 3600);
    *out++ = ':';
    out = two(out, second / 60 % 60);
    *out++ = ':';
    return two(out, second % 60);
}

// Reads by a pattern: 'd' is a digit, '_' a digit or a blank, 'm' the name of a month, other characters themselves.
// `numbers` are the values of the fields in their order.
bool matches(std::string_view in, std::string_view pattern, int* numbers) {
    int value = 0;
    if (in.size() != pattern.size()) {
        return false;
    }
    for (size_t i = 0; i < in.size(); ++i) {
        char wanted = pattern[i];
        if (wanted == 'd' || (wanted == '_' && in[i] != ' ')) {
            if (!is(in[i], kDigit)) {
                return false;
            }
            value = value * 10 + in[i] - '0';
        } else if (wanted == 'm') {
            const char* month = static_cast<const char*>(memmem(kMonths, sizeof kMonths - 1, in.data() + i, 3));
            if (month == nullptr || (month - kMonths) % 3 != 0) {
                return false;
            }
            value = static_cast<int>(month - kMonths) / 3 + 1;
            i += 2;
        } else if (wanted != '_' && in[i] != wanted) {
            return false;
        }
        bool ends = i + 1 == in.size() || (pattern[i + 1] != 'd' && pattern[i + 1] != '_');
        if (ends && (wanted == 'd' || wanted == '_' || wanted == 'm')) {
            *numbers++ = value;
            value = 0;
        }
    }
    return true;
}

int64_t seconds_of(const Date& date, const int* time) {
    if (date.day < 1 || date.day > 31 || date.year < 1970 || time[0] > 23 || time[1] > 59 || time[2] > 60) {
        return -1;
    }
    return days_of(date) * kDaySeconds + time[0] * 3600 + time[1] * 60 + time[2];
}

}  // namespace

void write_http_date(int64_t seconds, char* out) {
    int64_t days = seconds / kDaySeconds;
    Date date = date_of(days);
    out = text(out, kDays + days % 7 * 3, 3);
    out = text(out, ", ", 2);
    out = two(out, date.day);
    *out++ = ' ';
    out = text(out, kMonths + (date.month - 1) * 3, 3);
    *out++ = ' ';
    out = two(two(out, date.year / 100), date.year);
    *out++ = ' ';
    out = time_of_day(out, seconds % kDaySeconds);
    text(out, " GMT", 4);
}

void write_log_date(int64_t seconds, char* out) {
    Date date = date_of(seconds / kDaySeconds);
    out = two(out, date.day);
    *out++ = '/';
    out = text(out, kMonths + (date.month - 1) * 3, 3);
    *out++ = '/';
    out = two(two(out, date.year / 100), date.year);
    *out++ = ':';
    out = time_of_day(out, seconds % kDaySeconds);
    text(out, " +0000", 6);
}

int64_t parse_http_date(std::string_view in, int64_t now) {
    int n[6];
    size_t comma = in.find(", ");
    if (comma != std::string_view::npos) {
        std::string_view rest = in.substr(comma + 2);
        if (matches(rest, "dd m   dddd dd:dd:dd GMT", n)) {
            return seconds_of({n[2], n[1], n[0]}, n + 3);
        }
        if (matches(rest, "dd-m  -dd dd:dd:dd GMT", n)) {
            int64_t this_year = date_of(now / kDaySeconds).year;
            int64_t year = this_year - this_year % 100 + n[2];
            return seconds_of({year >= this_year + 50 ? year - 100 : year, n[1], n[0]}, n + 3);
        }
        return -1;
    }
    if (in.size() == 24 && matches(in.substr(4), "m   _d dd:dd:dd dddd", n)) {
        return seconds_of({n[5], n[0], n[1]}, n + 2);
    }
    return -1;
}

}  // namespace knot
