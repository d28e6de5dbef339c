"""Legacy's fault that a page ends with an older balance than it was shown before.

The connection-aware service waits, and then sends what its caller handed over; the other one sends
at once what it reads. Where both are asked for one user the older balance may come last.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from shim.balance.known import OLDER_COMES_LAST, known_if_mended
from shim.balance.saying import Said
from shim.shadow.result import Judgement

Balance = tuple[Decimal, Decimal]


def judged_as_older(
    judgement: Judgement, heard: Sequence[Said], newest: Balance | None
) -> Judgement:
    """Return the judgement as that of the fault, if there is a difference and it is just that.

    `heard` is what legacy said, in order; `newest` the balance with which the canonical ended.
    Legacy must have said that very balance to whoever then heard another one.
    """
    if judgement.known is not None or judgement.skipped is not None or newest is None:
        return judgement
    expected = judgement.expected
    if not isinstance(expected, Mapping) or not _came_before_the_last(heard, newest):
        return judgement
    mended = {**expected, "balance": dict(zip(("uni", "ton"), newest, strict=True))}
    return known_if_mended(
        judgement,
        mended,
        known=OLDER_COMES_LAST,
        expected={"last": "an older balance"},
        actual={"last": "the newest balance"},
    )


def _came_before_the_last(heard: Sequence[Said], newest: Balance) -> bool:
    """Tell whether whoever heard first was said the newest balance, and then another one."""
    own = [(said.uni, said.ton) for said in heard if said.recipient == heard[0].recipient]
    return bool(own) and own[-1] != newest and newest in own[:-1]
