"""What the commands about the farming income must have done, looked at from outside."""

import re

from flags.decision import BALANCE_NOTIFICATIONS, FARMING_INCOME
from shim.report import Verdict, read_logs
from tests.docs.demonstration import Demonstration, Done, eventually
from tests.docs.effects import confirmed, succeeded


def shadowed(live: Demonstration, done: Done) -> None:
    """Expect the flag of this migration to be set, and that of the other as it was."""
    others = live.flag(BALANCE_NOTIFICATIONS.shadow)
    confirmed(live, done)
    assert live.flag(FARMING_INCOME.shadow).percentage == 100
    assert live.flag(BALANCE_NOTIFICATIONS.shadow) == others


def reported(live: Demonstration, done: Done) -> None:
    """Expect amounts that differ, the canonical's to be right, and nothing of the other one."""
    succeeded(done)

    def evidence() -> bool:
        logs = (live.instance / "log").glob("shadow-*.jsonl")
        report = read_logs(logs, migration=FARMING_INCOME.migration)
        return (report.verdict("saying"), report.verdict("truth")) == (Verdict.FAIL, Verdict.PASS)

    eventually(evidence, "the amounts differ, and the canonical's are right")
    text = live.run(done.command).stdout
    assert "farming-income: routed " in text, text
    assert re.search(r"^all +truth +pass ", text, re.MULTILINE), text
    assert "saying" in text, text
    assert "income value" in text, text
    assert "known as legacy-reaches-nobody" not in text, text


def switched_off(live: Demonstration, done: Done) -> None:
    """Expect both flags of this migration to be off, and those of the other as they were."""
    confirmed(live, done)
    assert not live.flag(FARMING_INCOME.canonical).enabled
    assert not live.flag(FARMING_INCOME.shadow).enabled
    assert live.flag(BALANCE_NOTIFICATIONS.canonical).enabled
