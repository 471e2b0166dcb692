"""The archives: the same bytes twice, nothing that does not belong, and each boots with the deploy lock alone."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from shared.manifest import read_manifest
from shared.packaging import LARGEST_BYTES, Archive, BadPackage, build_all
from tests.deployed import (
    MINIMAL,
    PING,
    Environment,
    NotStarted,
    Pusher,
    make_environment,
    pip,
    pusher,
    serving,
    unpack,
)
from tests.imports import Import, imports_of, unresolved
from tests.stack.config import ROOT

FUNCTIONS = read_manifest(ROOT / "functions" / "functions.yaml").functions
LOCAL_ADAPTERS = "shared.platform.embedded"
FORBIDDEN = (
    "tests/",
    "terraform/",
    "docs/",
    "functions/",
    "shared/cli/",
    "shared/platform/embedded/",
    "shared/manifest.py",
    "shared/packaging.py",
    "requirements-dev.txt",
    "requirements-bench.txt",
    "pyproject.toml",
)
ANSWER_WITHIN_S = 30


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is packaged: nobody edits it while the tests look."""
    return _copied(ROOT, tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def packages(tree: Path) -> Path:
    """The folder of all archives and their index."""
    build_all(tree, tree / "package")
    return tree / "package"


@pytest.fixture(scope="module")
def index(tree: Path, packages: Path) -> dict[str, Archive]:
    """Function -> archive."""
    return build_all(tree, packages)


@pytest.fixture(scope="module")
def environment() -> Environment:
    """The deploy lock and nothing else, on the Python that runs the tests; `make test-py313` runs them on 3.13."""
    return make_environment(Path(sys.executable))


@pytest.fixture(scope="module")
def google() -> Iterator[Pusher]:
    """Who pushes messages."""
    with pusher() as account:
        yield account


@pytest.fixture
def fresh(tree: Path, tmp_path: Path) -> Path:
    """A copy of its own for a test that changes files."""
    return _copied(tree, tmp_path)


def _copied(source: Path, target: Path) -> Path:
    unwanted = shutil.ignore_patterns("__pycache__", ".*")
    for folder in ("functions", "shared"):
        shutil.copytree(source / folder, target / folder, ignore=unwanted)
    shutil.copy2(source / "requirements.txt", target)
    return target


def _names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


# What is inside


def test_the_same_files_give_the_same_bytes(tree: Path, index: dict[str, Archive], fresh: Path) -> None:
    for path in sorted(fresh.rglob("*"), reverse=True):
        os.utime(path, (1_500_000_000, 1_500_000_000))
        if path.is_file():
            path.chmod(0o700)
    (fresh / "shared" / "__pycache__").mkdir()
    (fresh / "shared" / "__pycache__" / "log.cpython-311.pyc").write_bytes(b"compiled")
    (fresh / "shared" / ".hidden").write_bytes(b"of an editor")
    assert build_all(fresh, fresh / "package") == index
    for archive in index.values():
        assert (fresh / "package" / archive.object).read_bytes() == (tree / "package" / archive.object).read_bytes()


def test_every_function_of_the_manifest_has_an_archive(packages: Path, index: dict[str, Archive]) -> None:
    assert {name: archive.entry for name, archive in index.items()} == {n: f.entry for n, f in FUNCTIONS.items()}
    stored = json.loads((packages / "index.json").read_bytes())
    assert {path.name for path in packages.glob("*.zip")} == {entry["object"] for entry in stored.values()}
    for name, entry in stored.items():
        assert (packages / entry["object"]).stat().st_size == entry["size_bytes"] <= LARGEST_BYTES
        assert entry["object"] == f"{name}-{entry['sha256'][:12]}.zip"


def test_an_archive_has_what_is_deployed_and_nothing_else(packages: Path, index: dict[str, Archive]) -> None:
    for name, archive in index.items():
        inside = _names(packages / archive.object)
        assert inside == sorted(inside)
        assert {
            "main.py",
            "requirements.txt",
            "shared/bootstrap/__init__.py",
            "shared/platform/gcp/documents.py",
        } <= set(inside)
        assert not [each for each in inside if each.startswith(FORBIDDEN)]
        assets = tuple(f"{asset}/" for asset in FUNCTIONS[name].assets)
        others = [each for each in inside if not each.endswith(".py") and not (assets and each.startswith(assets))]
        assert others == ["requirements.txt"]


def test_a_change_of_one_function_changes_its_object_only(fresh: Path, index: dict[str, Archive]) -> None:
    before = build_all(fresh, fresh / "package")
    with (fresh / "functions" / "orders" / "main.py").open("a") as source:
        source.write("# changed\n")
    after = build_all(fresh, fresh / "package")
    assert before == index
    assert [name for name in before if before[name] != after[name]] == ["orders"]
    assert not (fresh / "package" / before["orders"].object).exists()


def _note_in_shared(root: Path) -> None:
    (root / "shared" / "notes.txt").write_text("to do")


def _lost_main(root: Path) -> None:
    (root / "functions" / "orders" / "main.py").unlink()


def _lost_asset(root: Path) -> None:
    shutil.rmtree(root / "functions" / "build_report" / "fonts")


def _large_asset(root: Path) -> None:
    (root / "functions" / "build_report" / "fonts" / "Large.ttf").write_bytes(bytes(LARGEST_BYTES))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_note_in_shared, r"notes\.txt is neither a module nor an asset"),
        (_lost_main, r"orders: there is no main\.py"),
        (_lost_asset, "build_report: there is no fonts"),
        (_large_asset, r"build_report: the archive has \d+ bytes"),
    ],
)
def test_what_cannot_be_deployed_is_refused(fresh: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(fresh)
    with pytest.raises(BadPackage, match=message):
        build_all(fresh, fresh / "package")


# Whether it runs


def _needed(packages: Path, index: dict[str, Archive]) -> set[Import]:
    """All imports but the choice of the adapters for one machine, which the composition root alone may make."""
    found = {each for archive in index.values() for each in imports_of(packages / archive.object)}
    return {
        each
        for each in found
        if not (each.where == "shared/bootstrap/adapters.py" and each.module.startswith(f"{LOCAL_ADAPTERS}."))
    }


def test_every_import_is_in_the_archive_or_in_the_lock(
    environment: Environment, packages: Path, index: dict[str, Archive], tmp_path: Path
) -> None:
    pip(environment, "check")
    folder = unpack(packages / index["build_report"].object, tmp_path / "build_report")
    assert unresolved(environment.python, folder, _needed(packages, index)) == []


def test_an_import_from_outside_is_noticed(
    environment: Environment, packages: Path, index: dict[str, Archive], fresh: Path
) -> None:
    with (fresh / "shared" / "log.py").open("a") as source:
        source.write("\ndef late():\n    import aiohttp\n    from shared import manifest\n")
    changed = build_all(fresh, fresh / "package")
    folder = unpack(fresh / "package" / changed["orders"].object, fresh / "unpacked")
    added = imports_of(fresh / "package" / changed["orders"].object) - imports_of(packages / index["orders"].object)
    missing = unresolved(environment.python, folder, added)
    assert [each.split(":")[0] for each in missing] == ["aiohttp ", "shared manifest"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_archive_boots_and_answers(
    environment: Environment, packages: Path, index: dict[str, Archive], google: Pusher, tmp_path: Path, name: str
) -> None:
    folder = unpack(packages / index[name].object, tmp_path / name)
    topic = FUNCTIONS[name].topic is not None
    with serving(environment, folder, index[name].entry, {**MINIMAL, **(google.settings if topic else {})}) as url:
        health = requests.get(f"{url}/health", timeout=ANSWER_WITHIN_S)
        assert health.status_code == requests.codes.ok
        if topic:
            assert _push(url, google.authorization) == requests.codes.no_content
            assert _push(url, "Bearer a.b.c") == requests.codes.unauthorized


def _push(url: str, authorization: str) -> int:
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    return requests.post(url, data=PING, headers=headers, timeout=ANSWER_WITHIN_S).status_code


def test_an_archive_that_lacks_a_module_does_not_boot(
    environment: Environment, packages: Path, index: dict[str, Archive], tmp_path: Path
) -> None:
    folder = unpack(packages / index["orders"].object, tmp_path / "orders")
    (folder / "shared" / "settings.py").unlink()
    with pytest.raises(NotStarted, match=r"shared\.settings"), serving(environment, folder, "handle_orders", MINIMAL):
        pass
