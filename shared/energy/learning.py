"""What a round of asking teaches about the sites: their equipment, their programmes, an authorisation that ended."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.energy.model import Evidence, Fact, RosterSite
from shared.energy.round import Round
from shared.energy.samples import Outcome
from shared.energy.shards import Change, Roster, Shards


def learn(shards: Shards, shard: str, roster: Roster, asked: Round, now: datetime) -> Roster:
    """Write what changed into the roster, in one go; gives the roster as it is then."""
    changes: dict[str, Change] = {}
    for site_id, site in roster.items():
        outcome, found = asked.status.get(site_id, (Outcome.SKIPPED, None))
        live = found.programmes if found is not None else None
        after = _learnt(site, outcome, live, asked, now)
        if after != site:
            changes[site_id] = _Learnt(site, after)
    return shards.change(shard, changes) if changes else roster


class _Learnt:
    """The change of one site: what was learnt goes over the roster's entry, whatever else changed there meanwhile."""

    def __init__(self, before: RosterSite, after: RosterSite) -> None:
        fields = ("equipment", "programme", "authorised")
        self._new = {name: getattr(after, name) for name in fields if getattr(after, name) != getattr(before, name)}

    def __call__(self, site: RosterSite | None) -> RosterSite | None:
        return None if site is None else msgspec.structs.replace(site, **self._new)


def _learnt(
    site: RosterSite, outcome: Outcome, live: tuple[str, ...] | None, asked: Round, now: datetime
) -> RosterSite:
    equipment = asked.infos.get(site.energy_site_id, site.equipment)
    programme = site.programme
    if live is not None:
        programme = _programme(site.programme, live, Evidence.LIVE_STATUS, now)
    elif site.energy_site_id in asked.programmes:
        programme = _programme(site.programme, asked.programmes[site.energy_site_id], Evidence.PROGRAMS, now)
    authorised = site.authorised
    if outcome is Outcome.LOGIN_REQUIRED and authorised.holds:
        authorised = Fact(holds=False, at=now, evidence=Evidence.REVOKED)
    if equipment is site.equipment and programme is site.programme and authorised is site.authorised:
        return site
    return msgspec.structs.replace(site, equipment=equipment, programme=programme, authorised=authorised)


def _programme(known: Fact, active: tuple[str, ...], evidence: Evidence, now: datetime) -> Fact:
    """What Tesla says of the site's programmes. It goes over an operator's record, and keeps the time of a fact."""
    holds, detail = bool(active), ", ".join(active)
    if (known.holds, known.detail, known.evidence) == (holds, detail, evidence):
        return known
    return Fact(holds=holds, at=now, evidence=evidence, detail=detail)
