"""From Tesla's answers about an energy site to the values the fleet works with: reading, programmes, equipment.

Nothing that Tesla sends is taken beyond what a home can be: a value out of bounds becomes None and its field is named
in the reading's flags, so that one broken meter costs its own figure only. Units are W, Wh and percent throughout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from shared.energy.model import Equipment
from shared.energy.samples import FRESH_S, Reading
from shared.tesla.models.live_status import LiveStatus
from shared.tesla.models.site_info import SiteComponents, SiteDevice, SiteInfo

MOST_POWER_W = 1_000_000.0
MOST_ENERGY_WH = 10_000_000.0
"""Ten times what the largest home installation holds; more is a broken value."""
MOST_BATTERIES = 100
UNKNOWN_UNIT_POWER_W = 4_600.0
"""Taken for a battery whose rating Tesla does not give: less than the 5 kW of the weakest Powerwall still in service,
because some grids allow no more per home."""
UNKNOWN_UNIT_ENERGY_WH = 12_000.0
"""Taken for a battery whose energy Tesla does not give: a Powerwall 2, + or 3 holds 13.5 kWh when it is new."""
NO_METER_LIMIT_W = 1_000_000_000.0
"""Tesla's way to say that the site's meter has no limit."""

UNBALANCED = "unbalanced"
BALANCE_TOLERANCE_W = 50.0
BALANCE_TOLERANCE_SHARE = 0.02
"""Meters are not read at the same instant: this share of the largest flow comes on top of the fixed tolerance."""

_ENERGY_ABOVE_PACK = 1.05
_OLDEST_YEAR = 2010
_TEXT_LENGTH = 64
_BOUNDS = (
    ("battery_power", -MOST_POWER_W, MOST_POWER_W),
    ("solar_power", -MOST_POWER_W, MOST_POWER_W),
    ("load_power", -MOST_POWER_W, MOST_POWER_W),
    ("grid_power", -MOST_POWER_W, MOST_POWER_W),
    ("generator_power", -MOST_POWER_W, MOST_POWER_W),
    ("energy_left", 0.0, MOST_ENERGY_WH),
    ("total_pack_energy", 0.0, MOST_ENERGY_WH),
    ("percentage_charged", 0.0, 100.0),
    ("backup_reserve_percent", 0.0, 100.0),
)
"""Tesla's names of the figures, in the order in which `reading` takes them, with their bounds."""

ACTIVE = frozenset({"active", "enrolled", "status_active", "enrollment_status_active", "enrollment_status_enrolled"})
"""What a status has to say, in any case and with spaces or hyphens for underscores. Everything else, such as
``pending``, ``invited``, ``eligible``, ``inactive`` or ``unenrolled``, does not count."""
UNNAMED = "unnamed programme"
MOST_PROGRAMMES = 4
"""Names kept of one site: a shard keeps those of all its sites in one document."""

_STATUS_KEYS = (
    "status",
    "state",
    "program_status",
    "enrollment_status",
    "enrolment_status",
    "active",
    "is_active",
    "enrolled",
)
_NAME_KEYS = ("name", "program_name", "programme", "program", "program_id", "id", "code")
_LIST_KEYS = ("programs", "response")


def reading(status: LiveStatus, received_at: datetime) -> Reading:
    """What ``live_status`` said, bounded and checked.

    `flags` holds Tesla's names of the fields that were out of bounds (their values are None), and `UNBALANCED` when
    solar + battery + grid + generator differ from the load by more than the tolerance. The balance is judged only
    where solar, battery, grid and load are all there; a generator that is not reported runs at 0 W.

    Args:
        status: The answer.
        received_at: When it came, by our clock; aware.
    """
    flags: list[str] = []
    battery_w, solar_w, load_w, grid_w, generator_w, energy_wh, pack_wh, charged, reserve = _figures(status, flags)
    if energy_wh is not None and pack_wh and energy_wh > pack_wh * _ENERGY_ABOVE_PACK:
        flags.append("energy_left")
        energy_wh = None
    if not _balanced(load_w, solar_w, battery_w, grid_w, generator_w or 0.0):
        flags.append(UNBALANCED)
    return Reading(
        received_at,
        _device_time(status.timestamp, received_at, flags),
        battery_w,
        solar_w,
        load_w,
        grid_w,
        generator_w,
        energy_wh,
        pack_wh,
        charged,
        reserve,
        (status.island_status or "")[:_TEXT_LENGTH],
        (status.grid_status or "")[:_TEXT_LENGTH],
        status.storm_mode_active,
        status.grid_services_active,
        None if status.programs is None else active_programmes(status.programs),
        tuple(flags),
    )


