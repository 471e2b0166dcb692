"""A utility's list of active homes as CSV: read line by line, so that a bad line costs that line only."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta

import msgspec

from shared.energy.model import Evidence, Fact

MOST_LINES = 1_000
"""Each line is a write of its own, and all of them are answered within one call."""
LONGEST_NOTE = 500
FOREVER = datetime(9000, 1, 1, tzinfo=UTC)
"""What comes later, such as the year 9999, means no end, and is more than stores can hold."""

_COLUMNS = ("energy_site_id", "active", "note", "until")
_REQUIRED = ("energy_site_id", "active")
_SITE_ID = re.compile(r"[0-9]{1,30}")
_WORDS = {"true": True, "yes": True, "1": True, "active": True, "false": False, "no": False, "0": False}
_WORDS |= {"inactive": False}


class BadList(Exception):
    """The list as a whole cannot be read; the message says why."""


class _BadLine(Exception):
    pass


class UtilityList(msgspec.Struct, frozen=True):
    """What a list says: a fact by site, and the lines that say nothing, as (line number, what is wrong)."""

    facts: dict[str, Fact] = {}
    problems: list[tuple[int, str]] = []


def read_list(text: str, now: datetime, *, most: int | None = MOST_LINES) -> UtilityList:
    """Read a list with the columns energy_site_id, active and optionally note and until, in any order.

    `active` is true or false (also yes, no, 1, 0, active, inactive). `until` is a date, whose end in UTC is meant, or
    a moment with its offset; it lies ahead. A site named twice is a problem of the second line. Lines are numbered
    from 1, the header. `most`: lines, None for any number.

    Raises:
        BadList: no header, unknown columns, too many lines, or no CSV at all.
    """
    found = UtilityList()
    for number, row in _rows(text, most):
        try:
            site_id, fact = _fact(row, now, found.facts)
            found.facts[site_id] = fact
        except _BadLine as error:
            found.problems.append((number, str(error)))
    return found


def _rows(text: str, most: int | None) -> Iterator[tuple[int, dict[str | None, str | list[str] | None]]]:
    """The lines with their numbers, blank ones left out."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True, skipinitialspace=True)
    try:
        _check_header(reader.fieldnames)
        for count, row in enumerate(reader, 1):
            if most is not None and count > most:
                raise BadList(f"a list has at most {most} lines; import it in parts")
            yield reader.line_num, row
    except csv.Error as error:
        raise BadList(f"line {reader.reader.line_num} is no CSV: {error}") from None


def _check_header(names: object) -> None:
    given = [str(name).strip() for name in names] if isinstance(names, list) else []
    lacking = [name for name in _REQUIRED if name not in given]
    if lacking or len(given) != len(set(given)) or not set(given) <= set(_COLUMNS):
        raise BadList(f"the first line names the columns: {', '.join(_COLUMNS)}; the first two are needed")


def _fact(
    row: Mapping[str | None, str | list[str] | None], now: datetime, known: Mapping[str, Fact]
) -> tuple[str, Fact]:
    """The site and what the line says of it. Raises _BadLine."""
    if None in row:
        raise _BadLine("the line has more fields than there are columns")
    cells = {str(name).strip(): str(cell or "").strip() for name, cell in row.items()}
    site_id, note = cells["energy_site_id"], cells.get("note", "")
    if not _SITE_ID.fullmatch(site_id):
        raise _BadLine("energy_site_id has to be Tesla's number")
    if site_id in known:
        raise _BadLine("the site stands in an earlier line")
    active = _WORDS.get(cells["active"].lower())
    if active is None:
        raise _BadLine("active has to be true or false")
    if len(note) > LONGEST_NOTE:
        raise _BadLine(f"a note has at most {LONGEST_NOTE} characters")
    until = _until(cells.get("until", ""), now)
    return site_id, Fact(holds=active, at=now, evidence=Evidence.IMPORT, detail=note, until=until)


def _until(text: str, now: datetime) -> datetime | None:
    """The moment after which the fact does not hold any more. Raises _BadLine."""
    if not text:
        return None
    moment = _moment(text)
    if moment is None:
        raise _BadLine("until has to be a date, or a moment with its offset from UTC")
    if moment <= now:
        raise _BadLine("until lies in the past")
    return min(moment, FOREVER)


def _moment(text: str) -> datetime | None:
    try:
        if len(text) == len("2000-01-01"):
            return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=1)
        moment = datetime.fromisoformat(text)
    except OverflowError:
        return FOREVER
    except ValueError:
        return None
    return moment if moment.tzinfo else None
