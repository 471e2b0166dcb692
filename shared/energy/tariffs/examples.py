"""Tariffs to start from. The prices are round figures of ours and no utility's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from shared.energy.tariffs.build import SeasonPlan, Tariff, build_tariff, every_day
from shared.energy.tariffs.schedule import Span


def flat() -> Tariff:
    """One price at all times: a battery in `autonomous` has no reason to move."""
    plan = SeasonPlan(spans=(every_day("OFF_PEAK", 0, 24),), buy={"OFF_PEAK": 0.3}, sell={"OFF_PEAK": 0.08})
    return build_tariff(name="Flat", utility="Example utility", currency="EUR", seasons={"Summer": plan})


def two_period() -> Tariff:
    """A peak from 16 to 21 on working days; cheap at all other times."""
    spans = (
        Span(0, 4, 16 * 60, 21 * 60, "ON_PEAK"),
        Span(0, 4, 0, 16 * 60, "OFF_PEAK"),
        Span(0, 4, 21 * 60, 24 * 60, "OFF_PEAK"),
        Span(5, 6, 0, 24 * 60, "OFF_PEAK"),
    )
    buy, sell = {"ON_PEAK": 0.45, "OFF_PEAK": 0.2}, {"ON_PEAK": 0.1, "OFF_PEAK": 0.05}
    plan = SeasonPlan(spans=spans, buy=buy, sell=sell)
    return build_tariff(name="Two periods", utility="Example utility", currency="USD", seasons={"Summer": plan})


def two_seasons() -> Tariff:
    """The form of Californian plans for homes with a car: three periods every day, dearer from June to September."""
    spans = (
        every_day("ON_PEAK", 16, 21),
        every_day("PARTIAL_PEAK", 15, 16),
        every_day("PARTIAL_PEAK", 21, 24),
        every_day("OFF_PEAK", 0, 15),
    )
    summer = SeasonPlan(
        first=(6, 1),
        last=(9, 30),
        spans=spans,
        buy={"ON_PEAK": 0.6, "PARTIAL_PEAK": 0.5, "OFF_PEAK": 0.3},
        sell={"ON_PEAK": 0.55, "PARTIAL_PEAK": 0.45, "OFF_PEAK": 0.25},
    )
    winter = SeasonPlan(
        first=(10, 1),
        last=(5, 31),
        spans=spans,
        buy={"ON_PEAK": 0.48, "PARTIAL_PEAK": 0.46, "OFF_PEAK": 0.3},
        sell={"ON_PEAK": 0.43, "PARTIAL_PEAK": 0.41, "OFF_PEAK": 0.25},
    )
    seasons = {"Summer": summer, "Winter": winter}
    return build_tariff(name="EV, two seasons", utility="Example utility", currency="USD", seasons=seasons)


EXAMPLES: Mapping[str, Callable[[], Tariff]] = MappingProxyType(
    {"flat": flat, "two-period": two_period, "two-seasons": two_seasons}
)
"""By the name they are asked for; each call makes a tariff of its own."""
