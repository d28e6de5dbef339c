"""A divergence of the farming income is run again like any other, and on the same engine."""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.farming_income import accrued_income
from app.replayers import replayers
from app.replaying import read_case, run_case
from flags.decision import FARMING_INCOME
from shim.income.lines import divergence_record
from shim.income.replay.capture import LACKS
from shim.income.replay.replayer import income_replayer
from shim.legacy.tick_income import tick_income
from shim.replay.case import STAND_IN, CaseError, Source, encode
from shim.replay.finding import Finding
from shim.replay.log import read_lines
from shim.replay.stand_in import with_stand_in
from shim.shadow.publisher import Publisher
from shim.shadow.result import Comparison, Outcome
from tests.replay.stage import AT
from tests.shim.test_income import Income, farmed

USER = 987654321


@dataclass
class Kept(Income):
    """Keeps every divergence with its episode."""

    kept: list = field(default_factory=list)

    def publish(self, episode, result):
        """Keep both, as a worker does."""
        super().publish(episode, result)
        self.kept.append((episode, result))

    def asked(self, *given):
        """Ask for each amount, whatever is raised, and let the shadows see it."""
        for each in given:
            with suppress(ValueError, ZeroDivisionError):
                self.facade.income_of(each)
        self.run()
        return self

    def cases(self):
        """Return what is kept of each divergence, read back."""
        replayer = replayers()[FARMING_INCOME.migration]
        return [
            read_case(replayer.write(episode, result, AT), name="the record")
            for episode, result in self.kept
        ]

    def log(self):
        """Return the shadow log, as a worker writes it."""
        written = []
        publisher = Publisher(
            [written.append],
            utc_now=lambda: AT,
            common=lambda: {"host": "h", "worker": 1, "started": 1.0},
        )
        for episode, result in self.kept:
            publisher.put(divergence_record(episode, result, lambda _: "a-hash", at=AT, number=1))
        publisher.flush()
        return b"".join(written)


def doubled(deposit):
    """Pay twice what was earned."""
    return 2 * accrued_income(deposit)


def broken(deposit):
    """Pay nobody."""
    raise ZeroDivisionError(f"no rate for {deposit.amount}")


def on(case, canonical):
    """Run a case with another canonical."""
    return income_replayer(legacy=tick_income, canonical=canonical).run(case)


def missed():
    """Ask after a tick was missed."""
    return (farmed(user_id=USER, ticks=2),)


def several():
    """Ask for two deposits in one tick, of which the first is as it should be."""
    return farmed(user_id=USER), farmed("100", "0.5", user_id=USER, ticks=3)


def rounded():
    """Ask for what the two sides round otherwise."""
    return (farmed("0.001", "0.200", user_id=USER),)


SCENES = [missed, several, rounded]


@pytest.mark.parametrize("percent", [0, 100])
@pytest.mark.parametrize("scene", SCENES)
def test_a_replay_finds_what_was_found_live(scene, percent):
    """The same outcome, fingerprint and values, whoever served, and nothing is lacking."""
    income = Kept(percent=percent).asked(*scene())
    assert income.kept
    for (_, live), case in zip(income.kept, income.cases(), strict=True):
        assert (case.user, case.source) == (USER, Source.RECORD)
        found = run_case(case)
        assert (found.finding, found.lacks) == (Finding.STILL_DIVERGES, ())
        again = found.results[live.comparison]
        assert (again.outcome, again.differences) == (live.outcome, live.differences)


@pytest.mark.parametrize("percent", [0, 100])
@pytest.mark.parametrize("canonical", [doubled, broken])
def test_a_repaired_calculation_no_longer_diverges(canonical, percent):
    """On the code that was at fault it still does; on the one that ships it does not."""
    income = Kept(percent=percent, canonical=canonical).asked(farmed(user_id=USER))
    assert {result.comparison for _, result in income.kept} >= {"truth", "saying"}
    for case in income.cases():
        assert on(case, canonical).finding is Finding.STILL_DIVERGES
        repaired = run_case(case)
        assert repaired.finding is Finding.NO_LONGER_DIVERGES
        assert {each.outcome for each in repaired.results.values()} == {Outcome.MATCHED}


