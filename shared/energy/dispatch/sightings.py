"""What the last poll knows of a shard's sites, as the worker of an event needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from shared.energy.availability import Rules, SiteAvailability, availability
from shared.energy.dispatch.model import Signal, Strategy
from shared.energy.dispatch.recalling import may_return
from shared.energy.dispatch.records import SiteRecord, Stage, Wanted
from shared.energy.dispatch.strategies import TABLE, Expect, as_exporting
from shared.energy.dispatch.touching import with_mode
from shared.energy.dispatch.watching import Seen, WatchRules, observe
from shared.energy.model import RosterSite
from shared.energy.reasons import Reason
from shared.energy.samples import Reading, Sample

LET_GO = frozenset(
    (
        Reason.OWNER_OPTED_OUT,
        Reason.OPERATOR_OPTED_OUT,
        Reason.ACCESS_REVOKED,
        Reason.NOT_AUTHORISED,
        Reason.OTHER_OPERATOR,
        Reason.PROGRAMME_EXPIRED,
        Reason.NOT_IN_PROGRAMME,
        Reason.UTILITY_EXPIRED,
        Reason.NOT_AT_UTILITY,
        Reason.STORM_MODE,
        Reason.OFF_GRID,
    )
)
"""Reasons that end a site's event while it runs: the home comes first, and who may not be used is not."""
_ENDED = frozenset((Stage.RESTORING, Stage.DONE))
_HOUR_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Sightings:
    """Roster and samples of one shard, with the rules to judge them by.

    `may_write`: whether a site's settings may be written once more for the event.
    """

    roster: Mapping[str, RosterSite]
    samples: Mapping[str, Sample]
    rules: Rules
    watch: WatchRules
    may_write: Callable[[str], bool] = lambda _site: True

    def applied(self, record: SiteRecord, signal: Signal, by_interval: list[float], now: datetime) -> SiteRecord:
        """The record after the last poll; adds what was delivered to `by_interval`."""
        site, sample = self.roster.get(record.energy_site_id), self.samples.get(record.energy_site_id)
        if site is None:
            return _let_go(replace(record, again_w=0.0), str(Reason.NOT_AUTHORISED))
        can = availability(site, sample, now, self.rules)
        if can.reason in LET_GO:
            record = _let_go(record, str(can.reason))
        record = _with_mode_read(record, site)
        if record.stage is Stage.BENCH:
            # What it would add if it were called at this tick; nothing while it does not count.
            if signal.strategy is Strategy.EXPORT:
                can = availability(as_exporting(site), sample, now, self.rules)
            power_w = at_once_w(can, signal.strategy)
            lasts_h = can.surplus_wh * can.efficiency / power_w if power_w > 0 else 0.0
            return replace(record, expected_w=power_w, lasts_h=lasts_h)
        if may_return(record):
            return replace(record, again_w=self._again_w(site, sample, signal, now))
        if sample is None or sample.reading is None:
            return record
        kept_wh = _kept_wh(site, sample.reading, can.reserve_percent)
        seen = Seen(sample.reading, can.energy_left_wh, kept_wh)
        return observe(record, seen, signal, self.watch, by_interval, now)

    def _again_w(self, site: RosterSite, sample: Sample | None, signal: Signal, now: datetime) -> float:
        """What a site would give that was let go; 0 if it could not do so for two polls, or may not be set again."""
        exporting = signal.strategy is Strategy.EXPORT
        can = availability(as_exporting(site) if exporting else site, sample, now, self.rules)
        power_w = at_once_w(can, signal.strategy)
        needs_wh = power_w * 2 * self.watch.interval_s / _HOUR_S + self.watch.guard_wh
        lasts = can.surplus_wh * can.efficiency >= needs_wh
        return power_w if lasts and self.may_write(site.energy_site_id) else 0.0


def at_once_w(can: SiteAvailability, strategy: Strategy) -> float:
    """What a site gives when it runs under the strategy, as things stand now."""
    expect = TABLE[strategy].expect
    if expect is Expect.NOTHING or not can.counts:
        return 0.0
    return min(can.power_limit_w, can.offset_limit_w + (can.export_limit_w if expect is Expect.EXPORT else 0.0))


def _with_mode_read(record: SiteRecord, site: RosterSite) -> SiteRecord:
    """The record after a reading of the site's settings that was made for another reason than the event."""
    parts, confirmed = site.equipment, record.times.confirmed_at
    late = parts is None or confirmed is None or parts.read_at <= confirmed
    return record if late or parts is None or record.stage is not Stage.ACTIVE else with_mode(record, parts.mode)


def _let_go(record: SiteRecord, reason: str) -> SiteRecord:
    if record.wanted is Wanted.RELEASE or record.stage in _ENDED:
        return record
    return replace(record, wanted=Wanted.RELEASE, reason=reason)


def _kept_wh(site: RosterSite, reading: Reading, percent: float | None) -> float | None:
    """The energy that the highest reserve keeps."""
    pack_wh = reading.total_pack_energy_wh or (site.equipment.pack_energy_wh if site.equipment else None)
    return None if percent is None or not pack_wh else percent / 100 * pack_wh
