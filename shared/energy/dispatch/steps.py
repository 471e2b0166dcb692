"""What can be done at a site next, and how that may end: the words between the lifecycle and who calls Tesla."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TypeAlias

from shared.energy.dispatch.model import Strategy
from shared.energy.dispatch.records import Snapshot
from shared.tesla.catalogue.energy import EnergyAction


@dataclass(frozen=True, slots=True)
class Look:
    """Read the site's settings."""


@dataclass(frozen=True, slots=True)
class Write:
    """Set one setting; `undo`: put the site's own value back."""

    action: EnergyAction
    value: str
    undo: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing until then; None: until something else changes."""

    until: datetime | None


Step: TypeAlias = Look | Write | Wait


class End(Enum):
    """How a request ended."""

    OK = "ok"
    """A read answered, or a command was accepted."""
    NOT_NOW = "not_now"
    """Certainly not executed; it may be sent again later."""
    UNKNOWN = "unknown"
    """It may have been executed or not."""
    REFUSED = "refused"
    """Tesla says no, and will say no again."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The end of a request: `found` by a good read, `reason`: a code of what went wrong, `retry_after_s` if told."""

    end: End
    reason: str = ""
    found: Snapshot | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """Times and tries of one site.

    Attributes:
        look_again_s: Between two readings that wait for a change to show, at first; the longer it takes, the longer.
        settle_s: How long a change of unknown fate may take to show; before that nothing is sent again. A setting
            that does not come back is put back in ever longer intervals, up to `refused_pause_s`.
        shown_s: How long a change that was accepted may take to show, which Tesla does not say.
        late_s: How long after its sending a command of unknown fate may still arrive.
        tries: How often a command is sent at most.
        first_pause_s, longest_pause_s: Pauses after failures, doubling.
        refused_pause_s: Pause after a refused restore.
        handover_s: Between two looks whether another event let the site go.
        restore_for_s: How long restoring is tried.
    """

    look_again_s: float = 0.5
    settle_s: float = 1.0
    shown_s: float = 30.0
    late_s: float = 60.0
    tries: int = 3
    first_pause_s: float = 0.5
    longest_pause_s: float = 120.0
    refused_pause_s: float = 900.0
    handover_s: float = 30.0
    restore_for_s: float = 7 * 86_400.0

    def pause_s(self, failures: int) -> float:
        """The pause after so many failures in a row."""
        return float(min(self.longest_pause_s, self.first_pause_s * 2 ** min(max(failures, 1) - 1, 20)))

    def restore_again_s(self, attempts: int) -> float:
        """How long a setting that was put back so often may take to show."""
        return float(min(self.refused_pause_s, self.settle_s * 2 ** min(attempts, 20)))

    def look_s(self, since_sent_s: float) -> float:
        """The pause before another look at what was sent so long ago."""
        return min(self.longest_pause_s, max(self.look_again_s, since_sent_s / 2))


def no_tariff(_found: Snapshot) -> str:
    """For strategies without one."""
    return ""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds for all sites of a shard in one run.

    `over`: the event was cancelled or stopped. `paused`: a newer modification is there, so that nothing of this one
    is begun any more. `still_held`: sites that another event has not let go yet. `event_tariff`: the key of the
    window's tariff for a site with these settings.
    """

    strategy: Strategy
    command_from: datetime
    ends_at: datetime
    over: bool = False
    paused: bool = False
    still_held: frozenset[str] = frozenset()
    event_tariff: Callable[[Snapshot], str] = no_tariff
    patience: Patience = field(default_factory=Patience)

    def ended(self, now: datetime) -> bool:
        """Whether nothing may be commanded any more."""
        return self.over or now >= self.ends_at
