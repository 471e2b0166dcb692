"""Record a utility's list of active energy sites: ENV=dev ./run -a energy_import_utility FILE.

FILE is CSV whose first line is energy_site_id,active,note,until (the last two may be left out; until is a date or a
moment with its offset). A bad line costs that line only; lists of any length are recorded in parts.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from shared import bootstrap
from shared.api.energy.utility_list import MOST_LINES, BadList, UtilityList, read_list
from shared.cli.output import Finding
from shared.energy.desk import EnergyDesk
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
    desk, found = bootstrap.energy_desk(), list[Finding]()
    try:
        for first, part in _parts(text):
            found += _recorded(desk, first, read_list(part, desk.clock.now()))
    except BadList as error:
        found.append(Finding(options.file.name, "failed", str(error), "mend the list and import it again"))
    except PlatformError as error:
        found.append(Finding(options.file.name, "failed", type(error).__name__, "import it again; nothing is lost"))
    return found or [Finding(options.file.name, "skipped", "the list is empty")]


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """The list in parts that each begin with the header, with the number of the line before their first one."""
    header, *lines = text.removeprefix("\ufeff").splitlines() or [""]
    for first in range(0, max(len(lines), 1), MOST_LINES):
        yield first, "\n".join([header, *lines[first : first + MOST_LINES]])


def _recorded(desk: EnergyDesk, first: int, part: UtilityList) -> Iterator[Finding]:
    """Record one part. Raises PlatformError."""
    unknown = desk.registry.record_many("utility", part.facts)
    recorded = len(part.facts) - len(unknown)
    yield Finding(
        f"from line {first + 2}",
        "ok",
        f"{recorded} site(s) recorded",
        data={"recorded": recorded, "unknown": unknown},
    )
    for site_id in unknown:
        yield Finding(
            site_id, "warning", "is not enrolled here", "nothing is recorded for it; ask its owner to enrol"
        )
    for line, problem in part.problems:
        yield Finding(f"line {first + line}", "failed", problem, "mend the line and import it again")
