"""The enrolment registry: which sites take part, with the evidence for it, and what their owners allow.

A change is written to the site first, then to its shard's roster, and has effect from there on; both are written
before the caller hears of success. A caller that hears of a failure repeats the call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from shared import log
from shared.energy.model import Actor, Evidence, Fact, FactName, OptOut, OwnerLimits, RosterSite, Site
from shared.energy.shards import Change, Shards
from shared.platform.documents import Collection, Stored
from shared.platform.errors import NotFound
from shared.platform.ports import Clock, DocumentStore, Where

TOLD_BY_TESLA = (Evidence.LIVE_STATUS, Evidence.PROGRAMS)


class SiteGone(Exception):
    """There is no such site in the registry."""


class SiteTaken(Exception):
    """The site is enrolled through another Tesla account."""


@dataclass(frozen=True, slots=True)
class NewSite:
    """A site to enrol, as the account's product list names it."""

    energy_site_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Owner:
    """Who enrols: the enrolment, its account, and the region where that lives."""

    enrolment: str
    account: str
    region: str


class Registry:
    """Sites and their facts. Collection: `sites`, by energy_site_id."""

    def __init__(self, store: DocumentStore, shards: Shards, clock: Clock) -> None:
        self._sites = Collection(store, "sites", Site)
        self._shards, self._clock = shards, clock

    def get(self, site_id: str) -> Site:
        """The site. Raises SiteGone."""
        stored = self._sites.get(site_id)
        if stored is None:
            raise SiteGone("no such site is enrolled")
        return stored.value

    def of_enrolment(self, enrolment: str) -> dict[str, Site]:
        """The enrolment's sites by id."""
        found = self._sites.find([Where("enrolment", "==", enrolment)])
        return {stored.key: stored.value for stored in found}

    def of_account(self, account: str) -> dict[str, Site]:
        """The account's sites by id, whichever enrolment brought them."""
        found = self._sites.find([Where("account", "==", account)])
        return {stored.key: stored.value for stored in found}

    def enrol(self, owner: Owner, sites: Iterable[NewSite]) -> dict[str, Site]:
        """Enrol sites that the account lists; may be repeated. Gives them by id.

        A site that the same account enrolled before keeps what is known of it and moves to this enrolment: that is
        how an owner whose grant was lost gets back in. Raises SiteTaken for another account's site.
        """
        wanted = {site.energy_site_id: site for site in sites}
        known = {site_id: self._sites.get(site_id) for site_id in wanted}
        for stored in known.values():
            if stored is not None and stored.value.account != owner.account:
                raise SiteTaken("the site is enrolled through another Tesla account")
        new = [site_id for site_id, stored in known.items() if stored is None]
        shard = self._shards.place(len(new)) if new else ""
        after = {site_id: self._enrolled(owner, wanted[site_id], stored, shard) for site_id, stored in known.items()}
        for site_id, site in after.items():
            self._sites.put(site_id, site)
        self._project(after)
        for name in {site.shard for site in after.values()}:
            self._shards.change_tokens(name, {owner.account: None})  # a new consent: whatever was kept is old
        log.info("sites enrolled", enrolment=owner.enrolment, count=len(after), new=len(new))
        return after

    def withdraw(self, site_id: str) -> None:
        """Forget the site; nothing is asked of it any more."""
        stored = self._sites.get(site_id)
        if stored is None:
            return
        site = stored.value
        self._shards.change(site.shard, {site_id: lambda _: None})
        self._sites.delete(site_id)
        self._shards.give_back(site.shard)
        if site.account not in {entry.account for entry in self._shards.roster(site.shard).values()}:
            self._shards.change_tokens(site.shard, {site.account: None})
        log.info("site withdrawn", shard=site.shard)

    def revoke(self, account: str) -> int:
        """The account is connected no more: its sites stop at once and its tokens go; gives how many sites."""
        found, now = self.of_account(account), self._clock.now()
        ended = Fact(holds=False, at=now, evidence=Evidence.REVOKED)
        for site_id in found:
            self._change(site_id, lambda site: msgspec.structs.replace(site, authorised=ended))
        for shard in {site.shard for site in found.values()}:
            self._shards.change_tokens(shard, {account: None})
        return len(found)

    def opt_out(self, site_id: str, by: Actor, reason: str = "") -> Site:
        """Take the site out of everything, at once. Raises SiteGone."""
        out = OptOut(by=by, at=self._clock.now(), reason=reason)
        return self._change(site_id, lambda site: msgspec.structs.replace(site, opted_out=site.opted_out or out))

    def opt_in(self, site_id: str, by: Actor) -> Site:
        """Undo an opt-out; an owner's own only by the owner. Raises SiteGone, PermissionError."""
        site = self.get(site_id)
        if site.opted_out is not None and site.opted_out.by == "owner" and by != "owner":
            raise PermissionError("the owner opted out; only the owner can opt in again")
        return self._change(site_id, lambda site: msgspec.structs.replace(site, opted_out=None))

    def set_limits(self, site_id: str, limits: OwnerLimits) -> Site:
        """What the owner allows from now on. Raises SiteGone."""
        return self._change(site_id, lambda site: msgspec.structs.replace(site, limits=limits))

    def record(self, site_id: str, name: FactName, fact: Fact) -> Site:
        """Record one fact. Raises SiteGone."""
        return self._change(site_id, lambda site: msgspec.structs.replace(site, **{name: fact}))

    def record_many(self, name: FactName, facts: Mapping[str, Fact]) -> list[str]:
        """Record one fact of many sites, each shard's roster written once; gives the ids that are not enrolled."""
        after, unknown = dict[str, Site](), list[str]()
        for site_id, fact in facts.items():
            try:
                change = _fact_change(name, fact)
                after[site_id] = self._sites.update(site_id, change).value
            except NotFound:
                unknown.append(site_id)
        self._project(after)
        return unknown

    def page(self, cursor: str | None, limit: int) -> tuple[list[tuple[str, Site]], str | None]:
        """All sites, in the order of their ids, page by page. Raises InvalidCursor."""
        stored, after = self._sites.page(cursor=cursor, limit=limit)
        return [(item.key, item.value) for item in stored], after

    def _enrolled(self, owner: Owner, new: NewSite, stored: Stored[Site] | None, shard: str) -> Site:
        authorised = Fact(holds=True, at=self._clock.now(), evidence=Evidence.CONSENT)
        fresh = Site(
            enrolment=owner.enrolment,
            account=owner.account,
            region=owner.region,
            shard=shard,
            enrolled_at=self._clock.now(),
            name=new.name,
            authorised=authorised,
        )
        if stored is None:
            return fresh
        known = stored.value
        return msgspec.structs.replace(
            known, enrolment=owner.enrolment, region=owner.region, name=new.name, authorised=authorised
        )

    def _change(self, site_id: str, change: Callable[[Site], Site]) -> Site:
        try:
            site = self._sites.update(site_id, change).value
        except NotFound:
            raise SiteGone("no such site is enrolled") from None
        self._project({site_id: site})
        return site

    def _project(self, sites: Mapping[str, Site]) -> None:
        """Write the sites into their shards' rosters, one write a shard."""
        by_shard: dict[str, dict[str, Change]] = {}
        for site_id, site in sites.items():
            by_shard.setdefault(site.shard, {})[site_id] = _Projected(site_id, site)
        for shard, changes in by_shard.items():
            self._shards.change(shard, changes)


class _Projected:
    """The roster's entry after the site changed: what polls learnt stays."""

    def __init__(self, site_id: str, site: Site) -> None:
        self._site_id, self._site = site_id, site

    def __call__(self, entry: RosterSite | None) -> RosterSite:
        site = self._site
        known = entry or RosterSite(self._site_id, site.account, site.region)
        told = known.programme.evidence in TOLD_BY_TESLA
        return RosterSite(
            energy_site_id=self._site_id,
            account=site.account,
            region=site.region,
            authorised=site.authorised,
            programme=known.programme if told else site.programme,
            utility=site.utility,
            opted_out=site.opted_out,
            limits=site.limits,
            equipment=known.equipment,
        )


def _fact_change(name: FactName, fact: Fact) -> Callable[[Site], Site]:
    return lambda site: msgspec.structs.replace(site, **{name: fact})
