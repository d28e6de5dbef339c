"""Another process that books, as a second worker does: `python -m bench.kit.elsewhere ...`.

It books by hand for one user after the other, in the database of a town, and tells nobody. It
ends with its standard input.
"""

import itertools
import random
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from app.credits import Credit, book
from app.database import Database
from app.errors import CreditError, DatabaseUnavailable
from app.money import Currency
from bench.kit import day

EVERY_S = 0.05
SOURCE = "elsewhere"
_ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def booking_elsewhere(folder: Path, url: str, users: Sequence[int], *, seed: int) -> Iterator[None]:
    """Have another process book for these users meanwhile, at the same time of day.

    Raises RuntimeError if it ended before it was told to.
    """
    given = (str(folder), url, str(seed), str(day.offset_s()))
    command = [sys.executable, "-m", "bench.kit.elsewhere", *given, *map(str, users)]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE) as process:
        yield
        if process.poll() is not None:
            raise RuntimeError(
                f"the other process ended, exit code {process.returncode}: see above"
            )
        process.communicate()


def _book(folder: Path, url: str, users: Sequence[int], seed: int) -> None:
    ended = threading.Event()
    threading.Thread(target=_wait, args=(ended,), daemon=True).start()
    chance, database = random.Random(seed), Database(url, instance_path=folder)
    for number in itertools.count():
        if ended.wait(EVERY_S):
            return
        credit = Credit(
            user_id=chance.choice(users),
            currency=chance.choice(list(Currency)),
            amount=Decimal(chance.randint(1, 3_000_000)).scaleb(-6),
            source=SOURCE,
            idempotency_key=f"{SOURCE}:{number}",
        )
        try:
            with database.transaction() as session:
                book(session, [credit])
        except (CreditError, DatabaseUnavailable):
            continue


def _wait(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    where, address, drawn_by, offset_s, *people = sys.argv[1:]
    day.set_by(float(offset_s))
    _book(Path(where), address, [int(each) for each in people], int(drawn_by))
