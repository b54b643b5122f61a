// SPDX-License-Identifier: Apache-2.0
//
// Histogram of nanoseconds in the manner of HdrHistogram: 128 linear buckets in every power of two, so a
// value is known to better than 0.8 % over the whole 64-bit range, in a fixed 60 KB without any allocation.
// It is plain data: one stands in shared memory for each process and they are merged by addition. Keeping
// every sample was rejected (unbounded), and so was a fixed linear grid (it loses either the tail or the
// head).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace loadgen {

class Histogram {
   public:
    void record(uint64_t value) {
        ++counts_[index_of(value)];
        ++total_;
        if (value > max_) max_ = value;
    }

    void merge(const Histogram& other) {
        for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
        total_ += other.total_;
        if (other.max_ > max_) max_ = other.max_;
    }

    // The upper edge of the bucket that holds the value of that rank; 0 when nothing was recorded.
    uint64_t quantile(double fraction) const {
        const uint64_t rank = static_cast<uint64_t>(fraction * static_cast<double>(total_));
        uint64_t seen = 0;
        for (size_t i = 0; i < kBuckets; ++i) {
            seen += counts_[i];
            if (seen > rank) return upper_edge(i) < max_ ? upper_edge(i) : max_;
        }
        return max_;
    }

    uint64_t total() const { return total_; }
    uint64_t max() const { return max_; }

   private:
    static constexpr unsigned kSubBits = 7;
    static constexpr size_t kSub = size_t{1} << kSubBits;
    static constexpr size_t kBuckets = (64 - kSubBits + 1) * kSub;

    static size_t index_of(uint64_t value) {
        if (value < 2 * kSub) return value;
        const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kSubBits;
        return shift * kSub + (value >> shift);
    }

    static uint64_t upper_edge(size_t index) {
        if (index < 2 * kSub) return index;
        const size_t shift = index / kSub - 1;
        const uint64_t top = index - shift * kSub;
        return ((top + 1) << shift) - 1;
    }

    uint64_t counts_[kBuckets] = {};
    uint64_t total_ = 0;
    uint64_t max_ = 0;
};

}  // namespace loadgen
