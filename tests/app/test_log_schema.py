"""Every line of a real log is valid against the schema that lies in the project."""

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from app.settings import Settings
from shim.log_schema import SCHEMA_FILE, log_schema
from tests.app.test_report import counts, divergence, told, total
from tests.app.test_shadow_log import farm, lines_of, shadowed  # noqa: F401 - a fixture
from tests.application import Built

HEAD = {"v": 1, "host": "h", "worker": 1, "started": 1.5}


def problems(line: dict[str, Any]) -> list[str]:
    """Return what is wrong with a line."""
    schema = json.loads(SCHEMA_FILE.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(line)]


def test_the_schema_in_the_project_is_that_of_the_records() -> None:
    """Whoever changes a record changes the file: `json.dumps(log_schema(), indent=2)`."""
    assert json.loads(SCHEMA_FILE.read_text()) == json.loads(json.dumps(log_schema()))


def test_every_line_of_a_real_log_is_valid(
    shadowed: Callable[..., Built],  # noqa: F811
    settings: Settings,
) -> None:
    """Divergences, counts, and what the shadows say of their own trouble."""
    built = shadowed()
    farm(built)
    publish = built.parts.shadowing.publisher.publish
    publish("shadow_stuck", side=None, deadline=1.0, episodes=3)
    built.parts.runtime.stop()
    lines = lines_of(settings.log_path)
    assert {line["event"] for line in lines} == {"divergence", "shadow_counts", "shadow_stuck"}
    assert [problem for line in lines for problem in problems(line)] == []


def without(line: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a line that lacks a field."""
    return {key: value for key, value in line.items() if key != name}


@pytest.mark.parametrize(
    "line",
    [
        {},
        counts(v=2),
        without(counts(), "v"),
        counts(calls=-1),
        divergence(email="somebody@example.org"),
        divergence(known=5),
        divergence(number=-1),
        told(total(-1)),
        told(total(1, comparison="taste")),
        told(worker="one"),
        {**HEAD, "event": "shadow_stuck", "at": "2026-01-01T00:00:00Z", "user": {"id": 5}},
        {"event": "shadow_stuck", "at": "2026-01-01T00:00:00Z"},
    ],
)
def test_other_lines_are_not(line: dict[str, Any]) -> None:
    """Another version, a field that nobody thought of, numbers that cannot be."""
    assert problems(line)
