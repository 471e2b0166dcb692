"""Tyre pressures against the recommendation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.reports.level import Level, Verdict, worst
from shared.reports.units import instant, plural
from shared.tesla.models.vehicle_state import VehicleState

CHECK_SHARE = 0.10
URGENT_SHARE = 0.20
STALE_AFTER = timedelta(days=7)
_EQUAL_SHARE = 0.005
_LARGEST_EXCESS = -2.0
"""No tyre holds three times its recommended pressure."""

GAP_BAR = 0.2
"""Two tyres of an axle that differ by more are worth a look: a slow leak empties one side first."""

QUANTUM_BAR = 0.025
"""Step of the pressures Tesla sends."""


@dataclass(frozen=True)
class Tyre:
    """One wheel. Pressures in bar, as reported by its sensor at `seen_at`; flags are the car's own warnings."""

    name: str
    source: str
    pressure_bar: float | None
    recommended_bar: float | None
    soft_warning: bool
    hard_warning: bool
    seen_at: datetime | None

    @property
    def under_share(self) -> float | None:
        """How far below the recommendation, as a share of it; negative when above, None if implausible."""
        if self.pressure_bar is None or self.recommended_bar is None or self.recommended_bar <= 0:
            return None
        under = round(1 - self.pressure_bar / self.recommended_bar, 6)
        return under if _LARGEST_EXCESS < under <= 1 else None

    @property
    def level(self) -> Level:
        """Bad from 20 % under or a hard warning on, watch from 10 % under or a soft warning on."""
        under = self.under_share
        if self.hard_warning or (under is not None and under >= URGENT_SHARE):
            return Level.BAD
        if self.soft_warning or (under is not None and under >= CHECK_SHARE):
            return Level.WATCH
        return Level.UNKNOWN if under is None else Level.GOOD

    @property
    def remark(self) -> str:
        """The comparison and the car's warning in words."""
        warning = ", urgent warning" if self.hard_warning else ", warning" if self.soft_warning else ""
        under = self.under_share
        if under is None:
            return f"no comparison possible{warning}"
        if abs(under) < _EQUAL_SHARE:
            return f"as recommended{warning}"
        side = "below" if under > 0 else "above"
        return f"{100 * abs(under):.0f} % {side} recommended{warning}"


def tyres(state: VehicleState) -> tuple[Tyre, Tyre, Tyre, Tyre]:
    """Front left, front right, rear left, rear right."""
    return (
        _tyre(state, "Front left", "fl", "front"),
        _tyre(state, "Front right", "fr", "front"),
        _tyre(state, "Rear left", "rl", "rear"),
        _tyre(state, "Rear right", "rr", "rear"),
    )


def _tyre(state: VehicleState, name: str, corner: str, axle: str) -> Tyre:
    """One wheel by Tesla's suffix (``fl``) and axle (``front``)."""
    return Tyre(
        name=name,
        source=f"vehicle_state.tpms_pressure_{corner}",
        pressure_bar=getattr(state, f"tpms_pressure_{corner}_bar"),
        recommended_bar=getattr(state, f"tpms_rcp_{axle}_value_bar"),
        soft_warning=getattr(state, f"tpms_soft_warning_{corner}") is True,
        hard_warning=getattr(state, f"tpms_hard_warning_{corner}") is True,
        seen_at=instant(getattr(state, f"tpms_last_seen_pressure_time_{corner}_s")),
    )


@dataclass(frozen=True)
class AxleGap:
    """How much the left tyre of an axle holds more than the right one, in bar."""

    axle: str
    left_minus_right_bar: float

    @property
    def wide(self) -> bool:
        """Whether the gap is worth a look."""
        return abs(self.left_minus_right_bar) > GAP_BAR + QUANTUM_BAR / 2


def axle_gaps(wheels: tuple[Tyre, Tyre, Tyre, Tyre]) -> tuple[AxleGap, ...]:
    """The gaps of the axles of which both pressures are known."""
    pairs = (("Front", wheels[0], wheels[1]), ("Rear", wheels[2], wheels[3]))
    return tuple(
        AxleGap(name, left.pressure_bar - right.pressure_bar)
        for name, left, right in pairs
        if left.pressure_bar is not None and right.pressure_bar is not None
    )


def stale(wheels: Sequence[Tyre], now: datetime) -> list[Tyre]:
    """Wheels whose sensor was last heard more than a week before `now`."""
    return [wheel for wheel in wheels if wheel.seen_at is not None and now - wheel.seen_at > STALE_AFTER]


def verdict(wheels: Sequence[Tyre]) -> Verdict:
    """The tyres' light: the worst wheel's."""
    level = worst(wheel.level for wheel in wheels)
    named = ", ".join(wheel.name.lower() for wheel in wheels if wheel.level is level)
    silent = sum(wheel.level is Level.UNKNOWN for wheel in wheels)
    if level is Level.UNKNOWN:
        return Verdict(level, "Unknown", "The car sent no tyre pressures to compare.")
    if level is Level.GOOD:
        reason = "Within 10 % of the recommended pressure"
        return Verdict(level, "Good", f"{reason}; {plural(silent, 'wheel')} not known." if silent else f"{reason}.")
    word, limit = ("Act now", "20 %") if level is Level.BAD else ("Check", "10 %")
    return Verdict(level, word, f"{limit} or more too low, or warned of by the car: {named}.")
