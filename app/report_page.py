"""The report as one page that needs nothing else: charts are drawn in it, nothing is fetched."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import render_template
from jinja2 import Undefined

from app.activity import activity_rows
from app.charts import HEIGHT, WIDTH, bars, latencies, rate_chart
from app.known_words import known_lines, words
from app.report_text import noise_words, pairs, share
from shim.report import Report
from shim.report_groups import Group

MOST_GROUPS = 100
"""Groups that a page shows with their samples."""


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """A group with its samples as plain data."""

    group: Group
    samples: tuple[dict[str, Any], ...]


def report_page(report: Report) -> str:
    """Return the page as HTML. Whatever stands in a log is text on it, never markup."""
    return render_template(
        "report.html",
        report=report,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        share=share,
        noise=noise_words,
        known=known_lines(report.known, report.hits),
        named=[words(each) for each in report.known],
        pretty=_pretty,
        width=WIDTH,
        height=HEIGHT,
        rates={
            name: rate_chart(points, level=report.terms.level)
            for name, points in report.over_time.items()
        },
        activity=list(activity_rows(report.activity)),
        pairs=pairs,
        callers=bars(report.callers),
        kinds=bars(report.kinds),
        latency=latencies(report.latency),
        groups=[ShownGroup(group, _samples(group)) for group in report.groups[:MOST_GROUPS]],
        left_out=sum(group.count for group in report.groups[MOST_GROUPS:]) + report.ungrouped,
    )


def _samples(group: Group) -> tuple[dict[str, Any], ...]:
    """Return the samples that are what they were taken for: a line may only name the same."""
    found = []
    for raw in group.samples:
        try:
            sample = json.loads(raw)
        except (ValueError, RecursionError):
            continue
        if isinstance(sample, dict) and _is_of(group, sample):
            found.append(sample)
    return tuple(found)


def _is_of(group: Group, sample: dict[str, Any]) -> bool:
    return (sample.get("fingerprint"), sample.get("known")) == (group.fingerprint, group.known)


def _pretty(value: object) -> str:
    if isinstance(value, Undefined):
        return "nothing"  # a line of which only what the report needs is there
    return json.dumps(value, indent=2, ensure_ascii=False)
