"""The rooms of the package: no import leads back, and lower rooms know nothing of higher ones."""

import ast
import graphlib
import re
from pathlib import Path

import noisync

ROOT = Path(noisync.__file__).parent

#: From the lowest room to the highest; a module may import its own room and those before it.
ROOMS = (
    "_cpu", "_core", "errors", "base", "storage", "sphere", "theory", "attention", "noise",
    "normalization", "model", "bounds", "measure", "run", "spde", "config", "figures", "studies",
    "plot", "paper", "cli", "", "__main__",
)  # fmt: skip


CORE = Path(__file__).parents[2] / "cpp" / "src"

#: The same of the core.
CORE_ROOMS = (
    "base", "simd", "random", "harmonics", "attention", "noise", "measure", "dynamics",
)  # fmt: skip


def modules():
    """Every module by its name, and the modules that it imports, wherever the import stands."""
    paths = {name_of(path): path for suffix in (".pyi", ".py") for path in ROOT.rglob(f"*{suffix}")}
    return {name: imported(name, path, paths) for name, path in paths.items()}


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(["noisync", *(parts[:-1] if parts[-1] == "__init__" else parts)])


def imported(name, path, known):
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {each if each in known else node.module for each in inner}
    return {each for each in found if each in known} - {name}


def room(name):
    return ROOMS.index([*name.split("."), ""][1])


def test_imports_have_no_cycle():
    order = list(graphlib.TopologicalSorter(modules()).static_order())  # raises on a cycle
    assert len(order) > 80


def test_lower_rooms_know_nothing_of_higher_ones():
    upward = [
        f"{name} imports {other}"
        for name, others in modules().items()
        for other in others
        if room(other) > room(name)
    ]
    assert not upward


def test_only_compiled_modules_have_an_underscore():
    names = {part for name in modules() for part in name.split(".") if part[0] == "_"}
    assert names == {"_core", "_cpu", "__main__"}


def test_rooms_of_the_core_know_nothing_of_higher_ones():
    found = []
    for path in (*CORE.rglob("*.hpp"), *CORE.rglob("*.cpp")):
        own = CORE_ROOMS.index(path.relative_to(CORE).parts[0])
        for other in re.findall(r'#include "(\w+)/', path.read_text(encoding="utf-8")):
            found.append(other)
            assert CORE_ROOMS.index(other) <= own, f"{path} includes {other}"
    assert set(found) == set(CORE_ROOMS)
