"""Everything that the factory built, under one roof, for what the framework calls."""

from dataclasses import dataclass
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
from flags.admin import FlagAdmin
from flags.history import History
from flags.kill_switch import KillSwitch
from flags.provider import FlagProvider
from flags.stage import Stage
from flags.targets import AuthorisedTargets
from flags.workers import WorkerRegistry
from shim.explain import explain
from shim.known_store import KnownStore
from shim.migration import Migration
from shim.shadow.ledger_store import LedgerStore
from shim.shadow.replays import ReplayStore


@dataclass(frozen=True, slots=True)
class Parts:
    """The application's parts; built by the factory, started by the runtime."""

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
    migration: Migration
    runtime: Runtime
    shadowing: Shadowing
    known: KnownStore
    ledger: LedgerStore
    replays: ReplayStore
    reach: Reach
    admission: Admission

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
