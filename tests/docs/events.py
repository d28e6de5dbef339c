"""The names of the events that the code logs, read from its syntax trees."""

import ast
import re
from collections.abc import Iterator

from shim.log_records import Divergence
from tests.docs.documents import ROOT

LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
PUBLISHERS = {"publish", "_publish", "alarm", "_alarm"}
_EVENT = re.compile(r"[a-z]+(_[a-z]+)*")


def service_events() -> set[str]:
    """Return the events of the service log: what is said to a logger of structlog."""
    return {name for call in _calls() if _is_logging(call.func) for name in _names(call)}


def shadow_events() -> set[str]:
    """Return the events of the shadow log: what is published, by name or as a record."""
    named = {name for call in _calls() if _last(call.func) in PUBLISHERS for name in _names(call)}
    return named | {Divergence.__struct_config__.tag}


def _calls() -> Iterator[ast.Call]:
    for floor in ("app", "shim", "flags"):
        for path in (ROOT / floor).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield node


def _is_logging(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr in LEVELS
        and _last(function.value) == "_log"
    )


def _last(node: ast.expr) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def _names(call: ast.Call) -> Iterator[str]:
    """Yield the event of a call; one that is worked out cannot be documented."""
    first = call.args[0] if call.args else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        assert _EVENT.fullmatch(first.value), f"{first.value!r} is no name of an event"
        yield first.value
    elif _is_logging(call.func):
        raise AssertionError(f"line {call.lineno} logs an event without a fixed name")
