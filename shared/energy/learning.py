"""What a round of asking teaches about the sites: their equipment, their programmes, an authorisation that ended."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from shared.energy.model import LONGEST_DETAIL, Equipment, Evidence, Fact, RosterSite
from shared.energy.round import Round
from shared.energy.samples import Outcome
from shared.energy.shards import Change, Roster, Shards

TOLD_FOR = timedelta(days=3)
"""How long a programme counts that Tesla named and does not mention any more; ``programs`` is read once a day."""


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
        fields = ("equipment", "programme", "authorised", "region")
        self._before = before
        self._new = {name: getattr(after, name) for name in fields if getattr(after, name) != getattr(before, name)}

    def __call__(self, site: RosterSite | None) -> RosterSite | None:
        if site is None:
            return None
        new = {name: value for name, value in self._new.items() if self._is_news(site, name)}
        return msgspec.structs.replace(site, **new)

    def _is_news(self, site: RosterSite, name: str) -> bool:
        """Whether nobody wrote the field since the round began; of two looks at the equipment the later one counts.

        A consent, a record or a command that came in meanwhile knows more than the round.
        """
        if name == "equipment":
            known: Equipment | None = site.equipment
            return known is None or known.read_at <= self._new[name].read_at
        return bool(getattr(site, name) == getattr(self._before, name))


def _learnt(
    site: RosterSite, outcome: Outcome, live: tuple[str, ...] | None, asked: Round, now: datetime
) -> RosterSite:
    equipment = asked.infos.get(site.energy_site_id, site.equipment)
    programme = site.programme
    if live is not None:
        programme = _programme(site.programme, live, Evidence.LIVE_STATUS, now)
    elif site.energy_site_id in asked.programmes and not _is_told_by_status(programme, now):
        programme = _programme(site.programme, asked.programmes[site.energy_site_id], Evidence.PROGRAMS, now)
    authorised = site.authorised
    if outcome is Outcome.LOGIN_REQUIRED and authorised.holds:
        authorised = Fact(holds=False, at=now, evidence=Evidence.REVOKED)
    token = asked.tokens.get(site.account)
    region = token.region if token is not None and token.region else site.region
    if (equipment, programme, authorised, region) == (site.equipment, site.programme, site.authorised, site.region):
        return site
    return msgspec.structs.replace(
        site, equipment=equipment, programme=programme, authorised=authorised, region=region
    )


def _is_told_by_status(known: Fact, now: datetime) -> bool:
    """Whether ``live_status`` named the programmes a short while ago; it outweighs ``programs``."""
    return known.evidence is Evidence.LIVE_STATUS and known.until is not None and now < known.until


def _programme(known: Fact, active: tuple[str, ...], evidence: Evidence, now: datetime) -> Fact:
    """What Tesla says of the site's programmes. It goes over an operator's record, and keeps the time of a fact.

    It lapses when Tesla does not say it again for some days.
    """
    holds, detail, until = bool(active), ", ".join(active)[:LONGEST_DETAIL], now + TOLD_FOR
    if (known.holds, known.detail, known.evidence) != (holds, detail, evidence):
        return Fact(holds=holds, at=now, evidence=evidence, detail=detail, until=until)
    if known.until is not None and known.until - now > TOLD_FOR / 2:
        return known  # not written at every tick
    return msgspec.structs.replace(known, until=until)
