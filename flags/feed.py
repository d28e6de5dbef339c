"""How bodies of flags reach a provider from somewhere else."""

from typing import Protocol


class Inbox(Protocol):
    """Takes what each question to a flag server came to. Called by one thread at a time."""

    @property
    def seen_revision(self) -> int:
        """The newest revision that the server was seen at, followed or not."""

    def take_body(self, text: str) -> bool:
        """Judge a body; return whether all of it is followed and need not be sent again."""

    def take_unchanged(self) -> None:
        """Note that the server holds what was sent last."""

    def take_failure(self, why: str) -> None:
        """Note that no flags were had."""


class Feed(Protocol):
    """Asks a flag server again and again, from a thread of its own."""

    def start(self, inbox: Inbox) -> None:
        """Begin to ask; waits for nothing."""

    def stop(self) -> None:
        """Stop asking, within two seconds."""

    def ask_once(self, inbox: Inbox) -> None:
        """Ask one question, and return within some seconds."""

    def hurry(self, revision: int = 0) -> None:
        """Ask now, and go on until the server is at `revision`."""
