"""A fleet at the simulator, enrolled and polled, and the dispatch service over real stores; time moves on request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from shared import bootstrap
from shared.energy.dispatch.conversation import Line
from shared.energy.dispatch.desk import DispatchDesk, DispatchPorts
from shared.energy.dispatch.model import Dispatch, DispatchMessage, Signal
from shared.energy.dispatch.planning import PlanRules
from shared.energy.dispatch.records import SiteRecord
from shared.energy.dispatch.schedule import TOPIC
from shared.energy.dispatch.service import ServiceRules
from shared.energy.dispatch.shard_worker import WorkRules
from shared.energy.dispatch.steps import Patience
from shared.energy.model import Evidence, Fact, RosterSite
from shared.energy.poller import PollShard, pack_before
from shared.energy.polling import tick_of
from shared.energy.shards import ShardIndex, ShardToken
from shared.platform.errors import WorkBusy
from shared.tesla.plan_limits import NO_LIMITS, PlanLimits
from shared.typed import from_json
from tests.lab import Lab, running_lab
from tests.simulator import Simulator
from tests.simulator.energy_control import SiteChange
from tests.simulator.energy_site import EnergySite

EVENING_HOUR = 19
ACCOUNT = "account-0"
SCOPES = ("energy_device_data", "energy_cmds", "energy:read", "energy:write")
_SETTINGS = {"time_of_use_settings": "tariff"}
"""Endpoint -> the setting's name in records, where they differ."""
PATIENCE = Patience(look_again_s=0.05, settle_s=0.2, shown_s=0.6, late_s=0.3, first_pause_s=0.05, longest_pause_s=0.2)


