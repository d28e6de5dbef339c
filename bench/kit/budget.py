"""As many rounds as fit into the time that a part of a benchmark may take."""

import time
from collections.abc import Iterator


def rounds(most: int, *, within: float | None, least: int = 1) -> Iterator[int]:
    """Yield the numbers of rounds: `least` in any case, `most` at the most.

    In between, none is begun that would not end `within` so many seconds if it takes as long as
    those before it took on average. None is no bound.
    """
    began = time.monotonic()
    for number in range(most):
        spent = time.monotonic() - began
        if within is not None and number >= least and spent + spent / number > within:
            return
        yield number
