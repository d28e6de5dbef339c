"""The bus between workers: who was notified here may be connected elsewhere."""

from typing import Protocol


class Bus(Protocol):
    """Carries hints from the worker that was told to the workers that hold the connections.

    At most once: a hint that is lost is made up for by the sweep, a message is not.
    """

    def publish(self, user_id: int) -> None:
        """Tell the other workers that this user's balance may have changed.

        Neither waits for anything nor raises.
        """

    def pass_on(self, user_id: int, text: str) -> None:
        """Have the other workers send this text frame to the connections they have of the user.

        Neither waits for anything nor raises.
        """


class InProcessBus:
    """The bus of a single worker: whoever is connected is connected here, and was hinted at."""

    def publish(self, user_id: int) -> None:
        """Do nothing: there is nobody else."""

    def pass_on(self, user_id: int, text: str) -> None:
        """Do nothing: there is nobody else."""
