"""What is wrong with a tariff, before it is sent: Tesla accepts a bad one with 200 and then does nothing, or its app
stops showing the site. Keys that are not known here are let through, as Tesla may give them a meaning.

Sources of the rules: Tesla's example tariff, and what users found out the hard way: periods that do not tile a day
make the app say "Invalid schedule"; the app breaks without `demand_charges` and with season names other than Summer
and Winter, and shows four labels only; a selling price above the buying price is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shared.energy.tariffs.limits import check_limits
from shared.energy.tariffs.problem import Findings, Problem
from shared.energy.tariffs.schedule import MonthDay, Schedule, Season, has_seasons, read_schedule
from shared.energy.tariffs.tiling import YEAR, check_days, check_year, clock, day_names
from shared.energy.tariffs.windows import day_pieces

LABELS = ("ON_PEAK", "PARTIAL_PEAK", "OFF_PEAK", "SUPER_OFF_PEAK")
SEASONS = ("Summer", "Winter")
VERSION = 1

_CURRENCY = re.compile(r"[A-Z]{3}")
_WRAPPERS = frozenset(("tou_settings", "tariff_content_v2"))
_TEXTS = ("code", "name", "utility")
_NAMED = 5


def problems(tariff: object) -> list[Problem]:
    """Everything that is wrong with the tariff; empty if it may be sent. Takes any value and never raises.

    Args:
        tariff: What is meant to be a `tariff_content_v2` object.
    """
    findings = Findings()
    if not isinstance(tariff, Mapping):
        findings.add("", "A tariff is a JSON object in the shape of Tesla's tariff_content_v2.")
        return findings.listed()
    check_limits(tariff, findings)
    if _WRAPPERS & tariff.keys():
        findings.add("", "Give the content of tariff_content_v2 itself, not the body of Tesla's call around it.")
    if findings:
        return findings.listed()
    _check_head(tariff, findings)
    schedule = read_schedule(tariff, findings)
    _check_seasons(schedule.buy, tariff, findings)
    sold = tariff.get("sell_tariff")
    if isinstance(sold, Mapping):
        _check_sell(sold, schedule, findings)
    elif sold is not None:
        findings.add("sell_tariff", "What is paid for exported energy is an object like the tariff itself.")
    return findings.listed()


def _check_head(tariff: Mapping[str, Any], findings: Findings) -> None:
    """What stands beside the seasons."""
    version = tariff.get("version")
    if isinstance(version, bool) or version != VERSION:
        findings.add("version", f"The version has to be {VERSION}.")
    currency = tariff.get("currency")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        findings.add("currency", 'The currency has to be an ISO 4217 code such as "USD".')
    for key in _TEXTS:
        if tariff.get(key) is not None and not isinstance(tariff[key], str):
            findings.add(key, "This has to be a text.")
    if not isinstance(tariff.get("demand_charges"), Mapping):
        findings.add(
            "demand_charges", "Tesla's app breaks without this object; without such charges all its rates are 0."
        )
    _check_daily_charges(tariff.get("daily_charges"), findings)


def _check_daily_charges(charges: object, findings: Findings) -> None:
    entries = charges if isinstance(charges, list) else []
    amounts = [entry.get("amount", 0) if isinstance(entry, Mapping) else None for entry in entries]
    if (charges is not None and not isinstance(charges, list)) or not all(_is_number(amount) for amount in amounts):
        findings.add("daily_charges", "Daily charges are a list of objects with a name and an amount.")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_sell(sold: Mapping[str, Any], schedule: Schedule, findings: Findings) -> None:
    """The selling side: prices are not demanded (0 without), but never above the buying price."""
    _check_names(sold.get("seasons"), "sell_tariff.", findings)
    if has_seasons(sold):
        _check_calendar(schedule.sell, sold["seasons"], "sell_tariff.", findings)
    if not isinstance(sold.get("energy_charges"), Mapping):
        findings.add("sell_tariff.energy_charges", "The prices of exported energy are missing.")
    _check_signs(schedule.sell, "sell_tariff.", findings)
    if max(len(schedule.buy), len(schedule.sell)) <= len(SEASONS) and not any(map(_unpriced, schedule.buy)):
        for sentence, weekdays in _above_buying(schedule):
            findings.add("sell_tariff", f"{sentence} on {day_names(weekdays)}.")


def _check_seasons(seasons: tuple[Season, ...], tariff: Mapping[str, Any], findings: Findings) -> None:
    """The buying side."""
    if not has_seasons(tariff):
        findings.add("seasons", "At least one season with its periods is needed.")
    _check_names(tariff.get("seasons"), "", findings)
    _check_calendar(seasons, tariff.get("seasons"), "", findings)
    if not isinstance(tariff.get("energy_charges"), Mapping):
        findings.add("energy_charges", "The prices are missing: by season, then rates by label.")
        return
    for season in seasons:
        for label in _unpriced(season):
            findings.add(f"energy_charges.{season.name}.rates", f"{label} has periods but no price.")
    _check_signs(seasons, "", findings)


def _unpriced(season: Season) -> list[str]:
    """The labels that have periods and no price."""
    return sorted({span.label for span in season.spans} - season.rates.keys())


def _check_names(seasons: object, prefix: str, findings: Findings) -> None:
    for name in seasons if isinstance(seasons, Mapping) else ():
        if name not in SEASONS:
            findings.add(
                f"{prefix}seasons.{name}", "Tesla's app breaks with season names other than Summer and Winter."
            )


def _check_calendar(seasons: tuple[Season, ...], given: object, prefix: str, findings: Findings) -> None:
    """Year, days and labels. The year is not judged while a given season is unreadable, which has been noted."""
    if seasons and isinstance(given, Mapping) and len(seasons) == sum(bool(content) for content in given.values()):
        check_year(seasons, f"{prefix}seasons", findings)
    for season in seasons:
        path = f"{prefix}seasons.{season.name}"
        check_days(season, path, findings)
        unknown = sorted({span.label for span in season.spans} - set(LABELS))
        if unknown:
            named = ", ".join(unknown[:_NAMED]) + (f" and {len(unknown) - _NAMED} more" if unknown[_NAMED:] else "")
            findings.add(
                f"{path}.tou_periods", f"Tesla's app shows only the labels {', '.join(LABELS)}, not {named}."
            )


def _check_signs(seasons: tuple[Season, ...], prefix: str, findings: Findings) -> None:
    for season in seasons:
        for label, price in season.rates.items():
            if price < 0:
                findings.add(f"{prefix}energy_charges.{season.name}.rates.{label}", "A price is not negative: use 0.")


def _above_buying(schedule: Schedule) -> Iterator[tuple[str, list[int]]]:
    """Sentences on periods in which selling pays more than buying costs, with the weekdays they hold for."""
    found: dict[str, list[int]] = {}
    for day in _one_day_each(schedule):
        for weekday in range(7):
            for piece in day_pieces(schedule, day, weekday):
                if piece.price.sell > piece.price.buy:
                    label, buy, sell = piece.price
                    hours = f"{clock(piece.start_min)} to {clock(piece.end_min)}"
                    sentence = f"{label}, {hours}: the selling price {sell:g} is above the buying price {buy:g}"
                    days = found.setdefault(sentence, [])
                    days += [weekday] if weekday not in days else []
    yield from ((sentence, sorted(days)) for sentence, days in found.items())


def _one_day_each(schedule: Schedule) -> Iterable[MonthDay]:
    """One day of the year for each pair of a buying and a selling season that meet."""
    meetings: dict[tuple[tuple[str, ...], tuple[str, ...]], MonthDay] = {}
    for day in YEAR:
        buying = tuple(season.name for season in schedule.buy if season.covers(day))
        selling = tuple(season.name for season in schedule.sell if season.covers(day))
        meetings.setdefault((buying, selling), day)
    return meetings.values()
