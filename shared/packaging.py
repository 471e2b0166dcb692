"""`python -m shared.packaging`: one archive per function of the manifest, byte for byte the same from the same files.

An archive is what a function's build unpacks: `main.py` and its assets, the deployable part of `shared/`, and
`requirements.txt` with its hashes. Nothing in it depends on when, where and by whom it was made: sorted names, one
time, one mode, no compression (compressed bytes differ between releases of the compressor). Its name carries the hash
of its bytes, so that an unchanged function keeps its object and a changed one can be told from it.

Beside the archives lies `index.json`: function -> {object, sha256, size_bytes, entry}.
"""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from shared.manifest import Function, read_manifest

LARGEST_BYTES = 3 * 1024 * 1024
"""Of an archive. Its dependencies are not in it."""
NOT_DEPLOYED = ("cli", "manifest.py", "packaging.py", "platform/embedded")
"""Of `shared/`: what only machines of developers and operators run."""
INDEX = "index.json"

_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that the format knows
_MODE = 0o100644
_UNIX = 3
_SHORT_HASH = 12


class BadPackage(Exception):
    """An archive cannot be made; the message names the function and the file."""


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the index; `object` is the name of the file beside it and of the object in the bucket."""

    object: str
    sha256: str
    size_bytes: int
    entry: str


def build_all(root: Path, folder: Path) -> dict[str, Archive]:
    """Write the archives of all functions and their index into the folder; archives of other content there go.

    Args:
        root: The project's folder, with `functions/`, `shared/` and `requirements.txt`.
        folder: Made when it is missing.

    Returns:
        The index: function -> archive.

    Raises:
        BadManifest, BadPackage, OSError.
    """
    manifest = read_manifest(root / "functions" / "functions.yaml")
    folder.mkdir(parents=True, exist_ok=True)
    index = {name: _build(root, folder, name, item) for name, item in sorted(manifest.functions.items())}
    current = {archive.object for archive in index.values()}
    for path in folder.glob("*.zip"):
        if path.name not in current:
            path.unlink()
    (folder / INDEX).write_bytes(msgspec.json.format(msgspec.json.encode(index), indent=2) + b"\n")
    return index


def _build(root: Path, folder: Path, name: str, function: Function) -> Archive:
    content = _zipped(_contents(root, name, function))
    if len(content) > LARGEST_BYTES:
        raise BadPackage(f"{name}: the archive has {len(content)} bytes, more than {LARGEST_BYTES}")
    digest = hashlib.sha256(content).hexdigest()
    archive = Archive(
        object=f"{name}-{digest[:_SHORT_HASH]}.zip", sha256=digest, size_bytes=len(content), entry=function.entry
    )
    (folder / archive.object).write_bytes(content)
    return archive


def _contents(root: Path, name: str, function: Function) -> dict[str, Path]:
    """Name in the archive -> file. Raises BadPackage."""
    own, common = root / "functions" / name, root / "shared"
    for needed in ("main.py", *function.assets):
        if not (own / needed).exists():
            raise BadPackage(f"{name}: there is no {needed} in its folder")
    contents = {"requirements.txt": root / "requirements.txt"}
    contents |= {inner: own / inner for inner in _deployed(own, function.assets, ())}
    contents |= {f"shared/{inner}": common / inner for inner in _deployed(common, (), NOT_DEPLOYED)}
    return contents


def _deployed(folder: Path, assets: Sequence[str], excluded: Sequence[str]) -> Iterator[str]:
    """The modules and assets of a folder, by their names in it. Raises BadPackage on anything else."""
    for path in _files(folder):
        inner = path.relative_to(folder)
        if any(inner.is_relative_to(each) for each in excluded):
            continue
        if inner.suffix != ".py" and not any(inner.is_relative_to(asset) for asset in assets):
            raise BadPackage(f"{folder.name}: {inner} is neither a module nor an asset of the manifest")
        yield inner.as_posix()


def _files(folder: Path) -> Iterator[Path]:
    """Every file below, but caches and hidden files."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in parts):
            yield path


def _zipped(contents: Mapping[str, Path]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, path in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.create_system, entry.external_attr = _UNIX, _MODE << 16
            archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def main() -> None:
    """Package the project that this file belongs to into `build/package/`, and say what came of it."""
    root = Path(__file__).resolve().parents[1]
    folder = root / "build" / "package"
    for archive in build_all(root, folder).values():
        sys.stdout.write(f"{(folder / archive.object).relative_to(root)}  {archive.size_bytes / 1024:.0f} KiB\n")


if __name__ == "__main__":
    main()
