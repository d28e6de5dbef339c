"""Of whom something may still be said that belongs to an episode which is closed."""

from collections.abc import Collection, Iterable

from shim.shadow.world import World


class Carried:
    """Subjects whose episode was closed by force or given up, until nothing of it is pending."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._subjects: set[int] = set()

    def __contains__(self, subject: int) -> bool:
        return subject in self._subjects

    def add(self, subjects: Iterable[int]) -> None:
        """Trust these no longer."""
        self._subjects.update(subjects)

    def forget_settled(self, besides: Collection[int]) -> None:
        """Trust those again that have nothing pending, `besides` those with an open episode.

        With the shadows as well: what they still had to say would be said in the next episode.
        """
        for subject in self._subjects.difference(besides):
            if self._world.live_is_idle(subject) and self._shadows_are_idle(subject):
                self._subjects.discard(subject)

    def _shadows_are_idle(self, subject: int) -> bool:
        """Ask all shadows; one that cannot say is found out by its next episode."""
        try:
            return all(side.is_idle(subject) for side in self._world.sides)
        except BaseException:  # noqa: BLE001 - a shadow may raise anything at all
            return True
