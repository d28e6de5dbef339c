"""Signatures on what hosts share, under a key that is read on first use."""

from collections.abc import Callable

from app.notifications.seal import BrokenSealError, Seal


class StoreSeal:
    """A `Seal` for one purpose. May be used from any thread."""

    def __init__(self, secret: Callable[[], bytes], *, purpose: str) -> None:
        self._secret = secret
        self._purpose = purpose
        self._seal: Seal | None = None

    def close(self, body: bytes) -> bytes:
        """Return the body with its signature. Raises BrokenSealError without a key."""
        return self._with_key().close(body)

    def open(self, sealed: bytes) -> bytes:
        """Return the body. Raises BrokenSealError."""
        return self._with_key().open(sealed)

    def _with_key(self) -> Seal:
        if self._seal is None:
            try:
                self._seal = Seal(self._secret(), purpose=self._purpose)
            except OSError as error:
                raise BrokenSealError(f"the key cannot be read: {error}") from error
        return self._seal
