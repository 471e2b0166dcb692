"""What the plan wants of a shard's sites, and how that meets the records that are there. Pure.

A plan's document is written by planning and steering only, the records by the shard's worker only: neither ever
writes over the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from shared.energy.dispatch.planning import Commitment
from shared.energy.dispatch.records import SiteRecord, Stage, Wanted
from shared.typed import from_msgpack

OPTED_OUT = "opted_out"
REPLANNED = "not_in_the_new_plan"
_STARTED = frozenset((Stage.COMMANDING, Stage.ACTIVE))
_ENDED = frozenset((Stage.RESTORING, Stage.DONE))


class ShardPlan(msgspec.Struct, frozen=True, kw_only=True):
    """`dispatch_plans/{id}.{n}`: the commitments of one modification in one shard, and what steering made of them.

    `run`, `bench`: lists of `Commitment` as msgpack. `called`: benched sites that steering added; `release`: sites to
    let go, with the reason.
    """

    dispatch: str
    shard: str
    modification: int
    run: bytes
    bench: bytes
    called: tuple[str, ...] = ()
    release: dict[str, str] = {}

    def sites(self) -> dict[str, tuple[Commitment, Wanted, str]]:
        """Every site of the plan: what was committed, what is wanted of it, and why."""
        found: dict[str, tuple[Commitment, Wanted, str]] = {}
        called = set(self.called)
        for commitment in unpack(self.run):
            found[commitment.energy_site_id] = (commitment, Wanted.RUN, "")
        for commitment in unpack(self.bench):
            runs = commitment.energy_site_id in called
            found[commitment.energy_site_id] = (commitment, Wanted.RUN if runs else Wanted.BENCH, "")
        for site, reason in self.release.items():
            if site in found:
                found[site] = (found[site][0], Wanted.RELEASE, reason)
        return found


def pack_commitments(commitments: Iterable[Commitment]) -> bytes:
    """Commitments as a plan's document keeps them."""
    return msgspec.msgpack.encode(list(commitments))


def unpack(packed: bytes) -> list[Commitment]:
    """Commitments as they were packed."""
    return from_msgpack(packed, list[Commitment])


def merge(
    records: Iterable[SiteRecord],
    plan: Mapping[str, tuple[Commitment, Wanted, str]],
    opted_out: Iterable[str],
    *,
    newer: bool,
) -> list[SiteRecord]:
    """The records as the plan and the owners want them. Who was let go once is not called again.

    `newer`: the records were made by an older plan. What that one left out before anything was done begins anew.
    """
    left, known = set(opted_out), {record.energy_site_id: record for record in records}
    if newer:
        known = {site: _anew(record, plan.get(site)) for site, record in known.items()}
    merged = []
    for site, record in known.items():
        merged.append(_met(record, plan.get(site), out=site in left))
    for site, (commitment, wanted, reason) in plan.items():
        if site not in known:
            merged.append(_met(_new(commitment, wanted), (commitment, wanted, reason), out=site in left))
    return merged


def _new(commitment: Commitment, wanted: Wanted) -> SiteRecord:
    return SiteRecord(
        commitment.energy_site_id,
        commitment.account,
        commitment.region,
        commitment.authorised,
        commitment.programme,
        commitment.utility,
        commitment.expected_w,
        stage=Stage.BENCH if wanted is Wanted.BENCH else Stage.PLANNED,
        wanted=wanted,
        waits_for=commitment.waits_for,
    )


def _anew(record: SiteRecord, entry: tuple[Commitment, Wanted, str] | None) -> SiteRecord:
    left_out = record.wanted is Wanted.RELEASE or record.stage is Stage.DONE
    if entry is None or record.took_part or not left_out:
        return record
    return replace(_new(entry[0], entry[1]), calls=record.calls)


def _met(record: SiteRecord, entry: tuple[Commitment, Wanted, str] | None, *, out: bool) -> SiteRecord:
    if record.wanted is Wanted.RELEASE or record.stage in _ENDED:
        return record
    if out:
        return replace(record, wanted=Wanted.RELEASE, reason=OPTED_OUT)
    if entry is None:
        return replace(record, wanted=Wanted.RELEASE, reason=REPLANNED)
    commitment, wanted, reason = entry
    if wanted is Wanted.BENCH and record.stage in _STARTED:
        # A newer plan that runs without it: let it go rather than leave it running uncounted.
        return replace(record, wanted=Wanted.RELEASE, reason=REPLANNED)
    if record.stage is Stage.PLANNED and wanted is Wanted.BENCH:
        record = replace(record, stage=Stage.BENCH)
    if record.stage is Stage.PLANNED:
        record = replace(record, expected_w=commitment.expected_w)
    return replace(record, wanted=wanted, reason=reason or record.reason)
