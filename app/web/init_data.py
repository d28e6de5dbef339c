"""Which Telegram account opened the app, proven by its init data.

`init-data-py` checks the signature (in constant time), the age, and that no field comes twice.
What it leaves to us: how long the text may be, that it is not from the future, and that there
is a user in it. Init data and token never go into a message or a log.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from init_data_py import InitData, errors, hash_token, validate_by_hash, validate_by_signature

from app.web.identity import OfTelegram, ProofError
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
    OF_NO_USER = "init_data_of_no_user"
    """Nobody's `users.telegram_id` is this account."""
    UNVERIFIABLE = "init_data_unverifiable"
    """Neither SHIM_BOT_TOKEN nor SHIM_BOT_ID is set."""


class InitDataError(ProofError):
    """Init data that proves nothing; `flaw` says why."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw, f"{flaw.replace('_', ' ')}: open the app from Telegram anew")


class InitDataVerifier:
    """Checks init data of the one bot whose app this is.

    With its token by the hash that Telegram makes with it; without it by Telegram's own Ed25519
    signature, for the bot with this id.
    """

    def __init__(
        self,
        bot_token: str | None,
        *,
        bot_id: int | None = None,
        max_age_s: int,
        utc_now: Callable[[], datetime],
    ) -> None:
        self._validate: Callable[..., InitData] | None = None
        if bot_token is not None:
            self._validate = partial(
                validate_by_hash, bot_token=hash_token(bot_token), token_hashed=True
            )
        elif bot_id is not None:
            self._validate = partial(validate_by_signature, bot_id=bot_id)
        self._max_age_s = max_age_s
        self._utc_now = utc_now

    def verify(self, init_data: str) -> OfTelegram:
        """Return the account that Telegram vouches for. Raises InitDataError."""
        if self._validate is None:
            raise InitDataError(Flaw.UNVERIFIABLE)
        if len(init_data) > MOST_CHARACTERS:
            raise InitDataError(Flaw.TOO_LONG)
        now = self._utc_now()
        try:
            verified = self._validate(init_data, expires_in=self._max_age_s, now=now)
        except (
            errors.HashInvalidError,
            errors.SignatureInvalidError,
            errors.SignatureMissingError,
        ):
            raise InitDataError(Flaw.FORGED) from None
        except errors.ExpiredError:
            raise InitDataError(Flaw.EXPIRED) from None
        except (errors.InvalidInitDataError, ValueError, OverflowError, RecursionError):
            raise InitDataError(Flaw.MALFORMED) from None
        if verified.issued_at > now + SKEW:
            raise InitDataError(Flaw.FUTURE)
        try:
            account = user_id_of(None if verified.user is None else verified.user.id)
        except InvalidUserIdError:
            raise InitDataError(Flaw.NOBODY) from None
        return OfTelegram(account, until=verified.issued_at.timestamp() + self._max_age_s)
