"""The composition root: one door, behind which each name is wired where it belongs and loaded when asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from shared import bootstrap

PACKAGE = Path(bootstrap.__file__).parent
ROOT = PACKAGE.parents[1]
WIRING = sorted(path for path in PACKAGE.glob("*.py") if path.stem not in ("__init__", "lifetime"))


def _offered() -> dict[str, str]:
    """Name -> module, as type checkers see the door."""
    tree = ast.parse(Path(bootstrap.__file__).read_text())
    return {
        alias.name: (node.module or "").rpartition(".")[2]
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def _built_once(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(each) == "built_once" for each in node.decorator_list)
    }


def test_the_door_gives_what_type_checkers_see() -> None:
    assert {name: home for home, names in bootstrap._HOMES.items() for name in names.split()} == _offered()


@pytest.mark.parametrize("path", WIRING, ids=lambda path: path.stem)
def test_what_is_built_once_is_behind_the_door(path: Path) -> None:
    assert _built_once(path) <= {name for name, home in _offered().items() if home == path.stem}


@pytest.mark.parametrize("path", WIRING, ids=lambda path: path.stem)
def test_modules_ask_each_other_through_the_door_alone(path: Path) -> None:
    tree = ast.parse(path.read_text())
    called = {
        node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & set(_offered())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not imported & {f"shared.bootstrap.{each.stem}" for each in WIRING}


def test_what_nobody_wires_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'kitchen'"):
        bootstrap.kitchen  # type: ignore[attr-defined]  # noqa: B018  # that is the point


def test_a_function_loads_only_what_it_needs() -> None:
    code = (
        "import sys; from shared.bootstrap import push_app; "
        "print(*sorted(name for name in sys.modules if name.startswith('shared.bootstrap.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["shared.bootstrap.entry", "shared.bootstrap.lifetime"]
