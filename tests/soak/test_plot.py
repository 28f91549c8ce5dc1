"""The table and the picture of a soak hold what was sampled."""

from __future__ import annotations

import csv
import io
from xml.etree import ElementTree as ET

from tests.soak._plot import csv_of, svg_of
from tests.soak._sampling import COLUMNS, sample

SAMPLES = [
    {"time_s": number * 1.5, "at_rest": number % 2, "results": number} | dict.fromkeys(COLUMNS, number)
    for number in range(1, 25)
]
BOUNDS = dict.fromkeys(COLUMNS, 1.0)


def test_the_table_has_a_line_for_each_sample_and_reads_back():
    rows = list(csv.DictReader(io.StringIO(csv_of(SAMPLES))))

    assert [float(row["time_s"]) for row in rows] == [each["time_s"] for each in SAMPLES]
    assert [int(row["slots"]) for row in rows] == [each["slots"] for each in SAMPLES]


def test_the_picture_has_a_diagram_for_each_quantity_with_a_dot_for_each_rest():
    root = ET.fromstring(svg_of(SAMPLES, BOUNDS))  # noqa: S314 -- we have written it
    names = [element.tag.rpartition("}")[2] for element in root.iter()]
    titles = " ".join(element.text for element in root.iter() if element.get("class") == "t")

    assert names.count("polyline") == len(COLUMNS)
    assert names.count("circle") == len(COLUMNS) * 12
    assert all(title in titles for title in COLUMNS.values())


def test_every_quantity_is_sampled_as_a_number():
    found = sample()

    assert set(found) == set(COLUMNS)
    assert all(value >= 0 for value in found.values())
    assert found["host_mib"] > 1
    assert found["host_descriptors"] >= 3
