"""A divergence of the farming income as the log shows it: what each side returned."""

from datetime import datetime

from flags.decision import FARMING_INCOME
from shim.lines import NameUser, observation_record, record_of
from shim.log_records import Divergence, ObservationRecord
from shim.shadow.episode import Episode
from shim.shadow.result import Result


def divergence_record(
    episode: Episode, result: Result, name_user: NameUser, *, at: datetime, number: int
) -> Divergence:
    """Return one divergence, with the amounts that both sides returned."""
    return record_of(
        episode,
        result,
        name_user,
        migration=FARMING_INCOME.migration,
        at=at,
        number=number,
        observations=tuple(observation_records(episode, name_user)),
    )


def observation_records(episode: Episode, _: NameUser) -> list[ObservationRecord]:
    """Return what each side returned, the one in charge first; an amount names nobody."""
    runs = [
        episode.live(episode.serving, ()),
        *(episode.shadow(side.name) for side in episode.shadows),
    ]
    return [observation_record(run) for run in runs]
