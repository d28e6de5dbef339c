"""A case with a stand-in for its user, fit to be kept among the tests."""

from collections.abc import Mapping

import msgspec

from shim.lines import difference_records
from shim.replay.case import SOMEBODY_ELSE, STAND_IN, AnyCase, Expected
from shim.replay.replayer import Replayer
from shim.shadow.result import Comparison, Result


def with_stand_in(
    case: AnyCase, found: Mapping[Comparison, Result], replayer: Replayer[AnyCase]
) -> AnyCase:
    """Return the case without its user's id, or anybody else's, with what a run of it found."""

    def name(user_id: int) -> int:
        return STAND_IN if user_id == case.user else SOMEBODY_ELSE

    return msgspec.structs.replace(
        replayer.without_names(case, name),
        user=STAND_IN,
        stand_in=True,
        differences=difference_records(case.differences, name),
        expected={
            comparison: Expected(result.outcome, result.fingerprint, result.reason)
            for comparison, result in found.items()
        },
    )
