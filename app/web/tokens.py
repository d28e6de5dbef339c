"""Which user a JSON Web Token of production's own sign-in names.

PyJWT checks the signature, by one algorithm that is set and never by the one that the token
names, and audience and expiry, both of which must be there. Tokens and key never go into a
message or a log.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import jwt

from app.settings_admission import TokenRules
from app.web.identity import OfUser, ProofError
from flags.user_id import InvalidUserIdError, user_id_of

MOST_CHARACTERS = 4096
SKEW = timedelta(seconds=30)
"""How far the clock of whoever made the token may be from ours."""


class TokenFlaw(StrEnum):
    """What is wrong with a token."""

    TOO_LONG = "token_too_long"
    MALFORMED = "token_malformed"
    FORGED = "token_forged"
    EXPIRED = "token_expired"
    FUTURE = "token_from_the_future"
    FOREIGN = "token_for_somebody_else"
    """Its audience is not SHIM_JWT_AUDIENCE."""
    NOBODY = "token_without_user"
    UNVERIFIABLE = "token_unverifiable"
    """SHIM_JWT_KEY is not set."""


class TokenError(ProofError):
    """A token that proves nothing; `flaw` says why."""

    def __init__(self, flaw: TokenFlaw) -> None:
        super().__init__(flaw, f"{flaw.replace('_', ' ')}: sign in anew")


class TokenVerifier:
    """Checks tokens by the one set of rules; without rules none is good."""

    def __init__(self, rules: TokenRules | None, *, utc_now: Callable[[], datetime]) -> None:
        self._rules = rules
        self._utc_now = utc_now

    def verify(self, token: str) -> OfUser:
        """Return the user that the token names. Raises TokenError."""
        if self._rules is None:
            raise TokenError(TokenFlaw.UNVERIFIABLE)
        if len(token) > MOST_CHARACTERS:
            raise TokenError(TokenFlaw.TOO_LONG)
        claims = _claims(token, self._rules)
        now = self._utc_now().timestamp()
        until = _time(claims, "exp", None)
        if now >= until:
            raise TokenError(TokenFlaw.EXPIRED)
        if max(_time(claims, "nbf", now), _time(claims, "iat", now)) > now + SKEW.total_seconds():
            raise TokenError(TokenFlaw.FUTURE)
        try:
            return OfUser(user_id_of(claims.get(self._rules.claim)), until=until)
        except InvalidUserIdError:
            raise TokenError(TokenFlaw.NOBODY) from None


def _claims(token: str, rules: TokenRules) -> dict[str, Any]:
    """Return what is in a token whose signature and audience are right."""
    try:
        return jwt.decode(
            token,
            rules.key,
            algorithms=[rules.algorithm],
            audience=rules.audience,
            options={
                "require": ["exp", "aud"],
                # Their times are compared with our clock; `sub` may be a number here.
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_sub": False,
            },
        )
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
        raise TokenError(TokenFlaw.FORGED) from None
    except jwt.InvalidAudienceError:
        raise TokenError(TokenFlaw.FOREIGN) from None
    except (jwt.InvalidTokenError, ValueError, RecursionError, OverflowError):
        raise TokenError(TokenFlaw.MALFORMED) from None


def _time(claims: dict[str, Any], name: str, default: float | None) -> float:
    """Return a time of the token in unix seconds."""
    value = claims.get(name, default)
    if type(value) in (int, float) and 0 <= value < 2**53:  # false for NaN, too
        return float(value)
    raise TokenError(TokenFlaw.MALFORMED)
