"""What the sockets can hold and send, beside Node's ws and others, all measured in one run.

    python bench/sockets.py [--quick | --full] [--json FILE]

Each server has one core and the clients, one process written in C, another. A peer's turn is
a fresh server; the turns are interleaved, and figures against Node's ws are the median of the
ratios within a round. Everything stays on the loopback interface. What the figures mean:

- pushes: frames that arrived per second of the server's CPU time. With one waiting, a browser's
  next frame is put into words when its last one has left; with four, while up to four wait.
- updates: bookings per second from the first until the last balance is shown. The age of a
  balance is its arrival less the newest booking in it; in ours there are the 100 ms for which a
  window waits for the next booking, at the end of the stream if not before. Every browser must
  end on its user's last balance. While a server books as fast as it can, balances are as old as
  the queue is long that it makes itself. So ours is also offered three quarters of what it has
  just accepted, for so long that the end, where no next booking comes, is less than a hundredth
  of what is shown. The targets are for that run, all at once.
- stalled: 8 KB to each, ten times a second, a tenth of the browsers not reading: the p99 of the
  others from when the kernels take no more for those who stall, beside the p99 without them.
- browsers: resident memory that an idle connection adds, threads of the server's process, and
  the seconds until all are subscribed again after all were cut off at once.
- time of a push: microseconds of the server's core by stage, each measured alone, and the whole.
- senders: eight threads send to the same sockets; corrupt is what no browser may be sent.
"""

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.kit import budget
from bench.kit.processes import ROOT, Clients, Peer, compile_clients, cores, install_ws, sitting
from bench.kit.sittings import FULL, NORMAL, OURS, QUICK, Figures, Size, few, many, shaken
from bench.kit.stages import STAGES, cost_of_stages
from bench.kit.table import Form, Report, Row, arguments

WS, WEBSOCKETS, FLASK_SOCK = "Node ws", "websockets", "flask-sock"
PEER_THREADS = 40
P99_MS = 110
SIZES = {Form.FULL: FULL, Form.NORMAL: NORMAL, Form.QUICK: QUICK}

Turn = Callable[[Peer, Clients, Size], Figures]
Results = dict[str, list[Figures]]


