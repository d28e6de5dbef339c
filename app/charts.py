"""What the report's page draws: numbers turned into places on a plot. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from shim.confidence import upper_bound
from shim.report import Point

WIDTH, HEIGHT = 960.0, 150.0


@dataclass(frozen=True, slots=True)
class Tick:
    """A label on an axis; `at` is its place on the plot."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Dot:
    """One measured point, with what is said of it."""

    x: float
    y: float
    title: str


@dataclass(frozen=True, slots=True)
class RateChart:
    """A rate over time: a line, and above it the bound as an area."""

    line: str
    area: str
    dots: tuple[Dot, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its `share` of the longest, from 0 to 100, and of all."""

    name: str
    count: int
    length: float
    share: float


@dataclass(frozen=True, slots=True)
class SideLatency:
    """How long the calls of one side took, by class; `quantiles` are upper ends of classes."""

    side: str
    calls: int
    quantiles: tuple[tuple[str, str, float], ...]
    """Name, time in words, and length from 0 to 100 on a logarithmic scale."""


def rate_chart(points: Sequence[Point], *, level: float) -> RateChart | None:
    """Return the chart of one comparison, None where nothing was compared."""
    if not points:
        return None
    bounds = [upper_bound(point.diverged, point.compared, level=level) for point in points]
    begin, end = points[0].at, points[-1].at
    top = _round_up(max(bounds))

    def x(at: float) -> float:
        return round(WIDTH * (at - begin) / (end - begin), 1) if end > begin else WIDTH / 2

    def y(rate: float) -> float:
        return round(HEIGHT * (1 - rate / top), 1)

    places = [x(point.at) for point in points]
    rates = [point.diverged / point.compared for point in points]
    upper = [f"{place},{y(bound)}" for place, bound in zip(places, bounds, strict=True)]
    lower = [f"{place},{y(rate)}" for place, rate in zip(places, rates, strict=True)]
    return RateChart(
        line=" ".join(lower),
        area=" ".join([*upper, *reversed(lower)]),
        dots=tuple(
            Dot(place, y(rate), _said(point, rate, bound))
            for place, point, rate, bound in zip(places, points, rates, bounds, strict=True)
        ),
        across=tuple(Tick(x(at), _clock(at)) for at in sorted({begin, (begin + end) / 2, end})),
        up=tuple(Tick(y(top * part), f"{top * part:.3%}") for part in (0, 0.5, 1)),
    )


def bars(counts: Mapping[str, int], *, most: int = 15) -> tuple[Bar, ...]:
    """Return the largest counts as bars, the rest as one."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = ordered[:most]
    if rest := sum(count for _, count in ordered[most:]):
        shown.append((f"{len(ordered) - most} others", rest))
    total = sum(count for _, count in shown)
    longest = max((count for _, count in shown), default=0)
    return tuple(
        Bar(name, count, 100 * count / longest, count / total) for name, count in shown if count
    )


def latencies(sides: Mapping[str, Mapping[int, int]]) -> tuple[SideLatency, ...]:
    """Return each side's quantiles, all on one scale."""
    slowest = max((max(classes) for classes in sides.values() if classes), default=2)
    return tuple(
        SideLatency(
            side,
            sum(classes.values()),
            tuple(
                (name, _words(below), 100 * math.log2(below) / math.log2(max(slowest, 2)))
                for name, part in (("median", 0.5), ("p90", 0.9), ("p99", 0.99))
                for below in (quantile(classes, part),)
            ),
        )
        for side, classes in sorted(sides.items())
        if any(classes.values())
    )


def quantile(classes: Mapping[int, int], part: float) -> int:
    """Return the class, by its upper end, that holds this part of all."""
    wanted, seen = part * sum(classes.values()), 0
    for below in sorted(classes):
        seen += classes[below]
        if seen >= wanted:
            return below
    return max(classes)


def _words(microseconds: int) -> str:
    if microseconds < 1000:
        return f"< {microseconds} us"
    if microseconds < 1_000_000:
        return f"< {microseconds / 1000:.3g} ms"
    return f"< {microseconds / 1e6:.3g} s"


def _said(point: Point, rate: float, bound: float) -> str:
    return (
        f"{_clock(point.at)}: {point.diverged} of {point.compared} diverged"
        f" ({rate:.3%}), at most {bound:.3%}"
    )


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _round_up(rate: float) -> float:
    """Return a round number that is at least `rate`."""
    step = 10.0 ** math.floor(math.log10(max(rate, 1e-9)))
    return min(next(step * n for n in (1, 2, 5, 10) if step * n >= rate), 1.0)
