"""A fleet in a stack of its own, and whole events in it however often its functions are killed on the way."""

from __future__ import annotations

import json
import math
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import requests

from shared.platform.ports import Event
from tests.e2e.conftest import Starter
from tests.e2e.place import QUICK, World, restarted, running, until
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.energy_control import SiteChange
from tests.simulator.energy_site import EnergySite
from tests.stack.config import DeliveryConfig
from tests.stack.fleet_act import TICK_S, FleetAct
from tests.stack.owner import OwnerStuck
from tests.stack.stack import Stack

ACCOUNTS, SITES = 3, 3
ALL = ACCOUNTS * SITES
MINUTES = 5
_FUNCTIONS = frozenset(
    (
        "oauth",
        "energy",
        "refresh_tokens",
        "housekeeping",
        "start_energy_tick",
        "poll_energy_sites",
        "dispatch_energy",
    )
)
"""What a fleet and its dispatch need; the others would take their time to start."""
_SHARD = "0000"
_LOOKS_S = (2.0, 110.0, 182.0)
"""Seconds behind the start of a tick at which something is due (see `shared.energy.dispatch.schedule`)."""
_MOST_STEPS = 60
_IDLE_S = 60.0
_PATIENT = {**QUICK, "WORK_LEASE_S": "50", "OUTBOX_GRACE_S": "20", "DUE_AGAIN_S": "40"}
"""Less than passes between two looks, so that nobody waits for a lease; more than a busy machine holds work up."""
_SIGNAL_LEASE_S = 121.0
"""Longer than one that died holds a signal and the planning."""
_LEASES_S = 61.0
"""Longer than one that died holds a shard or a dispatch; the event has not begun then."""
_STEADY_S = 2.1
"""Processes that die younger, one after the other, are replaced after longer and longer pauses only."""
_CHARGED_PERCENT = 80.0
_MORE_THAN_ALL_KW = 500.0
_DEAD_OR_BUSY = (0, 503)
_OVER = ("done", "cancelled", "failed")
_MINE = re.compile(" answered (4|500)")
"""What asking again does not mend: the question is wrong, or the service."""

Settings = tuple[str, str, str | None]
"""Mode, export rule, digest of the tariff."""
Moment = Literal["signal", "commanding", "restoring"]


class EventStuck(AssertionError):
    """The event does not come to its end; the message says where it stands."""


@dataclass(frozen=True, slots=True)
class Kill:
    """Who is killed when: the process is new at that moment, and nothing else of the dispatch is done beside it.

    Attributes:
        point: As in CRASH_AT, counted from that moment.
        moment: The signal comes, the first command is due, or the event ends.
        shard: Whose message it is then; empty: the dispatch's as a whole.
    """

    point: str
    moment: Moment
    shard: str = _SHARD

    @property
    def function(self) -> str:
        """Who dies."""
        return self.point.partition(":")[0]


@dataclass
class Enrolment(FleetAct):
    """The first half of the main job's second act: a fleet that is enrolled, confirmed by the utility and polled."""

    def run(self) -> None:
        """Do it. Raises FleetStuck, OwnerStuck."""
        for account in self.stack.simulator["accounts"]:
            self.sites += self._enrol(account)
        self._import()
        self.tick()


@dataclass
class Lived:
    """An event that is over.

    Attributes:
        before, after: Every site's settings.
        commands: By site what was executed, by endpoint.
        sent: How many commands whoever was killed had got executed, by kill; those at a signal send none.
    """

    name: str
    before: dict[str, Settings]
    view: Any = None
    sites: list[Any] = field(default_factory=list)
    trail: list[Any] = field(default_factory=list)
    after: dict[str, Settings] = field(default_factory=dict)
    commands: dict[str, Counter[str]] = field(default_factory=dict)
    sent: dict[Kill, int] = field(default_factory=dict)


