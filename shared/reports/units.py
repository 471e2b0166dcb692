"""Figures in the owner's words: the car's own units and clock, bounded and without surprises.

Tesla's figures have fixed units whatever the car shows: miles, miles per hour, degrees Celsius, bar, kilowatts. The
car's ``gui_settings`` say what its owner reads on the screen; the report speaks the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

NONE = "—"
"""Shown where Tesla sent no value."""

KM_PER_MILE = 1.609344
PSI_PER_BAR = 14.503774
KPA_PER_BAR = 100.0
_SHOWABLE = 1e12
_MAX_OFFSET_S = 14 * 3600
_MILLISECONDS_FROM = 100_000_000_000
"""Epoch figures from here on are milliseconds; as seconds they would lie beyond the year 5100."""


_YEAR_2100_S = 4_102_444_800


def number(value: float | None, decimals: int = 0) -> str:
    """A figure with thousands separated; a dash for none and for what no car can mean."""
    if value is None or not -_SHOWABLE < value < _SHOWABLE:
        return NONE
    return f"{value:,.{decimals}f}"


def figure(value: float | None, unit: str, decimals: int = 0) -> str:
    """A figure with its unit."""
    text = number(value, decimals)
    return text if text == NONE or not unit else f"{text} {unit}"


def percent(value: float | None, decimals: int = 0) -> str:
    """A figure in percent."""
    return figure(value, "%", decimals)


def yes_no(value: bool | None) -> str:  # noqa: FBT001 - the value shown, not a switch
    """Yes, no, or a dash."""
    return NONE if value is None else ("Yes" if value else "No")


def words(value: object) -> str:
    """A text of Tesla's as it came; a dash for none, blank and ``<invalid>``."""
    text = "" if value is None else str(value).strip()
    return NONE if text in {"", "<invalid>"} else text


def plural(count: int, one: str, many: str | None = None) -> str:
    """``1 session``, ``2 sessions``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def instant(epoch: float | None) -> datetime | None:
    """The moment of Tesla's epoch figure, which is in seconds or milliseconds; None for none or an absurd one."""
    if epoch is None or not 0 < epoch < _SHOWABLE * 10:
        return None
    seconds = epoch / 1000 if epoch >= _MILLISECONDS_FROM else epoch
    return datetime.fromtimestamp(seconds, UTC) if seconds < _YEAR_2100_S else None


@dataclass(frozen=True)
class Units:
    """How the report writes distances, temperatures, pressures and times."""

    distance: str = "km"
    temperature: str = "°C"
    pressure: str = "bar"
    clock_24h: bool = True
    zone: timezone = UTC
    from_car: bool = False
    """Whether the car named its units; else they follow the region."""

    def miles(self, value_mi: float | None, decimals: int = 0) -> str:
        """A distance given in miles."""
        if value_mi is None:
            return NONE
        return figure(value_mi if self.distance == "mi" else value_mi * KM_PER_MILE, self.distance, decimals)

    def speed_mph(self, value_mph: float | None) -> str:
        """A speed given in miles per hour."""
        text = self.miles(value_mph)
        return text if text == NONE else f"{text}/h"

    def celsius(self, value_c: float | None) -> str:
        """A temperature given in degrees Celsius."""
        if value_c is None:
            return NONE
        return figure(value_c if self.temperature == "°C" else value_c * 9 / 5 + 32, self.temperature, 1)

    def bar(self, value_bar: float | None) -> str:
        """A pressure given in bar."""
        if value_bar is None:
            return NONE
        factor, decimals = _PRESSURES[self.pressure]
        return figure(value_bar * factor, self.pressure, decimals)

    def day(self, moment: datetime | None) -> str:
        """A date, in the offset the moment carries."""
        return NONE if moment is None else f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}"

    def clock(self, moment: datetime | None) -> str:
        """Date and time of day, in the offset the moment carries."""
        if moment is None:
            return NONE
        if self.clock_24h:
            return f"{self.day(moment)} {moment.hour:02d}:{moment.minute:02d}"
        half = "am" if moment.hour < 12 else "pm"  # noqa: PLR2004 - noon
        return f"{self.day(moment)} {moment.hour % 12 or 12}:{moment.minute:02d} {half}"

    def local(self, moment: datetime | None) -> datetime | None:
        """The same moment on the car's clock; at the ends of the calendar the moment as it is."""
        try:
            return None if moment is None else moment.astimezone(self.zone)
        except OverflowError:
            return moment

    def moment(self, moment: datetime | None) -> str:
        """Date and time of day on the car's clock, where the zone is said elsewhere."""
        return self.clock(self.local(moment))

    def stamp(self, moment: datetime | None) -> str:
        """Date, time of day and zone on the car's clock."""
        local = self.local(moment)
        return NONE if local is None else f"{self.clock(local)} ({zone_name(local)})"


def zone_name(moment: datetime) -> str:
    """``UTC`` or ``UTC+02:00``."""
    offset = moment.utcoffset() or timedelta(0)
    minutes = int(offset.total_seconds()) // 60
    if minutes == 0:
        return "UTC"
    sign = "+" if minutes > 0 else "-"
    return f"UTC{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def zone_of(offset_s: int | None) -> timezone:
    """The car's offset from UTC (``vehicle_config.utc_offset``, seconds), or UTC."""
    if offset_s is None or not -_MAX_OFFSET_S <= offset_s <= _MAX_OFFSET_S:
        return UTC
    return timezone(timedelta(seconds=offset_s))


def pressure_unit(name: str | None, default: str) -> str:
    """The unit behind ``gui_tirepressure_units`` (``Bar``, ``Psi``)."""
    return next((unit for unit in _PRESSURES if unit.lower() == (name or "").strip().lower()), default)


_PRESSURES: Mapping[str, tuple[float, int]] = {"bar": (1.0, 2), "psi": (PSI_PER_BAR, 1), "kPa": (KPA_PER_BAR, 0)}
