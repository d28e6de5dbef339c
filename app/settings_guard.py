"""The settings of the guard and of the ramp."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from app.environment import Environment
from app.settings_checks import secret_key
from flags.ramp import RAMP, checked_steps
from shim.guard.evidence import Harm
from shim.guard.judging import Guarded
from shim.guard.limits import GuardLimits
from shim.guard.plan import Criteria
from shim.shadow.result import Comparison


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """Whether a guard runs, what it goes by, whom it tells, and what the steps of the ramp need."""

    on: bool = True
    guarded: Guarded = field(default_factory=Guarded)
    webhook: str | None = field(default=None, repr=False)
    webhook_key: str | None = field(default=None, repr=False)
    """Signs what the webhook is told; None: one that follows from the signing key."""
    steps: tuple[int, ...] = RAMP
    criteria: Criteria = field(default_factory=lambda: Criteria(seconds=86_400.0, calls=1000))


def guard_settings(env: Environment) -> GuardSettings:
    """Read and check them; what is wrong is noted in `env.problems`."""
    limits = GuardLimits(
        alpha=env.number("SHIM_GUARD_ALPHA", 0.001, float, least=0.000001, most=0.5),
        tolerated=env.number("SHIM_GUARD_TOLERATED", 0.0001, float, least=0.000001, most=0.1),
        harms=dict.fromkeys(Harm, env.number("SHIM_GUARD_HARMS", 0, int, least=0, most=1_000_000)),
        errors=env.number("SHIM_GUARD_ERRORS", 0.01, float, least=0.0001, most=0.99),
        sends=env.number("SHIM_GUARD_SENDS", 0.05, float, least=0.0001, most=0.99),
        slowdown=env.number("SHIM_GUARD_SLOWDOWN", 8.0, float, least=1.1, most=10_000),
    )
    comparisons = env.checked("SHIM_GUARD_COMPARISONS", _comparisons) or (Comparison.TRUTH,)
    return GuardSettings(
        on=env.choice("SHIM_GUARD", "on", ("on", "off")) == "on",
        guarded=Guarded(limits, comparisons),
        webhook=env.checked("SHIM_GUARD_WEBHOOK", _webhook),
        webhook_key=env.checked("SHIM_GUARD_WEBHOOK_KEY", secret_key),
        steps=env.checked("SHIM_RAMP", _steps) or RAMP,
        criteria=Criteria(
            seconds=env.number("SHIM_RAMP_STEP_S", 86_400.0, float, least=0, most=31_536_000),
            calls=env.number("SHIM_RAMP_CALLS", 1000, int, least=1, most=1_000_000_000),
        ),
    )


def _comparisons(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if unknown := [name for name in names if name not in [*Comparison]]:
        raise ValueError(
            f"holds {unknown[0]!r}: give one or more of {', '.join(Comparison)}, with commas"
            " between them"
        )
    return tuple(Comparison(name) for name in names)


def _steps(text: str) -> tuple[int, ...]:
    try:
        steps = [int(step) for step in text.split(",")]
    except ValueError:
        raise ValueError(
            f"is {text!r}: give whole percentages with commas between them, such as"
            f" {','.join(map(str, RAMP))}"
        ) from None
    try:
        return checked_steps(steps)
    except ValueError as error:
        raise ValueError(f"is {text!r}: {error}") from error


def _webhook(text: str) -> str:
    """Return an address to be told; what is wrong with it is said without it: it may be secret."""
    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and parts.port != 0 and not any(map(str.isspace, text))
    except ValueError:  # a port that is no number
        usable, parts = False, urlsplit("")
    if not usable or parts.scheme not in ("http", "https") or parts.fragment:
        raise ValueError("is not an address that can be told: give https://… or http://…")
    return text