@dataclass
class Fleet:
    """The stack and its simulated Tesla. Events are named by the caller, each once.

    An event starts with the first tick after `lead_s`, in which the signal is sent, again too, and sites are set.
    """

    stack: Stack
    simulator: Simulator
    act: FleetAct
    lead_s: float = 280.0
    _steady_at: float = field(default=0.0, init=False)
    _rounds: int = field(default=0, init=False)

    @property
    def sites(self) -> dict[str, EnergySite]:
        """Every simulated site by its number."""
        return {str(site.site_id): site for account in self.simulator.accounts for site in account.sites}

    def live(self, name: str, *kills: Kill) -> Lived:
        """A whole event that every site is needed for; one kill a moment at most. Raises EventStuck."""
        for site in self.sites:
            self.simulator.control.change_site(site, SiteChange(percentage_charged=_CHARGED_PERCENT))
        self.act.tick()
        event = Lived(name, self._settings())
        commands = {site: Counter(found.commands) for site, found in self.sites.items()}
        at = {kill.moment: kill for kill in kills}
        self._ask(name, at.pop("signal", None))
        self._live_through(event, at)
        event.sites = self._insist("GET", f"/dispatches/{name}/sites")["sites"]
        event.trail = self._insist("GET", f"/dispatches/{name}/audit")["entries"]
        event.after = self._settings()
        event.commands = {site: Counter(found.commands) - commands[site] for site, found in self.sites.items()}
        return event

    def arm(self, *functions: str, **environment: str) -> None:
        """Replace the functions' processes by ones that die as told; who died before does not count any more."""
        self._rounds += 1
        time.sleep(max(0.0, self._steady_at - time.monotonic()))
        for function in functions:
            restarted(self.stack, function, CRASH_ROUND=str(self._rounds), **environment)
        self._steady_at = time.monotonic() + _STEADY_S

    def _executed(self) -> int:
        return sum(sum(site.commands.values()) for site in self.sites.values())

    def _settings(self) -> dict[str, Settings]:
        truth = self.act.truth()
        return {str(one["energy_site_id"]): (one["mode"], one["export_rule"], one["tariff_digest"]) for one in truth}

    def _ask(self, name: str, kill: Kill | None) -> None:
        """Send the signal; again, a while later, if whoever took it dies."""
        ticks = int(self.stack.clock.now().timestamp() + self.lead_s) // TICK_S + 1
        start = datetime.fromtimestamp(ticks * TICK_S, UTC)
        times = {"start": start.isoformat(), "end": (start + timedelta(minutes=MINUTES)).isoformat()}
        signal = {"id": name, **times, "target_kw": _MORE_THAN_ALL_KW, "strategy": "export"}
        if kill is not None:
            self.arm(kill.function, CRASH_AT=kill.point)
        answer = self._insist("POST", "/signals", signal, forward_s=_SIGNAL_LEASE_S)
        assert answer["verdict"] == "less"

    def _insist(self, method: str, path: str, body: Any = None, *, forward_s: float = 0.0) -> Any:
        """Ask, and ask again as whoever met a dying function does; `forward_s` pass for each that has died."""
        stuck: Exception | None = None
        deaths = len(self.stack.deaths)
        for _ in range(_MOST_STEPS):
            try:
                return self.act.operator.call(method, path, body)
            except (OwnerStuck, requests.ConnectionError) as error:
                if _MINE.search(str(error)):
                    raise
                stuck = error
            time.sleep(0.1)
            if len(self.stack.deaths) > deaths:
                deaths = len(self.stack.deaths)
                self.stack.advance(forward_s)
        raise EventStuck(f"{method} {path} is never answered well") from stuck

    def _live_through(self, event: Lived, kills: dict[Moment, Kill]) -> None:
        """Let time pass until the event is over and everything is restored."""
        for _ in range(_MOST_STEPS):
            self.stack.tick()
            self.stack.wait_idle(_IDLE_S)
            event.view = self._insist("GET", f"/dispatches/{event.name}")
            if event.view["event"]["state"] in _OVER:
                return
            pause_s = self._to_next_look_s()
            moment, to_kill_s = self._next_kill(event, kills)
            if to_kill_s <= pause_s:
                self.stack.advance(max(0.0, to_kill_s))
                self._kill(event, kills.pop(moment))
            else:
                self.stack.advance(pause_s)
        raise EventStuck(f"the event does not end: {event.view['event']}")

    def _to_next_look_s(self) -> float:
        passed = self.stack.clock.now().timestamp() % TICK_S
        return next(look - passed for look in (*_LOOKS_S, TICK_S + _LOOKS_S[0]) if look > passed + 1)

    def _next_kill(self, event: Lived, kills: Iterable[Moment]) -> tuple[Moment, float]:
        """The next moment that somebody is killed at, and how far off it is: for ever if there is none."""
        told, now = event.view["event"], self.stack.clock.now()
        moments: dict[Moment, str] = {"commanding": told["plan"]["command_from"], "restoring": told["end"]}
        off_s = {one: (datetime.fromisoformat(moments[one]) - now).total_seconds() for one in kills}
        return min(off_s.items(), key=lambda item: item[1], default=("signal", math.inf))

    def _outlived(self, message: str) -> bool:
        """Whether somebody answered the message and did not only ask for it to come again."""
        return any(one.message_id == message and one.status not in _DEAD_OR_BUSY for one in self.stack.deliveries)

    def _kill(self, event: Lived, kill: Kill) -> None:
        """Have one message alone delivered to a new process, and wait for its death. Raises EventStuck."""
        self.arm(kill.function, CRASH_AT=kill.point)
        deaths, executed = len(self.stack.deaths), self._executed()
        message = json.dumps({"dispatch": event.name, "shard": kill.shard, "modification": 0}).encode()
        number = self.stack.messaging.bus.publish(Event("dispatch-energy", message))
        until(lambda: len(self.stack.deaths) > deaths or self._outlived(number), f"{kill.function} dies")
        if len(self.stack.deaths) == deaths:
            raise EventStuck(f"{kill} lives on:\n{self.stack.function_process(kill.function).log_tail()}")
        event.sent[kill] = self._executed() - executed
        self._steady_at = time.monotonic() + _STEADY_S
        self.stack.advance(_LEASES_S)


@contextmanager
def fleet_of(starter: Starter, *, duplicate: int = 1, shuffle_s: float = 0.0) -> Iterator[Fleet]:
    """A few owners' sites, set to different things, in a stack where time passes when told to.

    Every message comes `duplicate` times, each after a random delay of up to `shuffle_s`.
    """
    with ExitStack() as opening:
        config = SimulatorConfig(
            seed=5,
            accounts=ACCOUNTS,
            vehicles=0,
            sites=SITES,
            mixed_settings=True,
            programs_endpoint=True,
            empty_site=False,
        )
        simulator = opening.enter_context(Simulator(config))
        world = World(simulator)
        quick = DeliveryConfig(attempts=5, backoff_max_s=0.4, duplicate=duplicate, shuffle_s=shuffle_s)
        chosen = starter.config(
            tesla=world.greeting(), tick_s=0, delivery=quick, settings=_PATIENT, functions=_FUNCTIONS
        )
        place = opening.enter_context(running(chosen, world))
        fleet = Fleet(place.stack, simulator, Enrolment(place.stack, lambda _: nullcontext()))
        fleet.act.run()
        yield fleet
