"""Wrong candidates, each in a file of its own, and how one is taken in.

A file is of one of two kinds. It defines `Canonical`, a class with the constructor and the
methods of `app.notifications.service.BalanceNotifications`; or it says `REPLACES`, the full
name of a module of the application, and stands in for that module from the start. One that
defines `Canonical` may say `PARTS` besides: what takes the place of a function, class or method of
the application, by its full name. The first line of its docstring says what the fault is. One that
nobody could notice says why, as `UNNOTICED`.

A folder may have folders in it, one for each kind of fault; files that begin with `_` are none.
"""

import ast
import importlib.util
import os
import pkgutil
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from bench.kit.unnoticed import said_by

FOLDER = "POWER_MUTANTS"
"""The environment variable that names a folder with other mutants."""
OURS = Path(__file__).resolve().parents[1] / "mutants"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A wrong candidate; `file` is None for the right one.

    `unnoticed` says why nobody could notice it, None where somebody could, or nobody has said.
    """

    name: str
    fault: str
    file: Path | None
    unnoticed: str | None = None


RIGHT = Mutant("none", "the service that ships", None, unnoticed="there is no fault")


def chosen_folder() -> Path:
    """Return where the mutants are. Raises NotADirectoryError."""
    folder = Path(os.environ.get(FOLDER) or OURS)
    if not folder.is_dir():
        raise NotADirectoryError(f"{FOLDER} is {str(folder)!r}: name a folder with mutants")
    return folder


def mutants_in(folder: Path) -> list[Mutant]:
    """Return the mutants of a folder, in the order of their files.

    One is named as its file is; where two files have one name, as the path in the folder. What is
    no Python is a mutant, too: it does not run.
    """
    files = sorted(path for path in folder.rglob("*.py") if not path.name.startswith("_"))
    same = Counter(path.stem for path in files)
    return [
        _mutant(path, path.stem if same[path.stem] == 1 else str(path.relative_to(folder)))
        for path in files
    ]


def take_in(file: Path | None) -> type:
    """Return the canonical service that a file makes; to be called before the application is built.

    Raises AttributeError for a file of neither kind.
    """
    canonical, parts = candidate_of(file)
    for name, part in parts.items():
        put_in_place(name, part)
    return canonical


def candidate_of(file: Path | None) -> tuple[type, Mapping[str, object]]:
    """Return the canonical service of a file, and which parts are to be replaced besides.

    A module that the file stands in for is replaced at once. Raises AttributeError.
    """
    if file is None:
        return _shipped(), {}
    replaced = _replaced(file)
    if replaced is not None:
        _run(file, replaced)
        return _shipped(), {}
    module = _run(file, f"mutant_{file.stem}")
    if not hasattr(module, "Canonical"):
        raise AttributeError(f"{file} defines no Canonical and says not what it REPLACES")
    return module.Canonical, getattr(module, "PARTS", {})


def put_in_place(name: str, part: object) -> None:
    """Put a part in the place of the one that is named. Raises AttributeError if there is none."""
    owner, _, attribute = name.rpartition(".")
    place = pkgutil.resolve_name(owner)
    getattr(place, attribute)  # a name that is not there any more would replace nothing
    setattr(place, attribute, part)


def _shipped() -> type:
    from app.notifications.service import BalanceNotifications

    return BalanceNotifications


def _run(file: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported: give it a name that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def _replaced(file: Path) -> str | None:
    for node in ast.parse(file.read_text()).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="REPLACES")], value=ast.Constant(value=str(name))):
                return name
    return None


def _mutant(file: Path, name: str) -> Mutant:
    try:
        said = ast.get_docstring(ast.parse(file.read_text())) or "not said"
        return Mutant(name, said.splitlines()[0], file, said_by(file))
    except (SyntaxError, ValueError) as error:
        return Mutant(name, f"cannot be read: {error}", file)
