"""What a worker passes on to the others of its host when the flag server was turned."""

import json
from pathlib import Path

from app.adapters.flag_hints import FileHints
from app.flag_hints import REPEATED_S, FlagHints


def test_hints_of_a_restored_server_are_passed_on(tmp_path: Path) -> None:
    """Its numbers are lower than those before: within seconds they are no repetition any more."""
    now, file = [100.0], tmp_path / "hint.json"
    hints = FlagHints(
        lambda revision: None, file=FileHints(file), redis=None, monotonic=lambda: now[0]
    )

    def passed_on(revision: int) -> bool:
        file.unlink(missing_ok=True)
        hints.tell(revision)
        return file.exists() and json.loads(file.read_text()) == {"revision": revision}

    assert passed_on(2**53 - 1)
    assert not passed_on(2**53 - 1)
    assert not passed_on(11)
    now[0] += REPEATED_S
    assert passed_on(11)
    assert passed_on(12)
    assert not passed_on(12)
