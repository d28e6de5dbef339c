"""What left on each page of a life, beside what should have."""

from collections.abc import Sequence

from shim.balance.life.page import Sitting
from shim.balance.life.stage import Stage
from shim.balance.truth import Record, frames_expected, frames_seen
from shim.balance.waits import IN_TIME
from shim.shadow.differences import Each, Errors
from shim.shadow.effects import Effect
from shim.shadow.latency import OF_A_FIRST_WORD
from shim.shadow.observation import Raised
from shim.sides import Side


def verdict(stage: Stage, raised: Raised | None) -> tuple[dict[str, object], dict[str, object]]:
    """Return what should have been seen of the life that was played last, and what was.

    `raised` is what ended it before its time.
    """
    pages_due, pages, texts_due, texts, waited = Each(), Each(), Each(), Each(), Each()
    for number, sitting in enumerate(stage.sittings, start=1):
        alias = f"page {number}"
        seen, due = _frames(stage, sitting, whole=raised is None)
        if seen:
            pages[alias] = seen
        if due:
            pages_due[alias] = due
        if sitting.texts or (sitting.texts_due and not sitting.is_over):
            texts[alias], texts_due[alias] = _texts(sitting)
        if sitting.waited > 0:
            waited[alias] = OF_A_FIRST_WORD.class_of(sitting.waited)
    unasked = stage.wire.strays or any(sitting.unasked for sitting in stage.sittings)
    return (
        {
            "pages": pages_due,
            "texts": texts_due,
            "waited": Each(dict.fromkeys(waited, IN_TIME)),
            "unasked": "nothing",
            "registered": stage.registered if raised else len(stage.open_pages()),
            "raised": Errors([]),
        },
        {
            "pages": pages,
            "texts": texts,
            "waited": waited,
            "unasked": "a frame" if unasked else "nothing",
            "registered": stage.registered,
            "raised": Errors([] if raised is None else [f"{raised.kind}: {raised.message}"]),
        },
    )


def _frames(
    stage: Stage, sitting: Sitting, *, whole: bool
) -> tuple[Sequence[object], Sequence[object]]:
    truth = stage.reader.accounts[sitting.user].whole()
    seen: list[object] = []
    due: list[object] = []
    for frame, before, said_at in zip(sitting.frames, sitting.before, sitting.said_at, strict=True):
        effect = Effect("send", Side.CANONICAL_SHADOW, "", frame, 0.0)
        seen += frames_seen([effect], utc_at=lambda _, at=said_at: at)  # type: ignore[misc]
        if before is not None:
            due += frames_expected(
                [effect],
                subject=sitting.user,
                truth=truth,
                record=Record(before),
                seen=before,
            )
    shown = sitting.knows
    newest = stage.due[sitting.user]
    if whole and not sitting.is_over and shown < newest:
        due += frames_expected(
            [], subject=sitting.user, truth=truth, record=Record(shown), seen=newest
        )
    return seen, due


def _texts(sitting: Sitting) -> tuple[list[object], list[object]]:
    """Return what callers' messages a page got, and which it should have."""
    seen: list[object] = [
        {name: message.get(name) for name in ("type", "userId", "data")}
        for message in sitting.texts
    ]
    due = sitting.texts_due[: len(seen)] if sitting.is_over else sitting.texts_due
    return seen, [{"type": "note", "userId": sitting.user, "data": {"number": n}} for n in due]
