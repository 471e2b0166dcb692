"""Tariffs in Tesla's shape, made from a few figures: complete, with explicit ends and both seasons named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from shared.energy.tariffs.schedule import ANY, DAY_MIN, MonthDay, Span

Tariff = dict[str, Any]


class SeasonPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A season: first and last (month, day), its spans, and prices per kWh by label. Without selling prices: 0."""

    first: MonthDay = (1, 1)
    last: MonthDay = (12, 31)
    spans: tuple[Span, ...]
    buy: Mapping[str, float]
    sell: Mapping[str, float] = {}


def every_day(label: str, start_hour: int, end_hour: int) -> Span:
    """A span of whole hours on all days; the end is 24 for midnight."""
    return Span(0, 6, start_hour * 60, end_hour * 60, label)


def build_tariff(
    *, name: str, utility: str, currency: str, seasons: Mapping[str, SeasonPlan], code: str = ""
) -> Tariff:
    """The tariff of these seasons.

    Args:
        name: What the owner's app shows.
        utility: Likewise.
        currency: ISO 4217 code.
        seasons: ``Summer``, ``Winter`` or both; the one that is not given stays empty.
        code: Short name; the name if not given.
    """
    head = {
        "name": name,
        "utility": utility,
        "daily_charges": [{"name": "Charge", "amount": 0}],
        **_calendar(seasons),
    }
    sold = head | {"energy_charges": _charges({label: plan.sell for label, plan in seasons.items()}, seasons)}
    bought = head | {"energy_charges": _charges({label: plan.buy for label, plan in seasons.items()}, seasons)}
    return {"version": 1, "code": code or name, "currency": currency, **bought, "sell_tariff": sold}


def _calendar(seasons: Mapping[str, SeasonPlan]) -> Tariff:
    return {
        "demand_charges": {ANY: {"rates": {ANY: 0}}, "Summer": {}, "Winter": {}},
        "seasons": {label: _season(seasons[label]) if label in seasons else {} for label in ("Summer", "Winter")},
    }


def _charges(rates: Mapping[str, Mapping[str, float]], seasons: Mapping[str, SeasonPlan]) -> Tariff:
    """Prices by season, with one for each label that has periods."""
    charges: Tariff = {ANY: {"rates": {ANY: 0}}, "Summer": {}, "Winter": {}}
    for name, plan in seasons.items():
        labels = dict.fromkeys(span.label for span in plan.spans)
        charges[name] = {"rates": {label: rates[name].get(label, 0) for label in labels}}
    return charges


def _season(plan: SeasonPlan) -> Tariff:
    (from_month, from_day), (to_month, to_day) = plan.first, plan.last
    return {
        "fromMonth": from_month,
        "fromDay": from_day,
        "toMonth": to_month,
        "toDay": to_day,
        "tou_periods": _periods(plan.spans),
    }


def _periods(spans: Sequence[Span]) -> Tariff:
    groups: Tariff = {}
    for span in spans:
        groups.setdefault(span.label, {"periods": []})["periods"].append(_period(span))
    return groups


def _period(span: Span) -> dict[str, int]:
    """A period as Tesla writes it; midnight as an end is hour 0."""
    end_min = span.end_min % DAY_MIN
    return {
        "fromDayOfWeek": span.first_day,
        "toDayOfWeek": span.last_day,
        "fromHour": span.start_min // 60,
        "fromMinute": span.start_min % 60,
        "toHour": end_min // 60,
        "toMinute": end_min % 60,
    }
