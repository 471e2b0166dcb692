"""SecretStore in environment variables, and the reader of a ``.env`` file.

Version 1 of secret ``cpt-token-key`` is ``SECRET_CPT_TOKEN_KEY``, version n is ``SECRET_CPT_TOKEN_KEY__n``. An empty
variable is a disabled version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from shared.platform.errors import NotFound
from shared.platform.limits import check_secret_name
from shared.platform.ports import SecretVersion

_QUOTED: Final = re.compile(r"""(['"])(.*)\1""")
_ASSIGNMENT: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


class EnvironmentSecrets:
    """Secrets of a mapping such as ``os.environ``, read anew at every call."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Read secrets from `environ`."""
        self._environ = environ

    def get(self, name: str, version: int | None = None) -> SecretVersion:
        """The pinned version, or the newest enabled one. Raises NotFound (also for a disabled version)."""
        for each in self.enabled(name):
            if version in {None, each.version}:
                return each
        raise NotFound(f"version {version} of secret {name}")

    def enabled(self, name: str) -> list[SecretVersion]:
        """Every enabled version, newest first. Raises NotFound when there is none."""
        check_secret_name(name)
        versions = sorted(self._versions(name), key=lambda each: each.version, reverse=True)
        if not versions:
            raise NotFound(f"no enabled version of secret {name}")
        return versions

    def _versions(self, name: str) -> Iterator[SecretVersion]:
        variable = "SECRET_" + name.upper().replace("-", "_")
        pattern = re.compile(re.escape(variable) + r"(?:__([1-9][0-9]*))?")
        for candidate, value in self._environ.items():
            match = pattern.fullmatch(candidate)
            if match and value:
                yield SecretVersion(name, int(match[1] or 1), value.encode("utf-8", "surrogateescape"))


def load_env_file(path: Path | str) -> dict[str, str]:
    """The assignments of a ``.env`` file.

    One ``NAME=value`` a line, with or without ``export``; blank lines and lines that start with ``#`` are skipped; a
    value may stand in single or double quotes, and nothing in it is expanded.

    Raises:
        OSError: The file cannot be read.
        ValueError: A line is no assignment; the message gives its number, not its text.
    """
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    numbered = ((number, line.strip()) for number, line in enumerate(lines, start=1))
    return dict(_assignment(number, line) for number, line in numbered if line and not line.startswith("#"))


def _assignment(number: int, line: str) -> tuple[str, str]:
    match = _ASSIGNMENT.fullmatch(line)
    if match is None:
        raise ValueError(f"line {number} is not NAME=value")
    name, value = match.groups()
    quoted = _QUOTED.fullmatch(value)
    return name, quoted[2] if quoted else value
