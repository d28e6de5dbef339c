"""Questions from the command line to running workers, by files in a folder they share.

What a worker knows of its own sockets is in its memory only, and a worker listens on no
port of its own. So a question is a file, and each worker puts its answer beside it.
"""

import json
import os
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from flags.files import read_whole, replace_file

POLL_S = 0.005
ABANDONED_S = 60.0
"""Age of a question above which nobody waits for its answer any more."""

Handler = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Answers a question of some kind about a payload, both ways in JSON's types."""


class Questions:
    """`question-<id>.json` and, by each worker, `answer-<id>.<pid>.json`."""

    def __init__(
        self,
        folder: Path,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder = folder
        self._now = now
        self._monotonic = monotonic
        self._sleep = sleep

    def ask(
        self, kind: str, payload: Mapping[str, Any], *, pids: Collection[int], timeout: float
    ) -> dict[int, dict[str, Any]]:
        """Return what each of these workers answers, at most `timeout` seconds later.

        A worker that does not answer in time is missing; one that failed answers with
        `error`. Raises OSError when the question cannot be put.
        """
        identity = uuid.uuid4().hex
        question = self._folder / f"question-{identity}.json"
        deadline = self._monotonic() + timeout
        text = json.dumps({"kind": kind, "payload": dict(payload)})
        answers: dict[int, dict[str, Any]] = {}
        try:
            replace_file(question, text, durable=False)
            while True:
                for pid in set(pids) - set(answers):
                    answer = _read(self._answer_path(identity, pid))
                    if answer is not None:
                        answers[pid] = answer
                if len(answers) == len(set(pids)) or self._monotonic() >= deadline:
                    return answers
                self._sleep(POLL_S)
        finally:
            question.unlink(missing_ok=True)
            for path in self._folder.glob(f"answer-{identity}.*.json"):
                path.unlink(missing_ok=True)

    def answer_pending(self, pid: int, handler: Handler) -> None:
        """Answer, as the worker `pid`, what is asked and not answered yet.

        Cheap when nothing is asked: one look at the folder. A handler that raises becomes
        an answer with `error`. Raises OSError when an answer cannot be written.
        """
        names = _names(self._folder)
        asked = {name[len("question-") : -len(".json")] for name in names if _is_question(name)}
        ending = f".{pid}.json"
        answered = {
            name[len("answer-") : -len(ending)]
            for name in names
            if name.startswith("answer-") and name.endswith(ending)
        }
        for identity in asked - answered:
            self._answer(identity, pid, handler)
        for identity in answered - asked:  # written after the asker had left
            self._answer_path(identity, pid).unlink(missing_ok=True)

    def _answer(self, identity: str, pid: int, handler: Handler) -> None:
        path = self._folder / f"question-{identity}.json"
        question = _read(path)
        if self._abandoned(path):
            path.unlink(missing_ok=True)
            return
        if question is None:  # another worker, or the one who asked, may be able to read it
            return
        try:
            answer = handler(question["kind"], question["payload"])
        except Exception as error:  # noqa: BLE001 - a question must not stop the worker's thread
            answer = {"error": f"{type(error).__name__}: {error}"}
        replace_file(self._answer_path(identity, pid), json.dumps(answer), durable=False)

    def _abandoned(self, path: Path) -> bool:
        """Tell whether whoever asked must have been ended before the answer."""
        try:
            return self._now() - path.stat().st_mtime > ABANDONED_S
        except FileNotFoundError:
            return True

    def _answer_path(self, identity: str, pid: int) -> Path:
        return self._folder / f"answer-{identity}.{pid}.json"


def _names(folder: Path) -> list[str]:
    """Return the names in the folder, none when it does not exist."""
    try:
        return os.listdir(folder)  # noqa: PTH208 - names alone, fifty times a second
    except FileNotFoundError:
        return []


def _is_question(name: str) -> bool:
    return name.startswith("question-") and name.endswith(".json")


def _read(path: Path) -> dict[str, Any] | None:
    """Return the object in the file, None if it is not there or not an object."""
    try:
        content = json.loads(read_whole(path, follow=False))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