def test_what_diverges_in_another_way_is_said_to():
    """An amount that became an error is no repair."""
    income = Kept(canonical=doubled).asked(farmed(user_id=USER))
    for case in income.cases():
        assert on(case, broken).finding is Finding.DIVERGES_OTHERWISE


@pytest.mark.parametrize("scene", SCENES)
def test_a_stand_in_changes_nothing_but_the_name(scene):
    """The same findings, without the user's id, and the case expects them of itself."""
    income = Kept().asked(*scene())
    for case in income.cases():
        found = run_case(case)
        saved = with_stand_in(case, found.results, replayers()[case.migration])
        text = encode(saved).decode()
        assert str(USER) not in text
        assert json.loads(text)["migration"] == FARMING_INCOME.migration
        again = run_case(read_case(text, name="saved"))
        assert again.finding is found.finding
        assert saved.expected is not None
        for comparison, result in again.results.items():
            assert saved.expected[comparison].fingerprint == result.fingerprint


@pytest.mark.parametrize("percent", [0, 100])
@pytest.mark.parametrize("canonical", [accrued_income, doubled, broken])
@pytest.mark.parametrize("scene", SCENES)
def test_a_line_of_the_log_is_enough(scene, canonical, percent):
    """It diverges with the fingerprint of the line, for a stand-in, and says what it lacks."""
    income = Kept(percent=percent, canonical=canonical).asked(*scene())
    lines = read_lines(income.log())
    assert len(lines) == len(income.kept) > 0
    for line in lines:
        case = replayers()[line.migration].case_of_line(line)
        assert (case.source, case.user, case.stand_in) == (Source.LOG, STAND_IN, True)
        found = on(case, canonical)
        assert (found.finding, found.lacks) == (Finding.STILL_DIVERGES, LACKS)


@given(
    legacy=st.decimals(0, 30_000_000, places=6),
    canonical=st.decimals(0, 30_000_000, places=6),
)
def test_the_deposit_that_is_made_of_a_line_earns_what_the_line_says(legacy, canonical):
    """By legacy exactly; by canonical to a microsecond of the time that it is given."""
    income = Kept(legacy=lambda _: legacy, canonical=lambda _: canonical)
    income.asked(farmed(user_id=USER))
    for line in read_lines(income.log()):
        if line.comparison is not Comparison.SAYING or canonical > 30_000 * legacy:
            continue
        case = replayers()[line.migration].case_of_line(line)
        [deposit] = [call.deposit for call in case.calls]
        assert tick_income(deposit) == legacy
        in_a_microsecond = deposit.amount * deposit.daily_rate / 86_400_000_000
        assert abs(accrued_income(deposit) - canonical) <= in_a_microsecond + Decimal("0.000001")


def test_a_line_without_amounts_is_refused():
    """One that was cut says so; one whose sides returned nothing at all, too."""
    income = Kept().asked(*missed())
    line = json.loads(income.log().split(b"\n")[0])
    replayer = replayers()[FARMING_INCOME.migration]
    [cut] = read_lines(json.dumps({**line, "observations": []}).encode())
    with pytest.raises(CaseError, match="cut to a sample"):
        replayer.case_of_line(cut)
    silent = [{**each, "calls": []} for each in line["observations"]]
    [empty] = read_lines(json.dumps({**line, "observations": silent}).encode())
    with pytest.raises(CaseError, match="returned is not in it"):
        replayer.case_of_line(empty)


def test_what_is_no_deposit_cannot_be_written_down():
    """The message says what it was."""
    income = Kept().asked(*missed())
    episode, result = income.kept[0]
    episode.calls[0].argument = "a deposit"
    with pytest.raises(CaseError, match="handed a str"):
        replayers()[FARMING_INCOME.migration].write(episode, result, AT)


def test_a_case_of_a_migration_that_is_none_is_refused():
    """By its name, with those that there are."""
    [case] = Kept().asked(*missed()).cases()
    told = {**json.loads(encode(case)), "migration": "of-birds"}
    with pytest.raises(CaseError, match=r"'of-birds', which is none here.*farming-income"):
        read_case(json.dumps(told), name="the file")
