"""What one flag says, once its Unleash definition was read: who is reached, by which rule."""

from dataclasses import dataclass

import mmh3

BUCKETS = 100


def bucket_of(group_id: str, user_id: int) -> int:
    """Return the user's bucket, 1..100, within a group.

    The formula is Unleash's own, murmur3 with seed 0 over "group:user". It must not be
    'improved': any other one moves users from one side to the other under a running rollout.
    """
    return mmh3.hash(f"{group_id}:{user_id}", 0, signed=False) % BUCKETS + 1


@dataclass(frozen=True, slots=True)
class FlagDefinition:
    """One flag: switched on or not, a percentage of all users, and users by name.

    `percentage` is 0..100 of everybody, bucketed by user id within `group_id`. `cohort`
    are the users that a user-id constraint lets through, whatever their bucket.
    """

    name: str
    enabled: bool
    percentage: int
    cohort: frozenset[int]
    group_id: str

    @property
    def reaches_nobody(self) -> bool:
        """Whether no user can be reached."""
        return not self.enabled or (self.percentage == 0 and not self.cohort)

    @property
    def reaches_everybody(self) -> bool:
        """Whether every user is reached."""
        return self.enabled and self.percentage == BUCKETS

    def bucket(self, user_id: int) -> int:
        """Return the user's bucket in this flag, 1..100."""
        return bucket_of(self.group_id, user_id)

    def reaches(self, user_id: int) -> bool:
        """Tell whether this definition, by itself, lets the user through."""
        return self.enabled and (user_id in self.cohort or self.bucket(user_id) <= self.percentage)


@dataclass(frozen=True, slots=True)
class Held:
    """What of a source waits for a person to let it through, and as of which revision."""

    definition: FlagDefinition
    revision: int
