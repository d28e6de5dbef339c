"""The composition root: everything is built here, and nothing is started."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from flask import Flask

from app.bindings import balance_binding, income_binding
from app.cli_confirm import confirm_held
from app.cli_ramp import advance, practise, show_plan, show_retirement
from app.cli_rollout import rollout
from app.cli_shadow import shadow
from app.cli_unleash import unleash
from app.command_settings import KEPT
from app.core.balance_manager import BalanceManager
from app.core.farming_income import accrued_income
from app.core.websocket_balance_integration import WebSocketBalanceIntegration
from app.courses import Verifying, build_verifying
from app.database import Database
from app.deciding import Deciding, build_deciding
from app.demo import demo
from app.following import build_control
from app.guarding import build_guarding
from app.notifications.ports import BalanceHint
from app.notifications.service import BalanceNotifications, NewNotifications
from app.parts import Course, Parts
from app.reach import build_reach
from app.rewarding import Rewarding, build_rewarding
from app.runtime import ClosedLast, Runtime, Service
from app.secret import SessionKey
from app.settings import Settings, SettingsError
from app.web.admission import Admission, build_admission
from app.web.health import health
from app.web.hooks import hooks
from app.web.hosts import refuse_foreign_host
from app.web.identity import SessionsUnderPrefix
from app.web.limits import Limits
from app.web.pages import pages
from app.web.people import KnownPeople
from app.web.sockets import OpenSockets, init_sockets
from flags.decision import BALANCE_NOTIFICATIONS
from flags.files import make_folder
from shim import facade
from shim.income.facade import IncomeFacade
from shim.legacy.tick_income import tick_income
from shim.migration import Migration
from shim.shadow.queue import EventQueue


def create_app(
    settings: Settings | None = None,
    *,
    canonical: NewNotifications = BalanceNotifications,
    problems: tuple[str, ...] = (),
    makes_folder: bool = True,
) -> Flask:
    """Build the application. Raises SettingsError; starts nothing: see `app.runtime`.

    `canonical` builds the service that is migrated to, live and as a shadow alike. `problems`
    are those of settings that a command does without; it makes no folder either.
    """
    settings = settings or Settings.from_environ()
    if makes_folder:
        _make_folder(settings.instance_path)
    app = Flask("app", instance_path=str(settings.instance_path))
    app.config.update(_configuration(settings))
    database = Database(settings.database_url, instance_path=settings.instance_path)
    people = KnownPeople(database)
    admission = build_admission(settings, people)
    app.extensions["paths"] = settings
    app.extensions[KEPT] = problems
    app.extensions["parts"] = build_parts(
        settings,
        database=database,
        people=people,
        sockets=init_sockets(app, admission=admission, limits=_limits(settings)),
        admission=admission,
        session_key=SessionKey(app, settings),
        canonical=canonical,
    )
    app.before_request(refuse_foreign_host)
    app.session_interface = SessionsUnderPrefix()
    app.register_blueprint(health)
    app.register_blueprint(pages)
    app.register_blueprint(hooks)
    for command in (confirm_held, show_plan, advance, practise, show_retirement):
        rollout.add_command(command)
    app.cli.add_command(rollout)
    app.cli.add_command(shadow)
    app.cli.add_command(unleash)
    app.cli.add_command(demo)
    return app


def _limits(settings: Settings) -> Limits:
    """Return the bounds of every socket."""
    return Limits(
        message_bytes=settings.max_message_bytes,
        distance_s=settings.frame_distance_ms / 1000,
        spread_s=settings.bulk_spread_ms / 1000,
    )


def _configuration(settings: Settings) -> dict[str, Any]:
    """Return what Flask and its extensions read from the configuration."""
    return {
        "PERMANENT_SESSION_LIFETIME": settings.init_data_age_s,
        "SESSION_REFRESH_EACH_REQUEST": False,  # it ends by its time, however often it is used
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": not settings.demo,  # the demonstration has no TLS
    }


def build_parts(
    settings: Settings,
    *,
    database: Database,
    people: Service,
    sockets: OpenSockets,
    admission: Admission,
    session_key: Service,
    canonical: NewNotifications,
) -> Parts:
    """Build and connect all parts, and install the facade behind the historic paths."""
    deciding = build_deciding(settings, database)
    income = _income(settings, deciding)
    rewarding = build_rewarding(settings, database, income=income.income_of)
    manager = rewarding.manager
    migration = _notifications(settings, deciding, manager)
    for router in (migration, income.router):
        deciding.answers.attach(router.pair, router.tallies.values())
    reach = build_reach(
        settings, migration=migration, manager=manager, database=database, canonical=canonical
    )
    facade.install(migration)
    WebSocketBalanceIntegration(manager).install()  # the last installer of the hook wins
    noise = settings.shadow_noise_percent
    bindings = (
        balance_binding(
            migration,
            database,
            canonical=canonical,
            noise_percent=noise,
            cpu_share=settings.shadow_cpu_percent / 100,
        ),
        income_binding(income.router),
    )
    verifying = build_verifying(bindings, settings=settings, database=database)
    courses = verifying.courses
    guarding = build_guarding(settings, database, deciding=deciding, courses=courses, reach=reach)
    control = build_control(settings, deciding, courses, reach=reach, admission=admission)
    services: list[tuple[str, Service]] = [
        ("database", ClosedLast(database.dispose)),
        ("session key", session_key),
        *reach.services,
        *verifying.services,
        *deciding.services,
        ("control", control),
        ("flag hints", deciding.flag_hints),
        *guarding.services,
        ("people", people),
        ("sockets", sockets),
        *rewarding.services,
    ]
    return Parts(
        settings=settings,
        database=database,
        **_fields(deciding),
        **_fields(rewarding),
        migration=migration,
        **_fields(verifying),
        **_fields(courses[BALANCE_NOTIFICATIONS.migration]),
        reach=reach,
        admission=admission,
        runtime=Runtime(services, control),
    )


def _fields(group: Deciding | Rewarding | Verifying | Course) -> dict[str, Any]:
    """Return the parts of a group by their names, but for those that `Parts` has no use for."""
    wanted = {each.name for each in fields(Parts)}
    return {each.name: getattr(group, each.name) for each in fields(group) if each.name in wanted}


def _make_folder(path: Path) -> None:
    try:
        make_folder(path)
    except OSError as error:
        raise SettingsError(
            f"SHIM_INSTANCE is {str(path)!r}: it cannot be made ({error.strerror}); name a folder"
            " that exists or can be made"
        ) from error


def _notifications(settings: Settings, deciding: Deciding, manager: BalanceManager) -> Migration:
    """Build the routing of balance notifications."""
    return Migration(
        flags=deciding.provider.state,
        latch=deciding.kill_switch.latch,
        new_hint=BalanceHint,
        manager=manager,
        queue=EventQueue(settings.shadow_queue),
    )


def _income(settings: Settings, deciding: Deciding) -> IncomeFacade:
    """Build the drop-in for the farming income."""
    return IncomeFacade(
        legacy=tick_income,
        canonical=accrued_income,
        flags=deciding.provider.state,
        latch=deciding.kill_switch.latch,
        queue=EventQueue(settings.shadow_queue),
    )
