"""What shadow verification finds, and that it finds nothing where there is nothing.

Run it as `python bench/power.py [--quick | --full] [--candidates-only | --service-only]
[--json FILE]`. Three parts, each with the whole application under the traffic of its own callers
on several threads:

- wrong candidates of ours, one for each file in `bench/mutants`, or in the folder that the
  environment variable POWER_MUTANTS names;
- wrong candidates that mutmut makes of the canonical service, drawn by a seed;
- the service that ships, under flips, reconnects, reads that fail, and bookings of another process.
  The full form goes on until a million comparisons were made; the normal one says how sure what it
  found is. With `--service-only` this part is played alone.

A candidate is flagged if the report of stage shadow is no pass in one comparison or more. What
is not flagged is played once more, live, as if everybody had been moved to it, and what
browsers were shown is held against the database: that decides whether it should have been.

With `--candidates-only` the candidates of the folder are played as shadows, and the right one
beside them. The JSON then has a row for each, under the name of its file: whether it was flagged,
after how many `comparisons`, and `by` which of the three.
"""

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.kit import town
from bench.kit.found import Played, candidate_row, figures_of, not_compared, soak_rows
from bench.kit.mutants import OURS, RIGHT, Mutant, chosen_folder, mutants_in
from bench.kit.mutation import drawn
from bench.kit.table import Form, Report, Row, options_of
from bench.kit.trial import Trial
from bench.kit.trials import play_all
from shim.confidence import upper_bound

SEED = 4


@dataclass(frozen=True, slots=True)
class Size:
    """How much is played: comparisons and seconds of one mutant, bookings of one live run."""

    ours: int
    tools: int
    comparisons: int
    seconds: float
    bookings: int
    soak_comparisons: int
    soak_seconds: float
    within: float | None = None
    """Seconds after which no further wrong candidate of ours is begun."""


FULL = Size(
    ours=1_000,
    tools=20,
    comparisons=9_000,
    seconds=40.0,
    bookings=1_500,
    soak_comparisons=500_500,
    soak_seconds=3_000.0,
)
ALONE_COMPARISONS = 20_000
"""Comparisons of a candidate that is not flagged, where the candidates are played alone."""
NORMAL = Size(
    ours=1_000,
    tools=4,
    comparisons=9_000,
    seconds=15.0,
    bookings=1_000,
    soak_comparisons=500_500,
    soak_seconds=45.0,
    within=55.0,
)
QUICK = Size(
    ours=4,
    tools=1,
    comparisons=300,
    seconds=5.0,
    bookings=100,
    soak_comparisons=300,
    soak_seconds=5.0,
)
SIZES = {Form.FULL: FULL, Form.NORMAL: NORMAL, Form.QUICK: QUICK}


def main() -> None:
    """Play, print, and write the JSON if it is wanted."""
    parser = options_of("What shadow verification finds.")
    alone = parser.add_mutually_exclusive_group()
    alone.add_argument(
        "--candidates-only", action="store_true", help="play the candidates of the folder alone"
    )
    alone.add_argument(
        "--service-only", action="store_true", help="play the service that ships alone"
    )
    options = parser.parse_args()
    size = SIZES[options.form]
    report = Report()
    with TemporaryDirectory(prefix="power-") as folder:
        peaceful, contended = Path(folder) / "peaceful", Path(folder) / "contended"
        for template in (peaceful, contended):
            template.mkdir()
            town.found(template, contended=template is contended)
        if options.candidates_only:
            _alone(size, peaceful, report)
        elif options.service_only:
            _soak(size, peaceful, contended, report)
        else:
            _ours(size, peaceful, report)
            _tools(size, peaceful, Path(folder) / "mutants", report)
            _soak(size, peaceful, contended, report)
    report.finish(options.json)


def _alone(size: Size, template: Path, report: Report) -> None:
    folder = chosen_folder()
    found = mutants_in(folder)[: size.ours]
    print(f"\n{len(found)} candidates of {folder}, and the right one\n")
    if size is not QUICK:
        size = replace(FULL, comparisons=ALONE_COMPARISONS)
    played = _play([RIGHT, *found], size, template, live=False)
    report.add(
        "candidates",
        "  1 is flagged, 0 is not. The right candidate is played as they are, and must not be"
        " flagged.",
        [candidate_row(played[each.name]) for each in (RIGHT, *found)],
    )


