"""What somebody shows to prove who they are."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class InitData:
    """What Telegram says of whoever opened the app: it proves a Telegram id."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A JSON Web Token of production's own sign-in: it proves a `users.id`."""

    text: str = field(repr=False)


Proof = InitData | Token
