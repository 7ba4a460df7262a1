"""Readings of a thermometer, one a line: a time and degrees."""

import json
from pathlib import Path


class Reading:
    """One reading."""

    def __init__(self, time, degrees):
        self.time = time
        self.degrees = degrees


def read_readings(path):
    """Return the readings in the file at path."""
    readings = []
    for line in Path(path).read_text().splitlines():
        time, degrees = line.split(",")
        readings.append(Reading(time, float(degrees)))
    return readings


def mean(readings):
    """Return the mean of all degrees."""
    total = 0.0
    if not readings:
        raise V
