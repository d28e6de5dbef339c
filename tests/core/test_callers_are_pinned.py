"""The callers keep their imports and their calls, letter for letter, until the last stage.

Pinned by syntax tree: what each of them imports from the two historic paths, and every call
on a notification service. To change a caller is to change what the migration is measured by.
"""

import ast
from pathlib import Path

import pytest

import app.core

CORE = Path(app.core.__file__).parent
HISTORIC = ("app.core.BalanceNotificationService", "app.core.balance_notification_service")
SERVICE_METHODS = {
    "add_connection",
    "flush_pending_updates",
    "get_connection_stats",
    "get_instance",
    "notify_balance_update",
    "register_connection",
    "remove_connection",
    "send_custom_message",
}

PINNED = {
    "batch_balance_processor": [
        "from app.core.BalanceNotificationService import BalanceNotificationService, BalanceUpdate",
        "BalanceUpdate(user_id=booked.user_id, balance_uni=booked.uni_after, "
        "balance_ton=booked.ton_after, change_amount=booked.amount, currency=booked.currency, "
        "source=booked.source, timestamp=booked.created_at)",
        "BalanceNotificationService.get_instance().notify_balance_update(update)",
    ],
    "websocket_balance_integration": [
        "from app.core.BalanceNotificationService import BalanceNotificationService",
        "BalanceNotificationService.get_instance().notify_balance_update(user_id)",
    ],
    "ton_boost_scheduler": [
        "from app.core.balance_notification_service import BalanceNotificationService, "
        "BalanceUpdate",
        "BalanceUpdate(user_id=booked.user_id, balance_uni=before.uni, "
        "balance_ton=before.ton + booked.amount, change_amount=booked.amount, "
        "currency=booked.currency, source=booked.source, timestamp=booked.created_at)",
        "BalanceNotificationService.get_instance().notify_balance_update(update)",
    ],
    "websocket_endpoint": [
        "from app.core.balance_notification_service import BalanceNotificationService",
        "BalanceNotificationService.get_instance()",
        "service.remove_connection(self._registered.pop(), self._connection)",
        "BalanceNotificationService.get_instance()",
        "service.register_connection(user_id, self._connection)",
    ],
    "farming_scheduler": [],
    "referral_service": [],
    "mission_service": [],
    "daily_bonus_service": [],
    "wallet_service": [],
    "boost_purchase": [],
    "admin_service": [],
    "balance_manager": [],
    "balance_notification_service": [
        "from shim.facade import BalanceUpdate",
        "from shim.facade import ConnectionAwareFacade as BalanceNotificationService",
    ],
    "BalanceNotificationService": [
        "from shim.facade import BalanceUpdate",
        "from shim.facade import UserIdOnlyFacade as BalanceNotificationService",
    ],
}


def parse(module: str) -> ast.Module:
    """Return the syntax tree of a module of `app/core`."""
    return ast.parse((CORE / f"{module}.py").read_text())


def touching_points(tree: ast.Module) -> list[str]:
    """Return the imports of a service and the calls on one, in the order of the text."""
    found: list[ast.AST] = []

    class Finder(ast.NodeVisitor):
        def visit_Import(self, node: ast.Import) -> None:
            if any(_is_of_the_migration(alias.name) for alias in node.names):
                found.append(node)

        def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            if any(map(_is_of_the_migration, [node.module or ".", *names])):
                found.append(node)

        def visit_Call(self, node: ast.Call) -> None:
            if _is_on_a_service(node):
                found.append(node)  # with all that is inside it
            else:
                self.generic_visit(node)

    Finder().visit(tree)
    return [ast.unparse(node) for node in found]


def _is_of_the_migration(module: str) -> bool:
    return module in HISTORIC or module.split(".")[0] in ("", "shim", "flags")


def _is_on_a_service(call: ast.Call) -> bool:
    match call.func:
        case ast.Attribute(attr=name):
            return name in SERVICE_METHODS
        case ast.Name(id="BalanceUpdate"):
            return True
    return False


@pytest.mark.parametrize("module", PINNED)
def test_a_caller_touches_the_services_as_it_always_did(module: str) -> None:
    """Imports and calls of a caller are those of production, the wrong argument included."""
    assert touching_points(parse(module)) == PINNED[module]


@pytest.mark.parametrize("module", ["balance_notification_service", "BalanceNotificationService"])
def test_a_historic_path_holds_re_exports_and_nothing_else(module: str) -> None:
    """Besides its docstring and the re-exports there is only `__all__`."""
    docstring, *imports, public = parse(module).body
    assert isinstance(docstring, ast.Expr)
    assert all(isinstance(node, ast.ImportFrom) for node in imports)
    assert ast.unparse(public) == "__all__ = ['BalanceNotificationService', 'BalanceUpdate']"


def test_no_other_module_of_the_core_touches_the_services() -> None:
    """A caller that is not pinned does not exist."""
    others = {path.stem for path in CORE.rglob("*.py")} - set(PINNED)
    assert [module for module in sorted(others) if touching_points(parse(module))] == []


def test_both_paths_lead_to_one_update_type() -> None:
    """Whichever path a caller imports it from, an update is the same class."""
    from app.core.balance_notification_service import BalanceUpdate as Aware
    from app.core.BalanceNotificationService import BalanceUpdate as ById

    assert Aware is ById
