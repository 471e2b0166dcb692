"""What modules import, read from their source, and whether an environment has it."""

from __future__ import annotations

import ast
import json
import subprocess
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_TRY = """
import importlib, json, sys
sys.path.append(sys.argv[1])
missing = []
for module, name in json.load(sys.stdin):
    try:
        if name and not hasattr(importlib.import_module(module), name):
            importlib.import_module(f"{module}.{name}")
        importlib.import_module(module)
    except ImportError as error:
        missing.append([module, name, str(error)])
json.dump(missing, sys.stdout)
"""


class Import(NamedTuple):
    """`from module import name`, or `import module` where the name is empty; `where` is the importing file."""

    module: str
    name: str
    where: str


def imports_of(archive: Path) -> set[Import]:
    """Every import of every module in a zip file, those inside functions and for type checkers included."""
    with zipfile.ZipFile(archive) as packed:
        modules = [name for name in packed.namelist() if name.endswith(".py")]
        return {each for name in modules for each in _of_source(packed.read(name), name)}


def unresolved(python: Path, folder: Path, imports: Iterable[Import]) -> list[str]:
    """Imports that fail in a fresh process of that Python with the folder on its path: what, and why."""
    wanted = json.dumps(sorted({(each.module, each.name) for each in imports}))
    command = [str(python), "-I", "-c", _TRY, str(folder)]
    done = subprocess.run(command, input=wanted, capture_output=True, text=True, check=True)
    return [f"{module} {name}: {why}" for module, name, why in json.loads(done.stdout)]


def _of_source(source: bytes, where: str) -> Iterator[Import]:
    for node in ast.walk(ast.parse(source, where)):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, "", where) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module is None:
                raise ValueError(f"{where} has a relative import")
            yield from (Import(node.module, alias.name, where) for alias in node.names)
