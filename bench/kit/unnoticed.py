"""Why nobody could notice a wrong candidate that is not flagged.

A file of ours says it itself, as UNNOTICED. For what the tool makes it is said here, by the module
and what the line that was changed has in it. What is not listed has no reason: it is to be looked
at, and counts as missed.
"""

import ast
from pathlib import Path

_REASONS = (
    ("", "_log.", "a line of the process's log: no page sees it"),
    ("service", "failures", "a number in a line of the process's log: no page sees it"),
    (
        "messages",
        "'pass numbers, text",
        "the words of an error that a caller of a custom message gets: no page is sent them",
    ),
    (
        "registry",
        "sum(map(len",
        "how many connections there are is told to operators, never to a page",
    ),
    ("registry", "users=len", "how many users there are is told to operators, never to a page"),
    (
        "delivery",
        "placed > since",
        "no fault: what is placed at the very version that the page shows changes nothing",
    ),
    (
        "delivery",
        "self._drop(user_id, connection)",
        "a dead page stays in the registry until its socket has ended, and is sent nothing",
    ),
    (
        "delivery",
        "if self._is_alive(user_id, connection)",
        "a dead page is not dropped, but is sent nothing until its socket has ended",
    ),
    ("delivery", "counters.", "a counter that operators see, never a page"),
)


def said_by(file: Path) -> str | None:
    """Return what a file says of itself, None if it says nothing."""
    for node in ast.parse(file.read_text()).body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id="UNNOTICED")], value=ast.Constant(value=str(reason))
            ):
                return reason
    return None


def reason_of(fault: str) -> str | None:
    """Return why nobody could notice a mutation of the tool, from what it says it changed."""
    module, _, changed = fault.partition(".py, line ")
    before = changed.partition(" becomes ")[0]
    return next((why for of, part, why in _REASONS if of in ("", module) and part in before), None)
