"""The floors of the house: who may import whom, and that importing wires nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ("flags", "shim", "app")
ALLOWED = {"flags": {"flags"}, "shim": {"flags", "shim"}, "app": {"flags", "shim", "app"}}
PURE = {
    "flags": {"structlog", "msgspec", "yggdrasil_engine", "mmh3", "psutil"},
    "shim": {"structlog", "msgspec"},
}
"""What a floor may use besides the standard library; nothing here opens a connection."""
CONNECTING = {"flags.unleash": {"UnleashClient", "requests", "apscheduler"}}
"""The one module below `app` that asks a server: by its own client, which has a scheduler."""


def modules(package):
    """Return every module of a package as (dotted name, path)."""
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(path):
    """Return the dotted names that a module imports, at any depth of its code."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_imports_only_floors_below_it(floor):
    """Nothing reaches up: flags knows nobody, shim knows flags, app knows both."""
    for name, path in modules(floor):
        ours = {imported.split(".")[0] for imported in imports(path)} & set(FLOORS)
        assert ours <= ALLOWED[floor], f"{name} imports {ours - ALLOWED[floor]}"


@pytest.mark.parametrize("floor", sorted(PURE))
def test_a_lower_floor_uses_pure_libraries_only(floor):
    """Neither flags nor shim imports a framework, a database or a network client."""
    for name, path in modules(floor):
        outside = {imported.split(".")[0] for imported in imports(path)}
        outside -= {*FLOORS, *sys.stdlib_module_names, *CONNECTING.get(name, ())}
        assert outside <= PURE[floor], f"{name} imports {outside - PURE[floor]}"


def test_the_canonical_notifications_know_nothing_of_the_migration():
    """They outlive it: delete shim and flags, and they still import."""
    for name, path in modules("app/notifications"):
        ours = {i for i in imports(path) if i.split(".")[0] in FLOORS}
        assert all(i.startswith("app.notifications") for i in ours), f"{name} imports {ours}"


@pytest.mark.parametrize("word", ["balance", "income", "farm", "deposit"])
def test_the_shadow_engine_knows_no_migration(word):
    """shim/shadow imports nothing of ours but itself, and has no word of what is compared."""
    for name, path in modules("shim/shadow"):
        ours = {i for i in imports(path) if i.split(".")[0] in FLOORS}
        assert all(i.startswith("shim.shadow") for i in ours), f"{name} imports {ours}"
        assert word not in path.read_text().lower(), f"{name} speaks of {word}"


@pytest.mark.parametrize("module", ["shim/routed", "shim/router", "shim/routing", "shim/lines"])
def test_what_every_migration_shares_knows_none(module):
    """The router and the log's records are the same for both."""
    ours = imports(ROOT / f"{module}.py")
    assert not {i for i in ours if i.startswith(("shim.balance", "shim.income", "shim.legacy"))}


def package_of(module):
    """Return the package that a module of ours lies in: two levels, or one at a floor's top."""
    parts = module.split(".")
    path = ROOT.joinpath(*parts[:2])
    return ".".join(parts[:2]) if path.is_dir() else parts[0]


def edges():
    """Return the imports among our modules."""
    known = {name for floor in FLOORS for name, _ in modules(floor)}
    for floor in FLOORS:
        for name, path in modules(floor):
            for imported in imports(path) & known:
                if imported != name:
                    yield name, imported


def cycle_in(graph):
    """Return a cycle of a graph as a list of nodes, None if there is none."""
    done, trail = set(), []

    def visit(node):
        if node in trail:
            return trail[trail.index(node) :]
        if node in done:
            return None
        trail.append(node)
        for follower in sorted(graph.get(node, ())):
            cycle = visit(follower)
            if cycle:
                return cycle
        trail.pop()
        done.add(node)
        return None

    return next((cycle for node in sorted(graph) if (cycle := visit(node))), None)


def test_no_modules_import_each_other():
    """The modules form no cycle."""
    graph = {}
    for name, imported in edges():
        graph.setdefault(name, set()).add(imported)
    assert cycle_in(graph) is None


def test_no_packages_import_each_other():
    """The packages below a floor form no cycle either, its top level left out as the root."""
    graph = {}
    for name, imported in edges():
        here, there = package_of(name), package_of(imported)
        if here != there and not {here, there} & set(FLOORS):
            graph.setdefault(here, set()).add(there)
    assert cycle_in(graph) is None


@pytest.mark.parametrize("floor", FLOORS)
def test_files_are_read_in_one_way(floor):
    """Only flags/files.py reads files: it waits for no pipe, and keeps within bounds."""
    for name, path in modules(floor):
        called = {
            node.func.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert not called & {"read_text", "read_bytes"}, f"{name} reads a file by itself"


def test_importing_starts_nothing_and_touches_nothing(tmp_path):
    """Importing every module starts no thread, opens no socket and writes no file."""
    names = [name for floor in FLOORS for name, _ in modules(floor)]
    names = [name for name in names if ".migrations" not in name]
    program = (
        "import importlib, sys, threading, socket\n"
        "def refuse(*a, **k): raise AssertionError('a socket at import')\n"
        "socket.socket.connect = refuse\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "from shim.facade import ConnectionAwareFacade\n"
        "assert ConnectionAwareFacade._instance is None\n"
    )
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("floor", FLOORS)
def test_package_files_hold_no_wiring(floor):
    """Every __init__.py is a docstring or a few re-exports."""
    for name, path in modules(floor):
        if path.name == "__init__.py":
            kinds = {type(node) for node in ast.parse(path.read_text()).body}
            assert kinds <= {ast.Expr, ast.ImportFrom, ast.Assign}, name
