"""One simulated energy site: what it is set to, how its battery lives on with time, and what it was told.

Nothing runs in the background: a site catches up when somebody looks. Because steps lie on a fixed grid of time
and a site's past follows from its journal, looking changes nothing and history is the same life lived again. A lock
keeps a test's thread and the server's from overwriting each other's part of a life.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

from .answers import Json
from .clock import Clock
from .config import SimulatorConfig
from .energy_physics import STEP_S, Flows, Settings, Step, charged_wh, flows, steps, window_of
from .energy_plant import Plant
from .energy_profile import Profile, draw

LONGEST_GAP_S = 7 * 86_400.0
"""A site nobody has looked at for longer forgets what was before its last two days."""
RELIVED_S = 2 * 86_400.0
JOURNAL_LENGTH = 256


class Life(NamedTuple):
    """A moment from which everything follows: time, energy (Wh), and what acts on the battery from here on."""

    at_s: float
    energy_wh: float
    settings: Settings
    plant: Plant


class Present(NamedTuple):
    """What a site is doing at the clock's time."""

    at_s: float
    energy_wh: float
    flows: Flows
    plant: Plant

    @property
    def percentage_charged(self) -> float:
        """0..100, with many digits; 0 without a battery."""
        return 100 * self.energy_wh / self.plant.capacity_wh if self.plant.capacity_wh else 0.0


class EnergySite:
    """A home with 1 to 3 Powerwalls. `settings` are what it says; what the battery follows may lag behind.

    Attributes:
        built: Its devices, whatever troubles make of them.
        troubles: Names of what is wrong with it; `energy_troubles` sets them.
        frozen: The live_status of a gateway that has gone stale.
        payload: Keys to add or replace, by payload: live_status, site_info, product.
        programs: Programmes it takes part in: program_id, name, status.
        commands: Accepted commands by name of their endpoint.
    """

    def __init__(self, site_id: int, region: str, config: SimulatorConfig, clock: Clock) -> None:
        self.site_id = site_id
        self.profile: Profile = draw(site_id, region, config)
        self.settings = self.profile.first_settings
        self.programs: list[Json] = [dict(row) for row in self.profile.programs]
        self.troubles: frozenset[str] = frozenset()
        self.frozen: Json | None = None
        self.payload: Json = {}
        self.commands: Counter[str] = Counter()
        self._config, self._clock, self._lock = config, clock, threading.RLock()
        self.built = plant = self.profile.plant
        self._life = Life(clock.now(), plant.capacity_wh * self.profile.first_share, self.settings, plant)
        self._journal = [self._life]
        self._pending: list[tuple[float, dict[str, Any]]] = []

    @property
    def name(self) -> str:
        """What the owner calls it."""
        return self.profile.name

    @property
    def mode(self) -> str:
        """The operating mode that site_info shows."""
        return self.settings.mode

    @property
    def reserve_percent(self) -> float:
        """The backup reserve that site_info shows."""
        return self.settings.reserve_percent

    @property
    def plant(self) -> Plant:
        """Its devices as troubles have left them."""
        return self._life.plant

    def command(self, name: str, **changes: Any) -> None:
        """An accepted command: shown at once, acted upon after the reaction time."""
        with self._lock:
            self.commands[name] += 1
            if "forgetful" not in self.troubles:
                self.settings = replace(self.settings, **changes)
                self._react(changes)

    def change(self, **changes: Any) -> None:
        """What the owner or the weather does: no command, and at once."""
        with self._lock:
            self._pending = [(at_s, _without(waiting, changes)) for at_s, waiting in self._pending]
            self.settings = replace(self.settings, **changes)
            self._act(changes)

    def charge_to(self, percent: float) -> None:
        """Put the battery at a state of charge, 0..100."""
        with self._lock:
            life = self._until_now()
            self._begin(life._replace(energy_wh=life.plant.capacity_wh * percent / 100))

    def equip(self, plant: Plant) -> None:
        """Go on with other devices; the charge is kept as a share."""
        with self._lock:
            life = self._until_now()
            share = life.energy_wh / life.plant.capacity_wh if life.plant.capacity_wh else self.profile.first_share
            self._begin(life._replace(plant=plant, energy_wh=share * plant.capacity_wh))

    def present(self) -> Present:
        """What it is doing now; flows are held until the next full minute."""
        life = self.life()
        now = max(self._clock.now(), life.at_s)
        held = _held(life)
        energy_wh = charged_wh(life.plant, life.energy_wh, held.battery_w, now - life.at_s)
        return Present(now, energy_wh, held, life.plant)

    def life(self) -> Life:
        """Catch up with the clock, to the beginning of the present step."""
        with self._lock:
            now = self._clock.now()
            while self._pending and self._pending[0][0] <= now:
                at_s, changes = self._pending.pop(0)
                life = _lived(self._life, at_s)
                self._begin(life._replace(settings=replace(life.settings, **changes)))
            if now - self._life.at_s > LONGEST_GAP_S:
                self._journal.clear()
                self._begin(self._life._replace(at_s=now // STEP_S * STEP_S - RELIVED_S))
            self._life = _lived(self._life, now // STEP_S * STEP_S)
            return self._life

    def past(self, since_s: float) -> Iterator[Step]:
        """The finished steps from a Unix time on, lived again from the journal; none from before its beginning."""
        with self._lock:
            present = self.life()
            lives = [*self._journal, present]
        for life, end in pairwise(lives):
            if end.at_s > since_s:
                span = (life.at_s, end.at_s)
                yield from (s for s in steps(life.plant, life.settings, life.energy_wh, span) if s.at_s >= since_s)

    def journal(self) -> list[Life]:
        """The moments at which something changed, oldest first."""
        return list(self._journal)

    def _react(self, changes: dict[str, Any]) -> None:
        """Let the battery follow a command, now or after the reaction time."""
        if "inert" in self.troubles:
            return
        if self._config.reaction_s <= 0:
            self._act(changes)
            return
        self._pending.append((self._clock.now() + self._config.reaction_s, changes))
        self._pending.sort(key=lambda entry: entry[0])

    def _act(self, changes: dict[str, Any]) -> None:
        life = self._until_now()
        self._begin(life._replace(settings=replace(life.settings, **changes)))

    def _until_now(self) -> Life:
        """The life as it is at this very moment, in the middle of a step."""
        return _lived(self.life(), self._clock.now())

    def _begin(self, life: Life) -> None:
        """Go on from here, and note it; a long journal loses its older half."""
        self._life = life
        self._journal.append(life)
        if len(self._journal) > JOURNAL_LENGTH:
            del self._journal[: JOURNAL_LENGTH // 2]


def _without(changes: dict[str, Any], overruled: dict[str, Any]) -> dict[str, Any]:
    """The changes that were not overruled meanwhile."""
    return {name: value for name, value in changes.items() if name not in overruled}


def _lived(life: Life, until_s: float) -> Life:
    """The same life at a later time."""
    energy_wh, at_s = life.energy_wh, life.at_s
    for step in steps(life.plant, life.settings, energy_wh, (at_s, until_s)):
        energy_wh, at_s = step.after_wh, until_s
    return Life(at_s, energy_wh, life.settings, life.plant)


def _held(life: Life) -> Flows:
    """The flows of the step that begins with this life."""
    span_s = (life.at_s // STEP_S + 1) * STEP_S - life.at_s
    window = window_of(life.plant, life.settings)(life.at_s)
    return flows(life.plant, life.settings, life.energy_wh, life.at_s, span_s, window)
