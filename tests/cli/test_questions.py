"""Questions by file: asked once, answered once by each worker, and cleaned up."""

import threading
from pathlib import Path
from typing import Any

import pytest

from app.adapters.questions import Questions


def echo(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Answer with the question itself."""
    return {"kind": kind, **payload}


def answering(folder: Path, *pids: int, handler: Any = echo) -> Questions:
    """Return questions whose waiting is what lets these workers take their turns."""
    worker = Questions(folder)

    def turn(_: float) -> None:
        for pid in pids:
            worker.answer_pending(pid, handler)

    moments = iter(range(1000))
    return Questions(folder, sleep=turn, monotonic=lambda: float(next(moments)))


def test_every_worker_answers_for_itself(tmp_path: Path) -> None:
    """Each pid's answer comes back under it, and no file is left."""
    questions = answering(tmp_path / "run", 11, 12)
    answers = questions.ask("why", {"user": 7}, pids=[11, 12], timeout=100)
    assert answers == {11: {"kind": "why", "user": 7}, 12: {"kind": "why", "user": 7}}
    assert list((tmp_path / "run").iterdir()) == []


def test_a_worker_that_does_not_answer_is_missing(tmp_path: Path) -> None:
    """The others' answers come back when the time is over."""
    answers = answering(tmp_path, 11).ask("why", {}, pids=[11, 12], timeout=5)
    assert answers == {11: {"kind": "why"}}
    assert list(tmp_path.iterdir()) == []


def test_a_handler_that_fails_answers_with_its_error(tmp_path: Path) -> None:
    """The asker learns what went wrong, the worker's thread goes on."""

    def fail(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        raise LookupError(f"nobody answers {kind}")

    answers = answering(tmp_path, 11, handler=fail).ask("what", {}, pids=[11], timeout=5)
    assert answers == {11: {"error": "LookupError: nobody answers what"}}


def test_a_question_is_answered_once(tmp_path: Path) -> None:
    """A worker that looks again before the asker reads does no work twice."""
    asked: list[str] = []

    def count(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        asked.append(kind)
        return {}

    answering(tmp_path, 11, 11, 11, handler=count).ask("why", {}, pids=[11], timeout=5)
    assert asked == ["why"]


def test_without_a_folder_nothing_is_asked(tmp_path: Path) -> None:
    """A worker may look before anybody made the folder."""
    Questions(tmp_path / "run").answer_pending(11, echo)
    assert not (tmp_path / "run").exists()


def test_what_others_left_behind_is_cleaned_up(tmp_path: Path) -> None:
    """A question whose asker was killed goes after a minute, an answer nobody fetched at once."""
    (tmp_path / "question-abandoned.json").write_text('{"kind": "why", "payload": {}}')
    (tmp_path / "question-half.json").write_text('{"kind')
    (tmp_path / "answer-late.11.json").write_text("{}")
    (tmp_path / "answer-late.12.json").write_text("{}")
    mtime = (tmp_path / "question-abandoned.json").stat().st_mtime
    Questions(tmp_path, now=lambda: mtime + 61).answer_pending(11, echo)
    assert [path.name for path in tmp_path.iterdir()] == ["answer-late.12.json"]


def test_two_askers_do_not_mix(tmp_path: Path) -> None:
    """Questions asked at the same time get their own answers."""
    worker = Questions(tmp_path)
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.001):
            worker.answer_pending(11, echo)

    answers: dict[int, Any] = {}

    def ask(user: int) -> None:
        answers[user] = Questions(tmp_path).ask("why", {"user": user}, pids=[11], timeout=30)

    threads = [threading.Thread(target=ask, args=(user,)) for user in range(1, 6)]
    answerer = threading.Thread(target=work)
    for thread in (answerer, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    answerer.join()
    assert {user: answer[11]["user"] for user, answer in answers.items()} == {
        user: user for user in range(1, 6)
    }


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """The system's own error names the path."""
    (tmp_path / "run").write_text("a file")
    with pytest.raises(OSError, match="run"):
        Questions(tmp_path / "run").ask("why", {}, pids=[11], timeout=1)