class Place:
    """The fleet and the service. Every site is charged to 90 % and its settings are remembered at first."""

    def __init__(self, lab: Lab, simulator: Simulator, *, shards: int = 2, **rules: Any) -> None:
        self.lab, self.simulator = lab, simulator
        self.limits: PlanLimits = rules.pop("limits", NO_LIMITS)
        self.work = WorkRules(patience=PATIENCE, availability=bootstrap.availability_rules(), **rules)
        lab.queue.declare(TOPIC, attempts=50)
        self._to_the_evening()
        self.sites = {str(site.site_id): site for site in simulator.accounts[0].sites}
        for site in self.sites:
            simulator.control.change_site(site, SiteChange(percentage_charged=90.0))
        self._enrol(shards)
        self.poll()
        self.found = {site: self.settings(site) for site in self.sites}
        simulator.clear()

    @property
    def desk(self) -> DispatchDesk:
        """A desk as a new process would build it."""
        return self.desk_of()

    def desk_of(self, **ports: Any) -> DispatchDesk:
        """A desk with some ports in place of the usual ones."""
        price_micro = round(bootstrap.settings().tesla_price_energy_usd * 1e6)
        line = Line(
            bootstrap.regions(),
            bootstrap.contract_memory(),
            bootstrap.setting_writes(),
            self.lab.clock,
            bootstrap.breaker(),
            price_micro,
        )
        usual: dict[str, Any] = {
            "store": bootstrap.documents(),
            "due": bootstrap.due(),
            "shards": bootstrap.shards(),
            "callers": bootstrap.callers(),
            "engine": bootstrap.engine(),
            "line": line,
            "spent": bootstrap.ledger().write,
            "asked_on": lambda day: sum(found.calls for found in bootstrap.ledger().usage(day, day)),
        }
        service = ServiceRules(enabled=self.work.enabled, plan=PlanRules(lead_s=60.0), limits=self.limits)
        return DispatchDesk(DispatchPorts(**{**usual, **ports}), service, self.work)

    @property
    def now(self) -> datetime:
        """The service's time."""
        return self.lab.clock.now()

    def settings(self, site: str) -> tuple[str, str, str]:
        """What the site is set to: mode, export rule, tariff."""
        found = self.sites[site].settings
        return found.mode, found.export_rule, str(found.tariff)

    def signal(self, name: str = "event", minutes: float = 60.0, **fields: Any) -> Signal:
        """A dispatch of that length that starts in two minutes."""
        start = fields.pop("start", self.now + timedelta(minutes=2))
        return Signal(id=name, start=start, end=start + timedelta(minutes=minutes), **{"target_kw": 10.0, **fields})

    def poll(self) -> None:
        """Poll every shard for the present tick."""
        shards = bootstrap.shards()
        for shard in shards.index().sites:
            state = shards.state(shard)
            message = PollShard(tick=tick_of(self.now), shard=shard)
            if state is not None:
                before, shapes = pack_before(state.value.samples), state.value.shapes
                message = replace(message, version=state.version, before=before, shapes=shapes)
            bootstrap.poller().run(message)

    def forward(self, seconds: float) -> None:
        """Let time pass, for Tesla and for us."""
        self.lab.clock.shift += timedelta(seconds=seconds)
        self.simulator.advance(seconds)

    def work_off(self, *, rounds: int = 30, desk: DispatchDesk | None = None) -> int:
        """Publish what is due and run what is queued until nothing is; gives the number of messages."""
        handled, worker = 0, desk or self.desk
        for _ in range(rounds):
            bootstrap.due().publish_due()
            batch = self.lab.queue.pull(TOPIC, limit=100, lease_s=60)
            if not batch:
                return handled
            for delivery in batch:
                try:
                    worker.run(from_json(delivery.event.data, DispatchMessage))
                except WorkBusy:
                    self.lab.queue.nack(delivery, delay_s=0)
                    continue
                self.lab.queue.ack(delivery)
                handled += 1
        return handled

    def live_through(self, minutes: float, step_s: float = 300.0) -> None:
        """Polls and due work while time passes, as ticks do it."""
        for _ in range(round(minutes * 60 / step_s)):
            self.forward(step_s)
            self.poll()
            self.work_off()

    def dispatch(self, name: str = "event") -> Dispatch:
        """The dispatch as stored."""
        return self.desk.proof.dispatch(name)

    def records(self, name: str = "event") -> list[SiteRecord]:
        """Its sites."""
        return self.desk.proof.sites(name)

    def commands(self) -> dict[str, list[tuple[str, str, str]]]:
        """Commands that Tesla executed, by site: method, endpoint, body."""
        found: dict[str, list[tuple[str, str, str]]] = {}
        for call in self.simulator.ledger:
            if call.method != "GET" and "/energy_sites/" in call.path and call.status == 200:
                parts = call.path.split("/")
                site = parts[parts.index("energy_sites") + 1]
                found.setdefault(site, []).append((call.method, parts[-1], call.body))
        return found

    def too_often(self, name: str = "event") -> list[str]:
        """Sites where the same command was executed more often than calls of the event changed that setting."""
        changed = {one.energy_site_id: _changed_by_calls(one) for one in self.records(name)}
        return [
            site
            for site, sent in self.commands().items()
            for (_, endpoint, _), number in Counter(sent).items()
            if number > max(1, changed.get(site, Counter())[_SETTINGS.get(endpoint, endpoint)])
        ]

    def site(self, site: str) -> EnergySite:
        """The simulated site."""
        return self.sites[site]

    def changed(self) -> list[str]:
        """Sites whose settings are not what they were at first."""
        return [site for site, found in self.found.items() if self.settings(site) != found]

    def _to_the_evening(self) -> None:
        now = self.simulator.now()
        hour = now / 3600 % 24
        self.forward((EVENING_HOUR - hour) % 24 * 3600)

    def _enrol(self, count: int) -> None:
        shards, now = bootstrap.shards(), self.now
        fact = Fact(holds=True, at=now, evidence=Evidence.OPERATOR)
        token = self.simulator.grant(0, SCOPES).access_token
        names = list(self.sites)
        index: dict[str, int] = {}
        for number in range(count):
            shard, mine = f"{number:04d}", names[number::count]
            index[shard] = len(mine)
            sites = {name: RosterSite(name, ACCOUNT, "eu", fact, fact, fact) for name in mine}
            shards.change(shard, {name: partial(_enrolled, site) for name, site in sites.items()})
            kept = ShardToken(token, "eu", now + timedelta(hours=8))
            shards.change_tokens(shard, {ACCOUNT: kept})
        shards.change_index(lambda value: replace(value or ShardIndex(), sites=index))


def _changed_by_calls(record: SiteRecord) -> Counter[str]:
    """In how many calls of the event each setting of the site was changed."""
    calls = (record.before, record) if record.before else (record,)
    return Counter(str(touch.action) for call in calls for touch in call.touches)


def _enrolled(site: RosterSite, _before: RosterSite | None) -> RosterSite:
    return site


@contextmanager
def running_place(
    simulator: Simulator, folder: Path, *, environ: dict[str, str] | None = None, **rules: Any
) -> Iterator[Place]:
    """A place over the folder, with a simulator as good as new."""
    simulator.clear()
    simulator.reset()
    with running_lab(simulator, folder, **(environ or {})) as lab:
        lab.clock.shift = datetime.fromtimestamp(simulator.now(), UTC) - datetime.now(UTC)
        yield Place(lab, simulator, **rules)
