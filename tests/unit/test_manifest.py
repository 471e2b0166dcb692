"""functions.yaml: the real one holds against code and files, and bad entries are named."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.api import partner_key
from shared.api.tables import routes_of
from shared.edge.routes import Route
from shared.manifest import BadManifest, parse_manifest, read_manifest

ROOT = Path(__file__).resolve().parents[2]
PATH = ROOT / "functions" / "functions.yaml"


def _document() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(PATH.read_text())
    return document


def test_every_function_of_the_manifest_has_its_entry_point() -> None:
    for name, item in read_manifest(PATH).functions.items():
        path = ROOT / "functions" / name / "main.py"
        spec = importlib.util.spec_from_file_location(f"entry_{name}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert callable(getattr(module, item.entry)), name


def test_every_folder_of_functions_is_in_the_manifest() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/main.py")}
    assert folders == set(read_manifest(PATH).functions)


def test_assets_exist() -> None:
    for name, item in read_manifest(PATH).functions.items():
        for folder in item.assets:
            assert any((ROOT / "functions" / name / folder).iterdir()), (name, folder)


def test_route_tables_lie_under_the_paths_of_their_function() -> None:
    functions = read_manifest(PATH).functions
    served = {name for name, item in functions.items() if item.paths}
    tables: dict[str, tuple[Route[Any], ...]] = {name: routes_of(name) for name in served - {"partner_key"}}
    tables["partner_key"] = partner_key.ROUTES
    for name, routes in tables.items():
        for route in routes:
            assert any(route.path.startswith(prefix) for prefix in functions[name].paths), (name, route.path)
            others = [path for other, item in functions.items() if other != name for path in item.paths]
            assert not any(route.path.startswith(prefix) for prefix in others), (name, route.path)


def test_partner_key_reads_one_secret_and_nothing_else() -> None:
    rights = read_manifest(PATH).functions["partner_key"].rights
    assert (rights.documents, rights.blobs, rights.publish, rights.sign_urls) == (None, None, (), False)
    assert rights.secrets == ("bnc-cpt-tesla-public-key",)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda d: d["functions"]["oauth"].update(memory="512MB"), "functions.oauth"),
        (lambda d: d["functions"]["oauth"].update(colour="red"), "colour"),
        (lambda d: d["functions"]["oauth"].pop("entry"), "entry"),
        (lambda d: d["functions"]["oauth"].pop("paths"), "either paths or a topic"),
        (lambda d: d["functions"]["fetch_order"].update(timeout_s=900), "functions.fetch_order: timeout_s"),
        (lambda d: d["functions"]["fetch_order"]["topic"].update(name="fetch-vehicle"), "shares its topic"),
        (lambda d: d["functions"]["fetch_order"].update(entry="build_report"), "shares its entry point"),
        (lambda d: d["functions"]["fetch_order"]["rights"].update(publish=["nowhere"]), "unknown topic nowhere"),
        (lambda d: d["functions"]["orders"].update(instances=[5, 1]), "instances"),
        (lambda d: d.update(extra=1), "extra: unknown entry"),
    ],
)
def test_bad_entries_are_named(change: Any, named: str) -> None:
    document = copy.deepcopy(_document())
    change(document)
    with pytest.raises(BadManifest, match=named):
        parse_manifest(document)


def test_all_bad_entries_are_named_at_once() -> None:
    document = _document()
    document["functions"]["oauth"].update(memory="x")
    document["functions"]["orders"].update(memory="y")
    with pytest.raises(BadManifest) as error:
        parse_manifest(document)
    assert "functions.oauth" in str(error.value)
    assert "functions.orders" in str(error.value)


@pytest.mark.parametrize("document", [None, [], {}, {"functions": []}, "text"])
def test_something_else_is_no_manifest(document: Any) -> None:
    with pytest.raises(BadManifest):
        parse_manifest(document)
