"""The rows that more than one part of the benchmark of the facade's cost prints."""

from collections.abc import Mapping

from bench.kit.table import Row
from bench.kit.timing import Variant, percentile


def rows_of(variant: Variant) -> list[Row]:
    """Return the median and p99 of a variant, and by how much it is over what it is put beside."""
    rows = [
        Row(variant.name, "median", "ns", variant.median),
        Row(variant.name, "p99", "ns", variant.p99),
    ]
    if variant.against is not None:
        rows += [
            Row(variant.name, f"over {variant.against.name}", "ns", variant.over),
            Row(variant.name, "half of the rounds within", "ns", variant.half_within),
        ]
    return rows


def late_rows(variant: Variant) -> list[Row]:
    """Return how long after they were due paced calls returned, waking up included."""
    if not variant.late:
        return []
    return [
        Row(variant.name, f"returned after due {name}", "ns", percentile(variant.late, percent))
        for name, percent in (("median", 50), ("p99", 99))
    ]


def fate(
    subject: str, offered: int, before: Mapping[str, int], after: Mapping[str, int]
) -> list[Row]:
    """Return what became of the calls that were offered to the shadows."""
    changes = {what: n - before.get(what, 0) for what, n in after.items()}
    return [
        Row(subject, "calls offered", "", offered),
        *(Row(subject, what, "", n) for what, n in changes.items() if n or what == "compared"),
    ]
