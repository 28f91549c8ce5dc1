"""The samples of a soak as a table and as a picture: one small diagram for each quantity."""

from __future__ import annotations

import csv
import io
from html import escape

from tests.soak._flat import after_warm_up, fitted
from tests.soak._sampling import COLUMNS

ACROSS, WIDTH, HEIGHT = 2, 440, 170
LEFT, TOP, RIGHT, BOTTOM = 52, 34, 14, 26  # of a diagram's frame
HEADER = 46
STYLE = (
    "text{font:11px sans-serif;fill:#333}.t{font-weight:bold}.f{fill:none;stroke:#999}"
    ".w{fill:#eee}.l{fill:none;stroke:#9bc;stroke-width:1}.r{fill:#146}.s{stroke:#c33;stroke-width:1.5}"
)


def csv_of(samples):
    """Return all samples, one line each."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["time_s", "at_rest", "results", *COLUMNS], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _short(value) for name, value in sample.items()} for sample in samples)
    return text.getvalue()


def _short(value):
    return f"{value:.2f}" if isinstance(value, float) else value


class Diagram:
    """One quantity over time.

    Args:
        samples: all of them.
        column: which quantity.
        place: its number on the page.
    """

    def __init__(self, samples, column, place):
        self.column = column
        self.x0 = place % ACROSS * WIDTH + LEFT
        self.y0 = place // ACROSS * HEIGHT + HEADER + TOP
        self.wide, self.high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        self.points = [(each["time_s"], each[column]) for each in samples]
        rests = [each for each in samples if each["at_rest"]]
        self.rests = [(each["time_s"], each[column]) for each in rests]
        self.counted = [(each["time_s"], each[column]) for each in after_warm_up(rests)]
        self.last = max(time for time, _ in self.points)
        self.most = max(1, *(value for _, value in self.points)) * 1.05

    def at(self, time, value):
        """Return where a point lies on the page."""
        x = self.x0 + time / self.last * self.wide
        return f"{x:.1f},{self.y0 + self.high - value / self.most * self.high:.1f}"

    def draw(self, bound):
        """Yield its parts."""
        warm = self.counted[0][0] / self.last * self.wide
        line = fitted(*zip(*self.counted, strict=True))
        begin, end = self.counted[0][0], self.counted[-1][0]
        rise = line.at(end) - line.at(begin)
        yield f'<rect class="w" x="{self.x0}" y="{self.y0}" width="{warm:.1f}" height="{self.high}"/>'
        yield f'<rect class="f" x="{self.x0}" y="{self.y0}" width="{self.wide}" height="{self.high}"/>'
        yield f'<polyline class="l" points="{" ".join(self.at(*point) for point in self.points)}"/>'
        for point in self.rests:
            x, y = self.at(*point).split(",")
            yield f'<circle class="r" cx="{x}" cy="{y}" r="1.8"/>'
        (x1, y1), (x2, y2) = (self.at(time, line.at(time)).split(",") for time in (begin, end))
        yield f'<line class="s" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'
        title = f"{COLUMNS[self.column]}: {rise:+.2f} ({bound:g} allowed)"
        yield f'<text class="t" x="{self.x0}" y="{self.y0 - 8}">{escape(title)}</text>'
        for value, y in ((0, self.y0 + self.high), (self.most, self.y0 + 8)):
            yield f'<text x="{self.x0 - 6}" y="{y}" text-anchor="end">{value:.0f}</text>'
        x, y = self.x0 + self.wide, self.y0 + self.high + 15
        yield f'<text x="{x}" y="{y}" text-anchor="end">{self.last:.0f} s</text>'


def svg_of(samples, bounds):
    """Return the picture.

    Args:
        samples: all of them.
        bounds: what each column may rise by.
    """
    width = ACROSS * WIDTH
    height = HEADER + -(-len(COLUMNS) // ACROSS) * HEIGHT
    size = f'width="{width}" height="{height}"'
    results = f"{samples[-1]['time_s']:.0f} s, {samples[-1]['results']} results, none lost or doubled"
    legend = "dots: at rest, between rounds of load; thin: under load; grey: warm-up; red: fitted after it"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {size}>',
        f"<style>{STYLE}</style>",
        f'<rect {size} fill="#fff"/>',
        f'<text class="t" x="{LEFT}" y="18">Soak: {results}</text>',
        f'<text x="{LEFT}" y="34">{legend}</text>',
    ]
    for place, column in enumerate(COLUMNS):
        lines += Diagram(samples, column, place).draw(bounds[column])
    return "\n".join([*lines, "</svg>", ""])
