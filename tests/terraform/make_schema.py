"""Writes `schema.json` anew: the provider's schema of every type that `terraform/` uses.

The attributes, blocks, types and required flags come from the generated code of the npm package
``@cdktf/provider-google`` (``npm install @cdktf/provider-google`` in a folder outside this project):

    python -m tests.terraform.make_schema .../node_modules/@cdktf/provider-google

The package does not say which optional attributes the service fills in; every optional one is taken to be.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.terraform.schema import SCHEMA, TERRAFORM

_USED = re.compile(r'^\s*(resource|data)\s+"google_(\w+)"', re.MULTILINE)
_ENTRY = re.compile(
    r"(\w+): \{\s+value: (?P<value>.*?),\s+isBlock: (?P<block>\w+),\s+type: \"(?P<type>\w+)\","
    r"\s+storageClassType: \"(?P<storage>\w+)\"",
    re.DOTALL,
)
_GETTER = re.compile(r"\n    get (\w+)\(\) \{(.*?)\n    \}", re.DOTALL)
_TYPED_GETTER = re.compile(r"get(String|Number|Boolean|List)Attribute\('(\w+)'\)")
_PLAIN = {"string": "string", "number": "number", "boolean": "bool"}
_COMPUTED = {"String": "string", "Number": "number", "Boolean": "bool", "List": ["list", "string"]}
_NOT_ATTRIBUTES = frozenset({"internalValue", "fqn", "stringMap"})

Json = dict[str, Any]


class _Type:
    """One resource or data source as the package's generated code describes it."""

    def __init__(self, folder: Path) -> None:
        self._code = (folder / "index.js").read_text()
        self._types = (folder / "index.d.ts").read_text()
        self._functions = dict(
            re.findall(r"function (\w+)ToHclTerraform\(struct\) \{(.*?)\n\}", self._code, re.DOTALL)
        )
        self._classes = dict(re.findall(r"\nclass (\w+) extends [\w.]+ \{(.*?)\n\}", self._code, re.DOTALL))

    def schema(self) -> Json:
        """Its top block."""
        config = re.search(r"export interface (\w+Config) ", self._types)
        name = next(name for name, body in self._classes.items() if "synthesizeHclAttributes()" in body)
        body = re.search(r"synthesizeHclAttributes\(\) \{(.*?)\n    \}", self._code, re.DOTALL)
        if config is None or body is None:
            raise ValueError(f"not a resource of the package: {name}")
        return self._block(body[1], config[1], name)

    def _block(self, body: str, interface: str, name: str) -> Json:
        required = self._required(interface)
        attributes: Json = {}
        blocks: Json = {}
        for match in _ENTRY.finditer(body):
            key = match[1]
            need = _camel(key) in required
            nested = next(
                (f for f in re.findall(r"(\w+)ToHclTerraform", match["value"]) if f in self._functions), None
            )
            if nested:
                blocks[key] = self._nested(match, nested, need=need)
            else:
                attributes[key] = [_type(match), "required" if need else "optional"]
        for key, kind in self._computed(name):
            if key not in attributes and key not in blocks:
                attributes[key] = [kind, "computed"]
        return {"attributes": attributes, "blocks": blocks}

    def _nested(self, match: re.Match[str], function: str, *, need: bool) -> Json:
        interface = function[0].upper() + function[1:]
        block = self._block(self._functions[function], interface, f"{interface}OutputReference")
        if match[1] == "timeouts":
            return {"nesting": "single", "min": 0, "max": 0, "block": block}
        many = "listMapper" in match["value"]
        return {
            "nesting": "set" if match["type"] == "set" else "list",
            "min": int(need),
            "max": 0 if many else 1,
            "block": block,
        }

    def _required(self, interface: str) -> set[str]:
        found = re.search(rf"export interface {interface}\b[^{{]*\{{(.*?)\n\}}", self._types, re.DOTALL)
        return set(re.findall(r"readonly (\w+): ", found[1])) if found else set()

    def _computed(self, name: str) -> Iterator[tuple[str, Any]]:
        for getter, code in _GETTER.findall(self._classes.get(name, "")):
            if getter.endswith("Input") or getter in _NOT_ATTRIBUTES:
                continue
            typed = _TYPED_GETTER.search(code)
            yield (typed[2], _COMPUTED[typed[1]]) if typed else (_snake(getter), "dynamic")


def _type(match: re.Match[str]) -> Any:
    storage = match["storage"]
    if match["type"] == "simple":
        return _PLAIN.get(storage, "dynamic")
    inner = re.sub("(List|Map)$", "", storage)
    return [match["type"], _PLAIN.get(inner, "string")]


def _camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", name)


def make_schema(package: Path, terraform: Path) -> Json:
    """The schema of the provider and of every type that the `.tf` files below `terraform` use. Raises KeyError."""
    # Folder names keep no boundary between a word and a digit: compare without separators.
    folders = {folder.name.replace("-", ""): folder for folder in (package / "lib").iterdir() if folder.is_dir()}
    used = {match for path in terraform.rglob("*.tf") for match in _USED.findall(path.read_text())}

    def of(kind: str, prefix: str) -> Json:
        names = sorted(name for each, name in used if each == kind)
        return {f"google_{name}": _Type(folders[prefix + name.replace("_", "")]).schema() for name in names}

    provider = _Type(folders["provider"]).schema()
    return {"provider": provider, "resources": of("resource", ""), "data": of("data", "datagoogle")}


def _one_type_a_line(schema: Json) -> str:
    """The schema as JSON whose changes can be read."""

    def lines(part: Json) -> str:
        return ",\n".join(
            f"{json.dumps(name)}:{json.dumps(part[name], separators=(',', ':'), sort_keys=True)}"
            for name in sorted(part)
        )

    return "{\n" + ",\n".join(f'"{name}":{{\n{lines(schema[name])}\n}}' for name in sorted(schema)) + "\n}\n"


if __name__ == "__main__":
    SCHEMA.write_text(_one_type_a_line(make_schema(Path(sys.argv[1]), TERRAFORM)))
