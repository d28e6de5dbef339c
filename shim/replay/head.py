"""What is written into a case of whatever migration, from an episode or from a line of the log."""

from datetime import datetime
from typing import Any

from shim.lines import difference_records
from shim.log_records import Divergence
from shim.replay.case import STAND_IN, CaseError, Source
from shim.shadow.episode import Episode
from shim.shadow.result import Result


def head_of(episode: Episode, result: Result, at: datetime) -> dict[str, Any]:
    """Return the fields that follow from an episode that was compared."""
    return {
        "source": Source.RECORD,
        "recorded_at": at,
        "user": episode.subject,
        "stand_in": False,
        "serving": episode.serving,
        "control": episode.serving,
        "candidate": episode.shadows[0].name,
        "comparison": result.comparison,
        "fingerprint": result.fingerprint or "",
        "known": result.known,
        "differences": difference_records(result.differences, _as_it_is),
    }


def head_of_line(line: Divergence) -> dict[str, Any]:
    """Return the fields that follow from a line. Raises CaseError if it tells too little."""
    if not line.observations or not line.calls:
        raise CaseError(
            "the line has neither observations nor calls: it was cut to a sample; name a whole line"
        )
    return {
        "source": Source.LOG,
        "recorded_at": line.at,
        "user": STAND_IN,
        "stand_in": True,
        "serving": line.serving,
        "control": line.serving,
        "candidate": line.observations[1].side if len(line.observations) > 1 else "",
        "comparison": line.comparison,
        "fingerprint": line.fingerprint,
        "known": line.known,
        "differences": line.differences,
    }


def since(start: float, moment: float) -> float:
    """Return the seconds from the episode's first call to a moment."""
    return round(moment - start, 6)


def _as_it_is(user_id: int) -> int:
    return user_id
