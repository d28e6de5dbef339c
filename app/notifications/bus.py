"""The bus between workers: who was notified here may be connected elsewhere."""

from typing import Protocol


class Bus(Protocol):
    """Carries hints from the worker that was told to the workers that hold the connections.

    At most once: what is lost is found by the sweep.
    """

    def publish(self, user_id: int) -> None:
        """Tell the other workers that this user's balance may have changed.

        Neither waits for anything nor raises.
        """


class InProcessBus:
    """The bus of a single worker: whoever is connected is connected here, and was hinted at."""

    def publish(self, user_id: int) -> None:
        """Do nothing: there is nobody else."""
