"""Record a utility's list of active energy sites: ENV=dev ./run -a energy_import_utility FILE.

FILE is CSV whose first line is energy_site_id,active,note,until (the last two may be left out; until is a date or a
moment with its offset). A bad line costs that line only; lists of any length are recorded in parts.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from shared import bootstrap
from shared.api.energy.utility_list import MOST_LINES, BadList, read_list
from shared.cli.output import Finding
from shared.energy.desk import EnergyDesk
from shared.energy.model import Fact
from shared.platform.errors import PlatformError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("file", metavar="FILE", type=Path, help="the list, in UTF-8")


def run(options: argparse.Namespace) -> list[Finding]:
    """Record the list; one finding for each part, each unknown site and each bad line."""
    try:
        text = options.file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return [Finding(str(options.file), "failed", f"cannot be read: {type(error).__name__}", "give a UTF-8 file")]
    try:
        return _imported(bootstrap.energy_desk(), text)
    except BadList as error:
        return [Finding(options.file.name, "failed", str(error), "mend the list and import it again")]
    except PlatformError as error:
        return [Finding(options.file.name, "failed", type(error).__name__, "import it again; nothing is lost")]


def _imported(desk: EnergyDesk, text: str) -> list[Finding]:
    """Record the whole list. Raises BadList before anything is recorded, PlatformError."""
    wanted = read_list(text, desk.clock.now(), most=None)
    found = [finding for part in _parts(wanted.facts) for finding in _recorded(desk, part)]
    found += [
        Finding(f"line {line}", "failed", problem, "mend the line and import it again")
        for line, problem in wanted.problems
    ]
    return found or [Finding("list", "skipped", "it names no site")]


def _parts(facts: Mapping[str, Fact]) -> Iterator[dict[str, Fact]]:
    """The facts in parts of as many as are recorded in one go."""
    rest = iter(facts.items())
    while part := dict(islice(rest, MOST_LINES)):
        yield part


def _recorded(desk: EnergyDesk, part: Mapping[str, Fact]) -> Iterator[Finding]:
    """Record one part. Raises PlatformError."""
    unknown = desk.registry.record_many("utility", part)
    recorded = len(part) - len(unknown)
    yield Finding(
        f"{next(iter(part))} and on",
        "ok",
        f"{recorded} site(s) recorded",
        data={"recorded": recorded, "unknown": unknown},
    )
    for site_id in unknown:
        yield Finding(
            site_id, "warning", "is not enrolled here", "nothing is recorded for it; ask its owner to enrol"
        )