def _ours(size: Size, template: Path, report: Report) -> None:
    folder = chosen_folder()
    found = mutants_in(folder)[: size.ours]
    # In its normal form not all are played: another order each time would be no benchmark.
    random.Random(SEED).shuffle(found)
    print(f"\n{len(found)} wrong candidates of {folder}, and the right one\n")
    played = _play([RIGHT, *found], size, template, within=size.within)
    if played[RIGHT.name].died:
        raise RuntimeError(f"the right candidate: {played[RIGHT.name].shadow['died']}")
    right, wrong = played[RIGHT.name], [each for name, each in played.items() if name != RIGHT.name]
    report.add(
        "wrong candidates",
        "  'After' is how many comparisons had been made when the first difference was seen; the"
        " right candidate\n  is played as they are, and must not be flagged.",
        [
            Row("played", "", "", len(wrong), 40 if size is FULL else None, at_least=True),
            Row("played", f"of {len(found)}", "%", 100 * len(wrong) / max(len(found), 1)),
            Row(RIGHT.name, "flagged", "", right.flagged, 0),
            Row(RIGHT.name, "not compared", "%", not_compared([right.shadow]), digits=2),
            *figures_of(wrong, told=folder == OURS),
        ],
    )


def _tools(size: Size, template: Path, folder: Path, report: Report) -> None:
    folder.mkdir()
    source = drawn(folder, seed=SEED)
    print(f"\n{size.tools} of the mutants that mutmut makes, drawn with seed {SEED}\n")
    running: list[Played] = []
    dead = 0
    while len(running) < size.tools:
        batch = [next(source) for _ in range(size.tools - len(running))]
        played = _play(batch, size, template).values()
        running += [each for each in played if not each.died]
        dead += sum(each.died for each in played)
    report.add(
        "mutants of the tool",
        f"  {dead} more were drawn with which the application does not run.",
        [
            Row("played", "", "", len(running), float(size.tools), at_least=True),
            *figures_of(running, told=True),
        ],
    )


def _play(
    mutants: Sequence[Mutant],
    size: Size,
    template: Path,
    *,
    live: bool = True,
    within: float | None = None,
) -> dict[str, Played]:
    """Play mutants as shadows, and `live` what was not flagged; print each when it is known.

    In their order, as many as can be begun `within` so many seconds.
    """
    played: dict[str, Played] = {}
    by_name = {mutant.name: mutant for mutant in mutants}

    def trial(mutant: Mutant, *, live: bool) -> Trial:
        return Trial(
            None if mutant.file is None else str(mutant.file),
            str(template),
            size.seconds,
            live=live,
            comparisons=size.comparisons,
            bookings=size.bookings,
            seed=SEED,
        )

    for name, result in play_all(((m.name, trial(m, live=False)) for m in mutants), within=within):
        played[name] = Played(by_name[name], result)
        if played[name].flagged or not live:
            print(played[name], flush=True)
    quiet = [each.mutant for each in played.values() if live and not each.flagged]
    for name, result in play_all((m.name, trial(m, live=True)) for m in quiet):
        played[name].live = result
        print(played[name], flush=True)
    return played


def _soak(size: Size, peaceful: Path, contended: Path, report: Report) -> None:
    """Play the right candidate under both kinds of traffic, side by side."""
    trials = {
        name: Trial(
            None,
            str(template),
            size.soak_seconds,
            comparisons=size.soak_comparisons,
            patient=True,
            contended=template is contended,
            hard=True,
            seed=SEED,
        )
        for name, template in (("one thread a user", peaceful), ("contended", contended))
    }
    rows: list[Row] = []
    for name, result in play_all(trials.items()):
        if "died" in result:
            raise RuntimeError(f"the right candidate, {name}: {result['died']}")
        rows += soak_rows(name, result)
    compared = sum(row.value for row in rows if row.measure == "comparisons")
    target = 1_000_000 if size is FULL else None
    false = int(sum(row.value for row in rows if row.measure == "false"))
    surely = 1_000_000 * upper_bound(false, int(compared))
    rows += [
        Row("both", "comparisons", "", compared, target, at_least=True),
        Row("both", "false, surely (95 %) at most", "of a million", surely),
    ]
    report.add(
        "the service that ships",
        "  With SHIM_SHADOW_CPU_PERCENT=100, and SHIM_SHADOW_DEADLINE_MS=20000 for a machine that"
        " has other things to do.\n  Under flips every 8 s, 20 reconnects a second, and every 45 s"
        " reads that fail, the second try as well. 'One\n  thread a user': legacy's figures are"
        " right, so nothing may differ. 'Contended': several threads and another\n  process book"
        " for one user; where saying differs, the log and the database must show that legacy's"
        " figure\n  was out of date when it was asked, or it counts as false.",
        rows,
    )


if __name__ == "__main__":
    main()
