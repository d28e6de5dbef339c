"""The settings of who may listen."""

from dataclasses import dataclass, field
from typing import Any

from app import settings_checks
from app.environment import Environment

ALGORITHMS = ("HS256", "HS384", "HS512", "RS256", "ES256", "EdDSA")
_SHORTEST_SECRET = {"HS256": 32, "HS384": 48, "HS512": 64}


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token of production's must be: `key` is a secret for HS…, else a public key in PEM.

    `claim` holds the `users.id`.
    """

    key: str = field(repr=False)
    audience: str
    algorithm: str = "HS256"
    claim: str = "sub"


def admission_settings(env: Environment) -> dict[str, Any]:
    """Read who may listen; what is wrong is noted in `env.problems`."""
    modes = ("off", "report-only", "enforce")
    return {
        "admission": env.choice("SHIM_ADMISSION", "enforce", modes),
        "origins": env.checked("SHIM_ORIGINS", settings_checks.origins) or (),
        "bot_token": env.checked("SHIM_BOT_TOKEN", settings_checks.bot_token),
        "bot_id": env.checked("SHIM_BOT_ID", settings_checks.bot_id),
        "token_rules": _token_rules(env),
        "init_data_age_s": env.number(
            "SHIM_INIT_DATA_AGE_S", 86_400, int, least=60, most=2_592_000
        ),
    }


def _token_rules(env: Environment) -> TokenRules | None:
    key = env.text("SHIM_JWT_KEY", "")
    algorithm = env.choice("SHIM_JWT_ALGORITHM", "HS256", ALGORITHMS)
    audience = env.text("SHIM_JWT_AUDIENCE", "")
    claim = env.text("SHIM_JWT_CLAIM", "sub")
    if not key:
        if audience:
            env.problems.append(
                "SHIM_JWT_AUDIENCE is set and SHIM_JWT_KEY is not: set it, too, or unset both"
            )
        return None
    if not audience:
        env.problems.append(
            "SHIM_JWT_KEY is set and SHIM_JWT_AUDIENCE is not: name whom the tokens are for, their"
            ' "aud", so that one that was made for another service is no proof here'
        )
    if (flaw := _flaw_of_key(key, algorithm)) is not None:
        env.problems.append(f"SHIM_JWT_KEY {flaw}")
    return TokenRules(key=key, audience=audience, algorithm=algorithm, claim=claim)


def _flaw_of_key(key: str, algorithm: str) -> str | None:
    """Say why tokens cannot be checked with this key, without the key; None if they can."""
    if (least := _SHORTEST_SECRET.get(algorithm)) is not None:
        if "-----BEGIN" in key:
            return (
                f"is a key in PEM, and SHIM_JWT_ALGORITHM is {algorithm}, which takes a secret:"
                " set the algorithm that the tokens are signed with, such as RS256"
            )
        if len(key.encode()) < least:
            return f"has {len(key.encode())} bytes: {algorithm} takes a secret of at least {least}"
        return None
    # Not above: only a service whose tokens are signed with a key pair has a use for it.
    from jwt import PyJWTError, get_algorithm_by_name

    try:
        prepared = get_algorithm_by_name(algorithm).prepare_key(key)
    except (PyJWTError, ValueError, TypeError):
        prepared = None
    if prepared is None or hasattr(prepared, "private_bytes"):
        return f"is no public key in PEM, which {algorithm} takes: give what checks, not what signs"
    return None
