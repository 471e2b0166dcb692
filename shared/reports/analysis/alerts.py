"""Recent alerts: how many, for whom, which ones come back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.reports.level import Level, Verdict
from shared.reports.units import plural
from shared.tesla.models.care import Alert, RecentAlerts

RECENT = timedelta(days=30)
NO_ECU = "not stated"

ECUS: Mapping[str, str] = {
    "APP": "Autopilot",
    "APS": "Autopilot, second computer",
    "BMS": "Battery management",
    "CC": "Climate control",
    "CHG": "On-board charger",
    "CHGVI": "Charger interface",
    "CP": "Charge port",
    "DI": "Drive inverter",
    "DIF": "Drive inverter, front",
    "DIR": "Drive inverter, rear",
    "DIS": "Drive inverter, second",
    "EPAS": "Power steering",
    "EPAS3P": "Power steering",
    "EPB": "Parking brake",
    "ESP": "Stability control",
    "GTW": "Gateway",
    "HVP": "High-voltage battery",
    "IBST": "Brake booster",
    "MCU": "Media computer",
    "OCS": "Seat occupancy",
    "PCS": "Power conversion",
    "PM": "Pedal monitor",
    "PMR": "Pedal monitor, rear",
    "RCM": "Airbags and belts",
    "SCCM": "Steering column",
    "TAS": "Air suspension",
    "THC": "Thermal control",
    "TPMS": "Tyre pressure sensors",
    "UI": "Touchscreen computer",
    "UMC": "Mobile connector",
    "VCBATT": "Battery box controller",
    "VCFRONT": "Body controller, front",
    "VCLEFT": "Body controller, left",
    "VCRIGHT": "Body controller, right",
    "VCSEC": "Body controller, locks and keys",
}
"""Control units by the first part of an alert's name, as their names are commonly read; Tesla publishes no list."""

_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class AlertsFound:
    """The alerts, newest first, and their counts."""

    alerts: tuple[Alert, ...]
    by_audience: tuple[tuple[str, int], ...]
    repeated: tuple[tuple[str, int], ...]
    """Codes that came more than once, most frequent first."""

    by_ecu: tuple[tuple[str, int], ...] = ()
    """Prefixes of the names, most frequent first."""

    @property
    def newest(self) -> Alert | None:
        """The newest alert that says when it came."""
        return next((alert for alert in self.alerts if alert.time is not None), None)


def alerts_found(answer: RecentAlerts) -> AlertsFound:
    """Sort and count."""
    alerts = tuple(sorted(answer.recent_alerts or (), key=lambda alert: alert.time or _EARLIEST, reverse=True))
    audiences = Counter(audience for alert in alerts for audience in set(alert.audience or ()))
    codes = Counter(alert.name for alert in alerts if alert.name)
    return AlertsFound(
        alerts,
        tuple(sorted(audiences.items(), key=lambda item: (-item[1], item[0]))),
        tuple((code, count) for code, count in codes.most_common() if count > 1),
        tuple(Counter(ecu_of(alert) for alert in alerts).most_common()),
    )


def ecu_of(alert: Alert) -> str:
    """The control unit that raised the alert: the name up to its first underscore (``UI_a212_...``)."""
    prefix, mark, _ = (alert.name or "").partition("_")
    return prefix if mark and prefix.isalnum() else NO_ECU


def ecu_words(prefix: str) -> str:
    """A control unit's name for the owner: the prefix, and what it stands for where that is known."""
    words = ECUS.get(prefix.upper())
    return f"{prefix} ({words})" if words else prefix


def per_month(alerts: Iterable[Alert], months: int) -> list[tuple[str, int, int]]:
    """The last `months` months up to the newest alert: ``2026-02``, alerts for the driver, all others."""
    shown: Counter[int] = Counter()
    others: Counter[int] = Counter()
    for alert in alerts:
        if alert.time is not None:
            number = alert.time.year * 12 + alert.time.month - 1
            (shown if "customer" in (alert.audience or ()) else others)[number] += 1
    newest = max([*shown, *others], default=None)
    if newest is None:
        return []
    span = range(max(newest - months + 1, min([*shown, *others])), newest + 1)
    return [(f"{number // 12:04d}-{number % 12 + 1:02d}", shown[number], others[number]) for number in span]


def recent_for(alerts: Sequence[Alert], audience: str, now: datetime) -> int:
    """How many alerts for `audience` came in the last 30 days before `now`."""
    return sum(
        audience in (alert.audience or ()) and alert.time is not None and now - alert.time <= RECENT
        for alert in alerts
    )


def verdict(found: AlertsFound | None, now: datetime) -> Verdict:
    """The alerts' light. An alert is a moment, not a state: it asks for a look and never for more."""
    if found is None:
        return Verdict(Level.UNKNOWN, "Unknown", "The alerts could not be fetched.")
    if not found.alerts:
        return Verdict(Level.GOOD, "None", "Tesla lists no recent alert.")
    shown, all_of_them = recent_for(found.alerts, "customer", now), f"{len(found.alerts):,} in all"
    if shown:
        reason = f"{plural(shown, 'alert')} shown to the driver in the last 30 days; {all_of_them}."
        return Verdict(Level.WATCH, "Check", reason)
    return Verdict(Level.GOOD, "Quiet", f"None shown to the driver in the last 30 days; {all_of_them}.")
