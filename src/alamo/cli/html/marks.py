"""The vocabulary of the charts: escaped elements, a linear scale with round ticks, and an accessible figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import count

Cells = Sequence[Sequence[str]]

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear map from data ``[low, high]`` to pixels ``[start, end]``."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of `value`, rounded to a tenth."""
        span = (self.high - self.low) or 1.0
        return round(self.start + (value - self.low) / span * (self.end - self.start), 1)

    def ticks(self, about: int = 5) -> list[float]:
        """Return round numbers inside the data range, about as many as asked for."""
        step = _round_step((self.high - self.low) / max(about, 1))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]


def padded_scale(values: Sequence[float], start: float, end: float) -> Scale:
    """Return a scale over `values` and zero, with a twentieth of room on either side."""
    low, high = min([0.0, *values]), max([0.0, *values])
    room = 0.05 * ((high - low) or 1.0)
    return Scale(low - room if low < 0 else low, high + room, start, end)


def _round_step(rough: float) -> float:
    if rough <= 0 or not math.isfinite(rough):
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in _STEPS if step * power >= rough * (1 - 1e-9))


def tick_text(tick: float) -> str:
    """Write a round number without digits that say nothing: ``20``, ``0.5``, ``1,500``."""
    return f"{tick:,.10f}".rstrip("0").rstrip(".") if abs(tick) >= 1e-6 or tick == 0 else f"{tick:g}"


def element(name: str, content: str = "", **attributes: object) -> str:
    """Return one SVG element; ``class_`` means class, ``text_anchor`` means text-anchor; values are escaped."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"' for key, value in attributes.items()
    )
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def label(x: float, y: float, words: str, class_: str = "label", anchor: str = "start") -> str:
    """Return a line of text."""
    return element("text", escape(words), x=x, y=y, class_=class_, text_anchor=anchor)


def data_table(headings: Sequence[str], rows: Cells) -> str:
    """Return the numbers behind a picture as a table."""
    head = "".join(f'<th scope="col">{escape(words)}</th>' for words in headings)
    body = "".join(
        "<tr>"
        + f'<th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
        if row
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn chart.

    Attributes
    ----------
    message
        What the picture says, in one sentence; its accessible name and its caption.
    width, height
        Of the drawing, in pixels.
    body
        SVG elements.
    headings, rows
        The same numbers as a table.
    """

    message: str
    width: int
    height: int
    body: str
    headings: Sequence[str]
    rows: Cells


def figure(picture: Picture, key: str) -> str:
    """Return a picture as an accessible figure; `key` makes its ids unique on the page."""
    title = element("title", escape(picture.message), id=f"{key}-title")
    drawing = element(
        "svg",
        title + picture.body,
        role="img",
        aria_labelledby=f"{key}-title",
        viewBox=f"0 0 {picture.width} {picture.height}",
        width=picture.width,
        height=picture.height,
    )
    numbers = f"<details><summary>The numbers</summary>{data_table(picture.headings, picture.rows)}</details>"
    return f"<figure><figcaption>{escape(picture.message)}</figcaption>{drawing}{numbers}</figure>"


def figures(pictures: Sequence[Picture]) -> str:
    """Return several pictures, one below the other."""
    return "\n".join(figure(picture, f"picture-{index}") for index, picture in zip(count(1), pictures, strict=False))