def _figures(status: LiveStatus, flags: list[str]) -> list[float | None]:
    """The nine figures in the order of `_BOUNDS`; None for what is absent or out of bounds (then flagged)."""
    figures = [
        status.battery_power_w,
        status.solar_power_w,
        status.load_power_w,
        status.grid_power_w,
        status.generator_power_w,
        status.energy_left_wh,
        status.total_pack_energy_wh,
        status.percentage_charged,
        status.backup_reserve_percent,
    ]
    for index, (name, least, most) in enumerate(_BOUNDS):
        value = figures[index]
        # Written so that NaN, which compares with nothing, is out of bounds too.
        if value is not None and not least <= value <= most:
            flags.append(name)
            figures[index] = None
    return figures


def _balanced(
    load_w: float | None, solar_w: float | None, battery_w: float | None, grid_w: float | None, generator_w: float
) -> bool:
    """Whether the flows make up the load; taken as given where one of them is missing."""
    if load_w is None or solar_w is None or battery_w is None or grid_w is None:
        return True
    residual_w = abs(solar_w + battery_w + grid_w + generator_w - load_w)
    if residual_w <= BALANCE_TOLERANCE_W:
        return True
    largest_w = max(abs(load_w), abs(solar_w), abs(battery_w), abs(grid_w), abs(generator_w))
    return residual_w <= BALANCE_TOLERANCE_W + BALANCE_TOLERANCE_SHARE * largest_w


def _device_time(stamp: datetime | None, received_at: datetime, flags: list[str]) -> datetime | None:
    """The device's own time. One that lies ahead of ours by more than two polls would hide a dead gateway: none."""
    if stamp is None:
        return None
    if stamp.year < _OLDEST_YEAR or (stamp - received_at).total_seconds() > FRESH_S:
        flags.append("timestamp")
        return None
    return stamp


def equipment(info: SiteInfo, read_at: datetime) -> Equipment:
    """What ``site_info`` says of ratings and settings. None, "" and False where it says nothing.

    Ratings are the nameplate's; else the sum over the batteries, if all of them give theirs; else the number of
    batteries times a low value for one (`UNKNOWN_UNIT_POWER_W`, `UNKNOWN_UNIT_ENERGY_WH`). A site without battery
    has the count 0; a count of None means that the answer does not tell.

    Args:
        info: The answer.
        read_at: When it came, by our clock; aware.
    """
    parts = info.components or SiteComponents()
    batteries = [battery for battery in parts.batteries or () if battery.is_active is not False]
    count = _battery_count(info, batteries)
    return Equipment(
        read_at=read_at,
        rated_power_w=_rating(
            info.nameplate_power_w,
            [battery.nameplate_max_discharge_power_w for battery in batteries],
            (count, UNKNOWN_UNIT_POWER_W),
            MOST_POWER_W,
        ),
        pack_energy_wh=_rating(
            info.nameplate_energy_wh,
            [battery.nameplate_energy_wh for battery in batteries],
            (count, UNKNOWN_UNIT_ENERGY_WH),
            MOST_ENERGY_WH,
        ),
        battery_count=count,
        backup_reserve_percent=_within(info.backup_reserve_percent, 100.0),
        vpp_reserve_percent=_within(info.vpp_backup_reserve_percent, 100.0),
        mode=(info.default_real_mode or "")[:_TEXT_LENGTH],
        export_rule=(parts.customer_preferred_export_rule or "")[:_TEXT_LENGTH],
        non_export=parts.non_export_configured is True,
        export_cap_w=_export_cap_w(info),
        has_solar=parts.solar is True,
        storm_mode_enabled=None if info.user_settings is None else info.user_settings.storm_mode_enabled,
        time_zone=(info.installation_time_zone or "").strip()[:_TEXT_LENGTH],
        has_tariff=bool(info.tariff_content_v2 or info.tariff_content),
    )


