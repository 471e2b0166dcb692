"""Which energy contract a region's host speaks: as pinned by the settings, or as its answers showed.

Tesla's published writes are tried first. Where the host does not know a write (405, or 404 although the site itself
is there), the same setting is written in the form of the other contract, and what worked is remembered per region.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared import log
from shared.platform.documents import Collection
from shared.platform.ports import Clock, DocumentStore
from shared.tesla.catalogue import Contract

_REMEMBERED_S = 300.0


class KnownContract(msgspec.Struct, frozen=True, kw_only=True):
    """The contract that a region's host was seen to speak."""

    contract: Contract
    learned_at: datetime


class ContractMemory:
    """Contracts by region. `pinned`: the one to use everywhere, or None to find out. Collection: `contracts`."""

    def __init__(self, store: DocumentStore, clock: Clock, pinned: Contract | None) -> None:
        self._known = Collection(store, "contracts", KnownContract)
        self._clock, self._pinned = clock, pinned
        self._seen: dict[str, tuple[float, Contract]] = {}

    @property
    def may_change(self) -> bool:
        """Whether the other contract may be tried where one is not known."""
        return self._pinned is None

    def of(self, region: str) -> Contract:
        """The contract to begin with in the region."""
        if self._pinned is not None:
            return self._pinned
        seen = self._seen.get(region)
        if seen is None or self._clock.monotonic() - seen[0] > _REMEMBERED_S:
            stored = self._known.get(region)
            contract = stored.value.contract if stored else Contract.PUBLISHED
            seen = self._seen[region] = (self._clock.monotonic(), contract)
        return seen[1]

    def remember(self, region: str, contract: Contract) -> None:
        """The host took a write in this contract's form."""
        if self._pinned is not None or self.of(region) is contract:
            return
        log.info("energy contract learned", region=region, contract=contract.value)
        self._known.put(region, KnownContract(contract=contract, learned_at=self._clock.now()))
        self._seen[region] = (self._clock.monotonic(), contract)
