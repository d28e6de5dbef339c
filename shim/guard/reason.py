"""Why a guard tripped, as one sentence with both values and the next command.

What a divergence looked like is read from its sample, as it stands in the log and the ledger. A
binding says what its values mean; whatever it has no words for is named by its place.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shim.guard.evidence import Harm
from shim.guard.ruling import Ruling
from shim.shadow.differences import DifferenceKind

LONGEST_VALUE = 60
"""Characters of a value that a sentence holds."""

_OF_A_HARM: Mapping[str, tuple[DifferenceKind, ...]] = {
    Harm.WRONG_AMOUNT: (DifferenceKind.VALUE, DifferenceKind.MISSING, DifferenceKind.EXTRA),
    Harm.WRONG_RECIPIENT: (DifferenceKind.RECIPIENT, DifferenceKind.EXTRA, DifferenceKind.VALUE),
    Harm.NEW_ERROR: (DifferenceKind.ERROR,),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One difference of a sample. Values are text; one that is no single value is its size.

    `served` is whether the canonical served the user, so that a page was shown it.
    """

    comparison: str
    served: bool
    path: str
    kind: str
    expected: str
    actual: str

    @property
    def name(self) -> str:
        """The last step of the path."""
        return self.path.rpartition(".")[2]


WordsOf = Callable[[Seen], str | None]
"""What a difference means, without a full stop; None where a binding has no words for it."""


def reason(ruling: Ruling, samples: Mapping[str, str], words: WordsOf) -> str:
    """Return the sentence. `samples` are JSON by fingerprint, the most frequent one first."""
    seen = [(found, mark) for mark, sample in samples.items() for found in _differences(sample)]
    if not seen:
        return _without_marks(ruling)
    found, mark = min(seen, key=lambda each: _rank(each[0], ruling.limit, words))
    said = words(found) or _plain(found)
    begin = said if ruling.limit in _OF_A_HARM else f"{_without_marks(ruling)}, such as {said}"
    return f"{begin}; see `flask shadow replay {mark}`"


def _differences(sample: str) -> Iterable[Seen]:
    """Yield what a sample holds; nothing of one that is not what it should be."""
    try:
        line = json.loads(sample, parse_float=str, parse_int=str)
        for each in line["differences"]:
            yield Seen(
                str(line["comparison"]),
                line["serving"] == "canonical",
                str(each["path"]),
                str(each["kind"]),
                _value(each["expected"]),
                _value(each["actual"]),
            )
    except (ValueError, RecursionError, LookupError, TypeError):
        return


def _value(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:
        return _value(value[0])
    if isinstance(value, list | dict):
        return f"{len(value)} entries" if value else "nothing"
    text = "nothing" if value is None else str(value)
    text = "".join(each if each.isprintable() else "?" for each in text)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _rank(found: Seen, limit: str, words: WordsOf) -> tuple[int, bool]:
    """Return what sorts first the difference that a limit is about, and that has words."""
    kinds = list(map(str, _OF_A_HARM.get(limit, ())))
    place = kinds.index(found.kind) if found.kind in kinds else len(kinds)
    return place, words(found) is None


def _plain(found: Seen) -> str:
    return (
        f"{found.comparison} differs at {found.path or 'the whole'}: {found.expected} was"
        f" expected, canonical has {found.actual}"
    )


def _without_marks(ruling: Ruling) -> str:
    """Return the ruling without the fingerprints at its end."""
    return ruling.message.partition("; most often ")[0]
