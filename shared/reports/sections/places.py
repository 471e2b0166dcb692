"""Supercharging: sites, countries and hours."""

from __future__ import annotations

from collections.abc import Sequence

from shared.reports.analysis.charging_patterns import Place, countries, hours, sites
from shared.reports.layout.blocks import Block, Heading, Paragraph, small_print
from shared.reports.layout.figures import Bar, Bars
from shared.reports.layout.heat import Week
from shared.reports.readings import Readings
from shared.reports.sections.common import Section
from shared.reports.sections.supercharging import history_source, recorded
from shared.reports.units import figure, plural

MOST_SITES = 10
MOST_COUNTRIES = 8


def blocks(readings: Readings) -> Sequence[Block]:
    """Most used sites, countries, and when sessions begin."""
    history, instead = recorded(readings)
    if instead:
        return instead
    used, lands = sites(history.sessions), countries(history.sessions)
    more = len(used) - MOST_SITES
    return [
        Heading("Most used sites", 1),
        _bars(used[:MOST_SITES]),
        *([Paragraph(f"{plural(more, 'more site')} with fewer sessions.")] if more > 0 else []),
        Heading("Countries", 1),
        _bars(lands[:MOST_COUNTRIES]),
        Heading("Sessions begun by weekday and hour", 1),
        Week(hours(history.sessions)),
        small_print("Hours are on the clock of each site, as Tesla states its offset (chargeStartDateTime)."),
        history_source(readings),
    ]


def _bars(places: Sequence[Place]) -> Bars:
    """Sessions as bars, with the energy in words."""
    most = max((place.sessions for place in places), default=1)
    return Bars(
        [
            Bar(
                place.name or "not stated",
                place.sessions / most,
                f"{plural(place.sessions, 'session')}, {figure(place.energy_kwh, 'kWh')}",
            )
            for place in places
        ]
    )


SECTION = Section("Supercharging: sites and hours", blocks)