def _battery_count(info: SiteInfo, batteries: list[SiteDevice]) -> int | None:
    """How many batteries there are; 0 where the answer shows that there are none; None where it does not tell."""
    if info.battery_count is not None and 0 <= info.battery_count <= MOST_BATTERIES:
        return info.battery_count
    if batteries:
        return min(len(batteries), MOST_BATTERIES)
    rated = bool(info.nameplate_power_w or info.nameplate_energy_wh)
    if info.components is None or info.components.battery or rated:
        return None
    return 0


def _rating(
    nameplate: float | None, each: Iterable[float | None], fallback: tuple[int | None, float], most: float
) -> float | None:
    """The nameplate's figure, else the batteries' sum, else the count times a low value; None without any of them."""
    given = _within(nameplate, most)
    if given:
        return given
    known = [_within(value, most) for value in each]
    total = sum(value for value in known if value)
    if known and all(known) and total <= most:
        return total
    count, unit = fallback
    return count * unit if count else None


def _export_cap_w(info: SiteInfo) -> float | None:
    """The tighter of the meter's two limits, since Tesla does not say which of them is the feed-in side."""
    limits = [
        abs(limit) for limit in (info.max_site_meter_power_ac_w, info.min_site_meter_power_ac_w) if limit is not None
    ]
    return min((limit for limit in limits if limit < NO_METER_LIMIT_W), default=None)


def _within(value: float | None, most: float) -> float | None:
    return value if value is not None and 0 <= value <= most else None


def active_programmes(programs: object) -> tuple[str, ...] | None:
    """Names of the active programmes, each once, in Tesla's order, at most `MOST_PROGRAMMES`.

    A list may hold names, each of a programme the site is in, or objects with a name and a status. An object may be
    one such programme, hold the list under ``programs``, or map names to statuses. Where an object has several
    statuses all of them have to be active; one without any status does not count.

    Returns:
        None when nothing is said of programmes (absent, or neither a list nor an object); () when none is active.
    """
    if isinstance(programs, Mapping):
        entries = list(_of_mapping(programs))
    elif isinstance(programs, (list, tuple)):
        entries = [_entry(item) for item in programs]
    else:
        return None
    return tuple(dict.fromkeys(name for name in entries if name))[:MOST_PROGRAMMES]


def _of_mapping(programs: Mapping[Any, Any]) -> Iterator[str]:
    """Names out of an object: the list inside it, the one programme that it is, or its keys."""
    for key in _LIST_KEYS:
        if isinstance(programs.get(key), (list, tuple)):
            yield from (_entry(item) for item in programs[key])
            return
    if _statuses(programs):
        yield _entry(programs)
        return
    for name, value in programs.items():
        active = _says_active(list(_statuses(value)) if isinstance(value, Mapping) else [value])
        yield _name(name) if active else ""


def _entry(item: object) -> str:
    """The programme's name if the entry counts, else ""."""
    if isinstance(item, str):
        return _name(item)
    if not isinstance(item, Mapping) or not _says_active(_statuses(item)):
        return ""
    return next((_name(item[key]) for key in _NAME_KEYS if _name(item.get(key))), UNNAMED)


def _statuses(item: Mapping[Any, Any]) -> list[object]:
    return [item[key] for key in _STATUS_KEYS if item.get(key) is not None]


def _says_active(statuses: list[object]) -> bool:
    return bool(statuses) and all(status is True or _spelling(status) in ACTIVE for status in statuses)


def _spelling(status: object) -> str:
    return status.strip().casefold().replace("-", "_").replace(" ", "_") if isinstance(status, str) else ""


def _name(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    return str(value).strip()[:_TEXT_LENGTH]