class Bench:
    """The peers and how to start them; addresses differ, so that no port is waited for."""

    def __init__(self, size: Size, folder: Path) -> None:
        self.size = size
        self.program, self.deflates = compile_clients(folder)
        node, ws = install_ws()
        python = [sys.executable, "-m"]
        self._commands = {
            OURS: ([*python, "bench.peers.ours", "PORT"], ROOT),
            WS: ([node, str(ROOT / "bench/peers/ws.mjs"), "PORT"], ws),
            WEBSOCKETS: ([*python, "bench.peers.websockets_server", "PORT"], ROOT),
            FLASK_SOCK: ([*python, "bench.peers.flask_sock", "PORT", str(size.few)], ROOT),
        }
        self._source = 1

    def turn(self, name: str, measure: Turn) -> Figures:
        """Measure one peer once."""
        command, folder = self._commands[name]
        self._source = self._source % 250 + 1
        with sitting(name, command, folder=folder, program=self.program, source=self._source) as (
            peer,
            clients,
        ):
            return measure(peer, clients, self.size)

    def play(self, names: Iterable[str], measure: Turn, within: float | None) -> Results:
        """Give each peer its turn in each round, `within` so many seconds."""
        names = tuple(names)
        results: Results = {name: [] for name in names}
        for round_ in budget.rounds(self.size.repeats, within=within):
            for name in names[round_ % len(names) :] + names[: round_ % len(names)]:
                results[name].append(self.turn(name, measure))
                print(".", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        return results


def median(results: Results, name: str, figure: str) -> float:
    """Return the median over the rounds."""
    return statistics.median(figures[figure] for figures in results[name])


def ratio(results: Results, figure: str, name: str = OURS) -> float:
    """Return the median of the ratios to Node's ws in the same round."""
    pairs = zip(results[name], results[WS], strict=True)
    return statistics.median(a[figure] / b[figure] for a, b in pairs)


def pushes(results: Results, least: float) -> list[Row]:
    """Each peer's pushes, one frame at a time on a socket and up to four."""
    rows = []
    for name in results:
        for depth in ("one", "four"):
            figure = f"pushes per core {depth}"
            rows.append(Row(name, f"{depth} waiting:", "/s", median(results, name, figure)))
            target = least if name == OURS else None
            if name != WS:
                against = ratio(results, figure, name)
                rows.append(Row(name, "against ws", "x", against, target, at_least=True, digits=2))
    return [
        Row(r.subject, f"{r.measure} ({rows[i - 1].measure[:-1]})", *_rest(r))
        if r.unit == "x"
        else r
        for i, r in enumerate(rows)
    ]


def _rest(row: Row) -> tuple[str, float, float | None, bool, int]:
    return row.unit, row.value, row.target, row.at_least, row.digits


def updates(results: Results) -> list[Row]:
    """Each peer's updates, how old they are on arrival, and who ended on a wrong balance."""
    rows = []
    for name in results:
        rows.append(Row(name, "accepted", "/s", median(results, name, "accepted")))
        if name != WS:
            against = ratio(results, "accepted", name)
            rows.append(Row(name, "against ws", "x", against, digits=2))
        rows += [
            Row(name, "p50", "ms", median(results, name, "p50")),
            Row(name, "p99", "ms", median(results, name, "p99")),
            Row(name, "wrong at the end", "users", median(results, name, "wrong")),
        ]
    return rows


def offers(results: Results) -> list[Row]:
    """Return the same of ours at the rate that it is offered, beside the most that ws accepts."""
    pairs = zip(results[OURS], results[WS], strict=True)
    against = statistics.median(a["accepted offered"] / b["accepted"] for a, b in pairs)
    figure = partial(median, results, OURS)
    return [
        Row(OURS, "accepted, offered", "/s", figure("accepted offered")),
        Row(OURS, "against ws, offered", "x", against, 5, at_least=True, digits=2),
        Row(OURS, "p50, offered", "ms", figure("p50 offered")),
        Row(OURS, "p99, offered", "ms", figure("p99 offered"), P99_MS),
        Row(OURS, "wrong at the end, offered", "users", figure("wrong offered"), 0),
    ]


def stalls(results: Results) -> list[Row]:
    """Each peer's p99 without and with a tenth of the browsers stalled."""
    rows = []
    for name in results:
        ratios = [f["p99 stalled"] / f["p99 healthy"] for f in results[name]]
        target = 1.1 if name == OURS else None
        rows += [
            Row(name, "p99 without", "ms", median(results, name, "p99 healthy"), digits=1),
            Row(name, "p99 with", "ms", median(results, name, "p99 stalled"), digits=1),
            Row(name, "ratio", "x", statistics.median(ratios), target, digits=2),
        ]
    return rows


def resources(results: Results, *, promised: bool) -> list[Row]:
    """Each peer's memory and threads, and how long all browsers take to come back."""
    rows = []
    for name in results:
        ours = promised and name == OURS
        threads = median(results, name, "threads")
        rows += [
            Row(name, "memory", "bytes/connection", median(results, name, "bytes")),
            Row(name, "threads", "", threads, PEER_THREADS if ours else None),
            Row(name, "all back in", "s", median(results, name, "reconnect s"), digits=2),
        ]
        if name != WS:
            memory, back = ratio(results, "bytes", name), ratio(results, "reconnect s", name)
            rows.append(Row(name, "memory against ws", "x", memory, 1 if ours else None, digits=2))
            rows.append(Row(name, "time against ws", "x", back, 3 if ours else None, digits=2))
    return rows


def stages(results: Results, browsers: int) -> list[Row]:
    """Where the time of a push goes: ours by stage, each peer's as a whole."""
    server, clients = (min(core) for core in cores())
    costs = cost_of_stages(browsers, server=server, clients=clients)
    whole = {name: 1e6 / median(results, name, "pushes per core one") for name in results}
    turns = whole[OURS] - sum(costs.values())
    rows = [Row(OURS, stage, "us", costs[stage], digits=1) for stage in STAGES]
    rows.append(Row(OURS, "threads that take turns", "us", turns, digits=1))
    return rows + [Row(name, "a push", "us", cost, digits=1) for name, cost in whole.items()]


def corrupt(bench: Bench) -> list[Row]:
    """Send from 8 threads to the same sockets; Node and asyncio have but one."""
    rows = []
    for name in (OURS, FLASK_SOCK):
        found = bench.turn(name, shaken)
        target = 0 if name == OURS else None
        rows += [
            Row(name, "sent", "", found["sent"]),
            Row(name, "corrupt", "", found["corrupt"], target),
            Row(name, "lost", "", found["lost"], target),
        ]
    return rows


def run(bench: Bench, report: Report) -> None:
    """Measure everything and report it section by section."""
    size = bench.size
    deflate = "offer deflate" if bench.deflates else "do not offer deflate: there is no zlib"
    where = f"Clients {deflate}. Core {min(cores()[0])} serves, core {min(cores()[1])} asks."
    play: Callable[..., Results] = partial(bench.play)
    small = play((OURS, WS, WEBSOCKETS, FLASK_SOCK), few, size.few_within)
    report.add(
        f"pushes, {size.few:,} browsers",
        f"Frames per second of the server's CPU time, each delivered. {where}",
        pushes(small, 1.3),
    )
    report.add(
        f"updates, {size.few:,} browsers",
        "Bookings per second until all balances are shown, and their age on arrival.",
        updates(small) + offers(small),
    )
    report.add(
        f"a tenth of {size.few:,} browsers stalled",
        "Latency of the others: 8 KB to each browser ten times a second, once settled.",
        stalls(small),
    )
    report.add(
        f"{size.few:,} browsers",
        "Idle memory and threads; then all leave and come back. So few that flask-sock can follow.",
        resources(small, promised=False),
    )
    report.add(
        "where the time of a push goes",
        "Microseconds of the server's core. Every stage alone, and what is left of a whole push.",
        stages(small, size.few),
    )
    large = play((OURS, WS, WEBSOCKETS), many, size.many_within)
    note = "As above; flask-sock would need two threads for each browser."
    report.add(f"pushes, {size.many:,} browsers", note, pushes(large, 1.2))
    report.add(
        f"{size.many:,} browsers",
        "Idle memory and threads; then all leave and come back.",
        resources(large, promised=True),
    )
    report.add("8 senders at once", "Frames on sockets that all of them send to.", corrupt(bench))


def main() -> None:
    """Run the benchmark."""
    options = arguments(__doc__ or "")
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        run(Bench(SIZES[options.form], Path(folder)), report)
    report.finish(options.json)


if __name__ == "__main__":
    main()
