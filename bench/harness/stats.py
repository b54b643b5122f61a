# SPDX-License-Identifier: Apache-2.0
"""Median, spread and the bootstrap interval of a ratio.

A ratio's samples are the ratios of the pairs; its value is their median; its 95 % interval is the percentile
bootstrap of that median, with a fixed seed so that the same samples always print the same interval.
"""

import random
from statistics import median

RESAMPLES = 5000
SEED = 20030719


def spread(values):
    if not values:
        return None
    return {"min": round(min(values), 4), "median": round(median(values), 4), "max": round(max(values), 4)}


def ratio(pairs):
    """pairs: (value of the side, value of the baseline)."""
    ratios = [side / baseline for side, baseline in pairs]
    if not ratios:
        return None
    generator = random.Random(SEED)
    medians = sorted(median(generator.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    low, high = medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES) - 1]
    return {"median": round(median(ratios), 4), "low": round(low, 4), "high": round(high, 4)}


def show_ratio(value):
    return "-" if value is None else f"{value['median']:.3f} [{value['low']:.3f} {value['high']:.3f}]"
