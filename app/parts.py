"""Everything that the factory built, under one roof, for what the framework calls."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import current_app

from app.adapters.questions import Questions
from app.core.balance_manager import BalanceManager
from app.core.batch_balance_processor import BatchBalanceProcessor
from app.core.farming_scheduler import FarmingScheduler
from app.core.ton_boost_scheduler import TonBoostScheduler
from app.database import Database
from app.flag_hints import FlagHints
from app.reach import Reach
from app.runtime import Runtime
from app.settings import Settings
from app.shadowing import Shadowing
from app.web.admission import Admission
from app.writable import InstanceCheck
from flags.admin import FlagAdmin
from flags.decision import FlagPair
from flags.history import History
from flags.kill_switch import KillSwitch
from flags.provider import FlagProvider
from flags.stage import Stage
from flags.targets import AuthorisedTargets
from flags.workers import WorkerRegistry
from shim.explain import explain
from shim.guard.reason import WordsOf
from shim.guard.record import GuardStore
from shim.known_store import KnownStore
from shim.migration import Migration
from shim.router import Router
from shim.shadow.ledger_store import LedgerStore
from shim.shadow.replays import ReplayStore


@dataclass(frozen=True, slots=True)
class Course:
    """What each migration has of its own. The kill switch is one for all of them."""

    pair: FlagPair
    router: Router
    shadowing: Shadowing
    known: KnownStore
    ledger: LedgerStore
    guard: GuardStore
    """What commands read of the guard."""
    words_of: WordsOf
    """What a divergence means, for the reason of a trip."""

    @property
    def problems(self) -> list[str]:
        """Why what is compared, or counted, is not what it ought to be, each with the name."""
        known = filter(None, (self.known.problem,))
        return [f"{self.pair.migration}: {each}" for each in (*self.shadowing.problems, *known)]


@dataclass(frozen=True, slots=True)
class Parts:
    """The application's parts; built by the factory, started by the runtime.

    What each migration has of its own is, unless `of` was asked for another one, that of
    balance notifications. `courses` has all of them by name.
    """

    settings: Settings
    database: Database
    manager: BalanceManager
    processor: BatchBalanceProcessor
    farming: FarmingScheduler
    boosts: TonBoostScheduler
    provider: FlagProvider
    flag_admin: FlagAdmin
    kill_switch: KillSwitch
    history: History
    workers: WorkerRegistry
    questions: Questions
    targets: AuthorisedTargets
    flag_hints: FlagHints
    instance_check: InstanceCheck
    migration: Migration
    courses: Mapping[str, Course]
    runtime: Runtime
    pair: FlagPair
    shadowing: Shadowing
    known: KnownStore
    ledger: LedgerStore
    guard: GuardStore
    replays: ReplayStore
    reach: Reach
    admission: Admission

    def of(self, migration: str) -> "Parts":
        """Return the same parts, with what that migration has of its own."""
        course = self.courses[migration]
        return replace(
            self,
            pair=course.pair,
            shadowing=course.shadowing,
            known=course.known,
            ledger=course.ledger,
            guard=course.guard,
        )

    def stage(self) -> Stage:
        """Return the stage that this process follows."""
        return self.migration.table.stage

    def describe_user(self, user_id: int) -> dict[str, Any]:
        """Return why this user's calls go where they go, as this process knows it."""
        return explain(self.migration, user_id)


def parts() -> Parts:
    """Return the parts of the application that handles this request or command."""
    found: Parts = current_app.extensions["parts"]
    return found
