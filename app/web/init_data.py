"""Who a Telegram Mini App was opened by, proven by its init data.

`init-data-py` checks the signature (in constant time), the age, and that no field comes twice.
What it leaves to us: how long the text may be, that it is not from the future, and that there
is a user in it. Init data and token never go into a message or a log.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

from init_data_py import errors, hash_token, validate_by_hash

from flags.user_id import InvalidUserIdError, user_id_of

MOST_CHARACTERS = 4096
"""Several times what Telegram sends."""
SKEW = timedelta(seconds=30)
"""How far Telegram's clock may be ahead of ours."""


class Flaw(StrEnum):
    """What is wrong with init data."""

    TOO_LONG = "init_data_too_long"
    MALFORMED = "init_data_malformed"
    FORGED = "init_data_forged"
    EXPIRED = "init_data_expired"
    FUTURE = "init_data_from_the_future"
    NOBODY = "init_data_without_user"
    UNVERIFIABLE = "init_data_unverifiable"
    """No SHIM_BOT_TOKEN is set."""


class InitDataError(ValueError):
    """Init data that proves nothing; `flaw` says why."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(f"{flaw.replace('_', ' ')}: open the app from Telegram anew")
        self.flaw = flaw


class InitDataVerifier:
    """Checks init data against the token of the one bot whose app this is."""

    def __init__(
        self, bot_token: str | None, *, max_age_s: int, utc_now: Callable[[], datetime]
    ) -> None:
        self._key = None if bot_token is None else hash_token(bot_token)
        self._max_age_s = max_age_s
        self._utc_now = utc_now

    def verify(self, init_data: str) -> int:
        """Return the id of the user whom Telegram vouches for. Raises InitDataError."""
        if self._key is None:
            raise InitDataError(Flaw.UNVERIFIABLE)
        if len(init_data) > MOST_CHARACTERS:
            raise InitDataError(Flaw.TOO_LONG)
        now = self._utc_now()
        try:
            verified = validate_by_hash(
                init_data, self._key, token_hashed=True, expires_in=self._max_age_s, now=now
            )
        except errors.HashInvalidError:
            raise InitDataError(Flaw.FORGED) from None
        except errors.ExpiredError:
            raise InitDataError(Flaw.EXPIRED) from None
        except (errors.InvalidInitDataError, ValueError, OverflowError, RecursionError):
            raise InitDataError(Flaw.MALFORMED) from None
        if verified.issued_at > now + SKEW:
            raise InitDataError(Flaw.FUTURE)
        try:
            return user_id_of(None if verified.user is None else verified.user.id)
        except InvalidUserIdError:
            raise InitDataError(Flaw.NOBODY) from None
