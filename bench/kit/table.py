"""Figures with their targets: as a table for people, as JSON for machines."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `subject` is what was measured, `measure` which figure of it this is.

    `target` is the most it may be, or the least if `at_least`; None where nothing was promised.
    `digits` are shown after the point. `name` replaces the row's name in the JSON, and `more`
    holds further fields of it there.
    """

    subject: str
    measure: str
    unit: str
    value: float
    target: float | None = None
    at_least: bool = False
    digits: int = 0
    name: str = ""
    more: Mapping[str, object] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the target is reached, None without one."""
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


@dataclass(slots=True)
class Report:
    """Sections of rows, each with a heading and notes on how to read it."""

    sections: list[tuple[str, str, list[Row]]] = field(default_factory=list)

    def add(self, heading: str, note: str, rows: Sequence[Row]) -> None:
        """Add a section and print it at once."""
        self.sections.append((heading, note, list(rows)))
        print(f"\n{heading}\n{note}\n")
        print(_table(rows))

    @property
    def missed(self) -> list[str]:
        """The names of the rows whose target is not reached."""
        return [
            _name(heading, row)
            for heading, _, rows in self.sections
            for row in rows
            if row.met is False
        ]

    def write(self, path: Path) -> None:
        """Write every row as JSON: {"rows": [{"name", "unit", "value", "target", "met"}]}."""
        rows = [
            {
                "name": _name(heading, row),
                "unit": row.unit,
                "value": row.value,
                "target": row.target,
                "met": row.met,
                **row.more,
            }
            for heading, _, rows in self.sections
            for row in rows
        ]
        path.write_text(json.dumps({"rows": rows}, indent=2) + "\n")

    def finish(self, json_file: Path | None) -> None:
        """Say whether all targets are reached, and write the JSON if it is wanted."""
        if json_file is not None:
            self.write(json_file)
        missed = self.missed
        print("\nAll targets are reached." if not missed else "\nNot reached:")
        for name in missed:
            print(f"  {name}")


class Form(StrEnum):
    """How much is measured: in its normal form a benchmark ends within four minutes."""

    QUICK = "quick"
    NORMAL = "normal"
    FULL = "full"


def options_of(description: str) -> argparse.ArgumentParser:
    """Return a parser of the options that every benchmark has: `--json`, `--quick`, `--full`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.set_defaults(form=Form.NORMAL)
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument(
        "--quick",
        action="store_const",
        dest="form",
        const=Form.QUICK,
        help="few repeats: shows that it runs, measures nothing",
    )
    forms.add_argument(
        "--full",
        action="store_const",
        dest="form",
        const=Form.FULL,
        help="as many repeats as the figures of the documents are made of: takes longer",
    )
    return parser


def arguments(description: str) -> argparse.Namespace:
    """Read the options that every benchmark has."""
    return options_of(description).parse_args()


def _name(heading: str, row: Row) -> str:
    return row.name or f"{heading}: {row.subject}: {row.measure}"


def _table(rows: Sequence[Row]) -> str:
    """One line per subject, its figures side by side, each with its target."""
    by_subject: dict[str, list[Row]] = {}
    for row in rows:
        by_subject.setdefault(row.subject, []).append(row)
    width = max(map(len, by_subject))
    return "\n".join(
        f"  {subject:<{width}}" + "".join(f"  {_cell(row):<{_room(row)}}" for row in cells).rstrip()
        for subject, cells in by_subject.items()
    )


def _room(row: Row) -> int:
    """Return the width of a cell, so that equal measures stand below each other."""
    return len(row.measure) + len(row.unit) + 9


def _cell(row: Row) -> str:
    text = f"{row.measure} {row.value:,.{row.digits}f} {row.unit}".strip()
    if row.target is None:
        return text
    bound = f"at {'least' if row.at_least else 'most'} {row.target:,.{row.digits}f}"
    return f"{text} ({bound}: {'met' if row.met else 'NOT MET'})"
