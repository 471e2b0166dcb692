"""What the plan wants of a shard's sites, and how that meets the records that are there. Pure.

A plan's document is written by planning and steering only, the records by the shard's worker only: neither ever
writes over the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace

from shared.energy.dispatch.planning import Commitment
from shared.energy.dispatch.recalling import called_again
from shared.energy.dispatch.records import SiteRecord, Stage, Wanted
from shared.typed import from_msgpack

OPTED_OUT = "opted_out"
REPLANNED = "not_in_the_new_plan"
_STARTED = frozenset((Stage.COMMANDING, Stage.ACTIVE))
_ENDED = frozenset((Stage.RESTORING, Stage.DONE))


class Anew(msgspec.Struct, frozen=True, array_like=True):
    """Who runs and who waits in reserve: lists of `Commitment` as msgpack."""

    run: bytes
    bench: bytes


class ShardPlan(msgspec.Struct, frozen=True, kw_only=True):
    """`dispatch_plans/{id}.{n}`: the commitments of one modification in one shard, and what steering made of them.

    `run`, `bench`: lists of `Commitment` as msgpack; `anew`: both of the plan that was made anew right before
    commanding, which counts once the dispatch says so (`PlanSummary.renewed`). `called`: benched sites that steering
    added; `release`: sites to let go, with the reason. After the event's end nothing needs a plan: restoring goes by
    the records.
    """

    dispatch: str
    shard: str
    modification: int
    run: bytes
    bench: bytes
    called: tuple[str, ...] = ()
    release: dict[str, str] = {}
    expires_at: datetime | None = None
    anew: bytes = b""

    def sites(self, *, renewed: bool = False) -> dict[str, tuple[Commitment, Wanted, str]]:
        """Every site of the plan, or of the one made anew: what was committed, what is wanted of it, and why."""
        found: dict[str, tuple[Commitment, Wanted, str]] = {}
        called = set(self.called)
        parts = from_msgpack(self.anew, Anew) if renewed and self.anew else Anew(self.run, self.bench)
        for commitment in unpack(parts.run):
            found[commitment.energy_site_id] = (commitment, Wanted.RUN, "")
        for commitment in unpack(parts.bench):
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
    """The records as the plan and the owners want them. Who was let go is called again only if steering did that.

    `newer`: the records were made by an older plan. What that one left out before anything was done begins anew.
    """
    left, known = set(opted_out), {record.energy_site_id: record for record in records}
    if newer:
        known = {site: _anew(record, plan.get(site)) for site, record in known.items()}
    merged = []
    for site, record in known.items():
        merged.append(_met(_reachable(record, plan.get(site)), plan.get(site), out=site in left))
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


def _reachable(record: SiteRecord, entry: tuple[Commitment, Wanted, str] | None) -> SiteRecord:
    """The record with its account: that was taken out of the stored one if the event seemed to be over."""
    return record if record.account or entry is None else replace(record, account=entry[0].account)


def _met(record: SiteRecord, entry: tuple[Commitment, Wanted, str] | None, *, out: bool) -> SiteRecord:
    if record.again_w > 0 and not out and entry is not None and entry[1] is Wanted.RUN:
        return called_again(record)
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
    if record.stage is Stage.PLANNED and record.before is None:
        record = replace(record, expected_w=commitment.expected_w)
    return replace(record, wanted=wanted, reason=reason or record.reason)
