"""Mutants that a tool makes of the canonical service: mutmut's, drawn by a seed."""

import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.kit.mutants import Mutant
from bench.kit.unnoticed import reason_of

MODULES = ("service", "windows", "changes", "delivery", "messages", "registry")
"""Of `app.notifications`: what a notification goes through on its way to a page."""
_SOURCES = Path(__file__).resolve().parents[2] / "app" / "notifications"


def drawn(folder: Path, *, seed: int) -> Iterator[Mutant]:
    """Write one mutant after the other into `folder`, in an order that the seed decides."""
    made = [(module, tree, mutation) for module in MODULES for tree, mutation in _mutations(module)]
    random.Random(seed).shuffle(made)
    for module, tree, mutation in made:
        source = (_SOURCES / f"{module}.py").read_text()
        mutated = tree.deep_replace(mutation.original_node, mutation.mutated_node).code
        if mutated != source:
            yield _written(folder, module, source, mutated)


def _mutations(module: str) -> list[tuple[Any, Any]]:
    from mutmut.mutation.file_mutation import create_mutations

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = _SOURCES / f"{module}.py"
        tree, mutations, *_ = create_mutations(str(path), path.read_text())
    return [(tree, mutation) for mutation in mutations]


def _written(folder: Path, module: str, source: str, mutated: str) -> Mutant:
    number, before, after = _first_change(source, mutated)
    name = f"{module}_{number}_{sum(1 for _ in folder.glob(f'{module}_{number}_*')) + 1}"
    fault = f"{module}.py, line {number}: `{before}` becomes `{after}`".replace("\\", "\\\\")
    fault = fault.replace('"', "'")
    file = folder / f"{name}.py"
    file.write_text(f'"""{fault}"""\n\nREPLACES = "app.notifications.{module}"\n\n{mutated}')
    return Mutant(name, fault, file, reason_of(fault))


def _first_change(source: str, mutated: str) -> tuple[int, str, str]:
    pairs = zip(source.splitlines(), mutated.splitlines(), strict=False)
    for number, (before, after) in enumerate(pairs, start=1):
        if before != after:
            return number, before.strip(), after.strip()
    raise ValueError("nothing was changed: draw another mutation")
