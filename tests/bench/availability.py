"""What the fleet could deliver, as the service counts it, against what the simulated homes then really deliver.

10,000 homes with different equipment, settings, habits and troubles; at several times of a day a reading is taken,
and two and a half minutes later the fleet is asked for an hour. The truth is each home's physics run forward.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import NamedTuple

from shared.energy.availability import DEFAULT_RULES, HOURS
from shared.energy.fleet import Totals, total
from shared.energy.model import Evidence, Fact, RosterSite
from shared.energy.polling import status_of
from shared.energy.readings import equipment
from shared.energy.samples import Outcome, Sample
from shared.tesla.decode import decode
from shared.tesla.models.site_info import SiteInfo
from tests.bench.model import Bench, Measurement
from tests.simulator.clock import Clock
from tests.simulator.config import SimulatorConfig
from tests.simulator.energy_site import EnergySite
from tests.simulator.energy_truth import deliverable_w
from tests.simulator.payload_energy import live_status, site_info
from tests.simulator.world import World

_OWNERS, _SITES = 20, 500
_LATER_S = 150
_MIDNIGHT_S = datetime(2026, 7, 14, tzinfo=UTC).timestamp()
_STARTS_H = (1, 5, 9, 13, 17, 21)
_TROUBLES = (
    "stale=0.01", "dead_500=0.01", "dead_408=0.005", "off_grid=0.005", "storm=0.005", "solar_only=0.01",
    "no_energy_left=0.02", "non_export=0.02", "export_capped=0.02",
)  # fmt: skip
_UNREACHABLE = frozenset({"dead_500", "dead_408"})


class Moment(NamedTuple):
    """kW at one time of the day, by length: as counted, and as it came; and the sum of battery power."""

    counted_kw: tuple[float, ...]
    true_kw: tuple[float, ...]
    naive_kw: float


def measure(runs: int) -> Measurement:
    """The hour's error in percent of the truth, largest over the times of the day; one seed a run."""
    days = [[_moment(seed, hour) for hour in _STARTS_H] for seed in range(1, runs + 1)]
    worst = [max(abs(_error(moment, 0)) for moment in day) for day in days]
    naive = [max(abs(100 * (m.naive_kw / m.true_kw[0] - 1)) for m in day) for day in days]
    everything = [moment for day in days for moment in day]
    lines = [
        f"{hours} h: {min(_error(m, index) for m in everything):+.2f} to "
        f"{max(_error(m, index) for m in everything):+.2f} %"
        for index, hours in enumerate(HOURS)
    ]
    note = (
        f"{_OWNERS * _SITES} sites, {', '.join(_TROUBLES)}; readings {_LATER_S} s old, at {len(_STARTS_H)} times of "
        f"a day; counted against delivered with export, all sites: {'; '.join(lines)}; the first line is the figure"
    )
    return Measurement(samples=tuple(worst), peers={"sum of battery_power": tuple(naive)}, note=note)


def _error(moment: Moment, index: int) -> float:
    return 100 * (moment.counted_kw[index] / moment.true_kw[index] - 1)


def _moment(seed: int, hour: int) -> Moment:
    clock = Clock(rate=0, start_s=_MIDNIGHT_S + hour * 3600)
    config = SimulatorConfig(
        seed=seed,
        accounts=_OWNERS,
        sites=_SITES,
        vehicles=0,
        empty_site=False,
        mixed_settings=True,
        trouble=_TROUBLES,
    )
    sites = World(config, clock).every_site()
    now = datetime.fromtimestamp(clock.now(), UTC)
    rows = [(_roster(site, now), _sample(site, config, now)) for site in sites]
    clock.advance(_LATER_S)
    counted: Totals = total(rows, datetime.fromtimestamp(clock.now(), UTC), DEFAULT_RULES)
    truths = [deliverable_w(site, "export", HOURS) for site in sites]
    true_kw = tuple(sum(truth[hours] for truth in truths) / 1000 for hours in HOURS)
    return Moment(tuple(watt / 1000 for watt in counted.available_w), true_kw, counted.naive_w / 1000)


def _roster(site: EnergySite, now: datetime) -> RosterSite:
    holds = Fact(True, now, Evidence.OPERATOR)
    info = None
    if not _UNREACHABLE & site.troubles:
        body = json.dumps({"response": site_info(site)}).encode()
        info = equipment(decode(body, SiteInfo).value, now)
    return RosterSite(str(site.site_id), "account", "eu", holds, holds, holds, equipment=info)


def _sample(site: EnergySite, config: SimulatorConfig, now: datetime) -> Sample:
    if _UNREACHABLE & site.troubles:
        return Sample(Outcome.SERVER_ERROR, None, 1)
    return Sample(*status_of(json.dumps({"response": live_status(site, config)}).encode(), now))


BENCHES = (
    Bench(
        key="availability_error_percent",
        unit="%",
        better="lower",
        measure=measure,
        runs=2,
        aim="<= 2 %, never over-stated by more than 1 % (1 h)",
    ),
)
