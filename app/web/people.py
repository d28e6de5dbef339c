"""Which user a Telegram account belongs to, as the database knows it."""

import queue
import threading
from collections.abc import Callable
from typing import Protocol

import structlog
from sqlalchemy import select

from app.database import Database
from app.errors import DatabaseUnavailable
from app.models import User

_log = structlog.get_logger(__name__)

AT_ONCE = 500
"""Accounts that are looked up with one query: a restart brings thousands of pages back."""

Answer = Callable[[int | DatabaseUnavailable | None], None]
"""Is told the user, None if it is nobody's account, or why that is not known."""


class People(Protocol):
    """Knows whose account is whose."""

    def find(self, telegram_id: int) -> int | None:
        """Return the user's id, None if it is nobody's. Raises DatabaseUnavailable."""

    def ask(self, telegram_id: int, answer: Answer) -> None:
        """Call `answer`, on another thread."""


class KnownPeople:
    """Reads `users.telegram_id`; a service, whose thread answers those who must not wait."""

    def __init__(self, database: Database) -> None:
        self._database = database.read_only()
        self._asked: queue.SimpleQueue[tuple[int, Answer] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="people", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, unless the database holds it up."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._asked.put(None)
            thread.join(2.0)

    def find(self, telegram_id: int) -> int | None:
        """Return the user's id, None if it is nobody's. Raises DatabaseUnavailable."""
        return self._users_of({telegram_id}).get(telegram_id)

    def ask(self, telegram_id: int, answer: Answer) -> None:
        """Call `answer` on the thread, soon."""
        self._asked.put((telegram_id, answer))

    def _run(self) -> None:
        while (batch := self._batch()) is not None:
            try:
                users = self._users_of({telegram_id for telegram_id, _ in batch})
            except DatabaseUnavailable as error:
                self._tell([(answer, error) for _, answer in batch])
            else:
                self._tell([(answer, users.get(asked)) for asked, answer in batch])

    def _batch(self) -> list[tuple[int, Answer]] | None:
        """Wait for a question; return it with all that came meanwhile, None at the end."""
        found = [self._asked.get()]
        while len(found) < AT_ONCE and not self._asked.empty():
            found.append(self._asked.get())
        questions = [each for each in found if each is not None]
        return questions if len(questions) == len(found) else None

    def _tell(self, answers: list[tuple[Answer, int | DatabaseUnavailable | None]]) -> None:
        for answer, found in answers:
            try:
                answer(found)
            except Exception:  # noqa: BLE001 - the others are told all the same
                _log.exception("answer_failed")

    def _users_of(self, telegram_ids: set[int]) -> dict[int, int]:
        asked = select(User.telegram_id, User.id).where(User.telegram_id.in_(telegram_ids))
        return {row[0]: row[1] for row in self._database.rows(asked)}
