"""Several migrations follow the same flags and the same kill switch."""

from types import SimpleNamespace

import pytest

from shim.router import FlipsAll


def test_a_migration_that_cannot_flip_keeps_no_other_from_it() -> None:
    """What the first raised is raised, so that all of it is tried again."""
    flipped: list[str] = []

    def refuse(*_: object) -> None:
        raise RuntimeError("not now")

    routers = (
        SimpleNamespace(apply=refuse),
        SimpleNamespace(apply=lambda *_: flipped.append("second")),
    )
    with pytest.raises(RuntimeError, match="not now"):
        FlipsAll(routers).apply(None, None)  # type: ignore[arg-type]
    assert flipped == ["second"]
