"""What an event's report is made of, apart from how a PDF is drawn: who only reads facts does not load that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.energy.dispatch.model import Dispatch
from shared.energy.dispatch.records import SiteRecord
from shared.energy.dispatch.settlement import Settlement


@dataclass(frozen=True, slots=True)
class EventFacts:
    """What the report is made of. `as_of`: when it was put together."""

    dispatch: Dispatch
    settlement: Settlement
    records: Sequence[SiteRecord]
    as_of: datetime

    @property
    def start(self) -> datetime:
        """When the event began."""
        return self.dispatch.signal.start

    @property
    def end(self) -> datetime:
        """When it ended."""
        rows = self.settlement.intervals
        return rows[-1].end if rows else self.start
