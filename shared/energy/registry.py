"""The enrolment registry: which sites take part, with the evidence for it, and what their owners allow.

A change is written to the site first, then to its shard's roster, and has effect from there on; both are written
before the caller hears of success. A caller that hears of a failure repeats the call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime

import msgspec

from shared import log
from shared.energy.model import LONGEST_DETAIL, Actor, Evidence, Fact, FactName, OptOut, OwnerLimits, RosterSite, Site
from shared.energy.shards import Change, Shards
from shared.platform.documents import Collection
from shared.platform.errors import AlreadyExists, NotFound, VersionChanged
from shared.platform.ports import Clock, DocumentStore, Where

_SITE_ID = re.compile(r"[0-9]{1,30}")
_TRIES = 12
TOLD_BY_TESLA = (Evidence.LIVE_STATUS, Evidence.PROGRAMS)


class SiteGone(Exception):
    """There is no such site in the registry."""


class SiteTaken(Exception):
    """The site is enrolled through another Tesla account."""


class NewSite(msgspec.Struct, frozen=True):
    """A site to enrol, as the account's product list names it."""

    energy_site_id: str
    name: str


class Owner(msgspec.Struct, frozen=True):
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
        stored = self._sites.get(site_id) if _SITE_ID.fullmatch(site_id) else None
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
        new = {site_id for site_id, stored in known.items() if stored is None}
        shard = self._shards.place(len(new)) if new else ""
        after = self._written(owner, wanted, new, shard)
        self._project(after)
        self._tidy(after)
        for name in {site.shard for site in after.values()}:
            self._shards.change_tokens(name, {owner.account: None})  # a new consent: whatever was kept is old
        log.info("sites enrolled", enrolment=owner.enrolment, count=len(after), new=len(new))
        return after

    def withdraw(self, site_id: str) -> None:
        """Forget the site; nothing is asked of it any more."""
        site = self._removed(site_id)
        if site is None:
            return
        self._shards.give_back(site.shard)
        if site.account not in {entry.account for entry in self._shards.roster(site.shard).values()}:
            self._shards.change_tokens(site.shard, {site.account: None})
        log.info("site withdrawn", shard=site.shard)

    def revoke(self, account: str) -> int:
        """The account is connected no more: its sites stop at once and its tokens go; gives how many sites."""
        found, now = self.of_account(account), self._clock.now()
        ended = Fact(holds=False, at=now, evidence=Evidence.REVOKED)
        for site_id in found:
            with suppress(SiteGone):  # withdrawn meanwhile
                self._change(site_id, lambda site: msgspec.structs.replace(site, authorised=ended))
        for shard in {site.shard for site in found.values()}:
            self._shards.change_tokens(shard, {account: None})
        return len(found)

    def opt_out(self, site_id: str, by: Actor, reason: str = "") -> Site:
        """Take the site out of everything, at once; an owner's word replaces an operator's. Raises SiteGone."""
        out = OptOut(by=by, at=self._clock.now(), reason=reason)

        def change(site: Site) -> Site:
            known = site.opted_out
            stands = known is not None and known.by in {by, "owner"}
            return site if stands else msgspec.structs.replace(site, opted_out=out)

        return self._change(site_id, change)

    def opt_in(self, site_id: str, by: Actor) -> Site:
        """Undo an opt-out; an owner's own only by the owner. Raises SiteGone, PermissionError."""

        def change(site: Site) -> Site:
            if site.opted_out is not None and site.opted_out.by == "owner" and by != "owner":
                raise PermissionError("the owner opted out; only the owner can opt in again")
            return msgspec.structs.replace(site, opted_out=None)

        return self._change(site_id, change)

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

    def _written(self, owner: Owner, wanted: Mapping[str, NewSite], new: set[str], shard: str) -> dict[str, Site]:
        """The sites as they are in the registry now; places that are not needed after all are given back."""
        after, free = dict[str, Site](), len(new)
        try:
            for site_id, site in wanted.items():
                fresh = self._created(owner, site, shard) if site_id in new else None
                free -= fresh is not None
                after[site_id] = fresh or self._enrolled_again(owner, site)
        finally:
            if free:
                self._shards.give_back(shard, free)
        return after

    def _created(self, owner: Owner, new: NewSite, shard: str) -> Site | None:
        """The new site, or None where the same call made at the same time was quicker."""
        site = Site(
            enrolment=owner.enrolment,
            account=owner.account,
            region=owner.region,
            shard=shard,
            enrolled_at=self._clock.now(),
            name=new.name,
            authorised=self._consented(),
        )
        try:
            return self._sites.create(new.energy_site_id, site).value
        except AlreadyExists:
            return None

    def _enrolled_again(self, owner: Owner, new: NewSite) -> Site:
        """The known site under this enrolment. Raises SiteTaken, VersionChanged."""

        def change(known: Site) -> Site:
            if known.account != owner.account:
                raise SiteTaken("the site is enrolled through another Tesla account")
            return msgspec.structs.replace(
                known,
                enrolment=owner.enrolment,
                region=owner.region,
                name=new.name,
                authorised=self._consented(),
            )

        try:
            return self._sites.update(new.energy_site_id, change).value
        except NotFound:
            raise VersionChanged("the site was withdrawn meanwhile") from None

    def _consented(self) -> Fact:
        return Fact(holds=True, at=self._clock.now(), evidence=Evidence.CONSENT)

    def _removed(self, site_id: str) -> Site | None:
        """The site, of which nothing is left; None where somebody else removed it. Raises VersionChanged."""
        for _ in range(_TRIES):
            stored = self._sites.get(site_id)
            if stored is None:
                return None
            self._shards.change(stored.value.shard, {site_id: lambda _: None})
            try:
                self._sites.delete(site_id, version=stored.version)
            except VersionChanged:
                continue
            return stored.value
        raise VersionChanged("the site kept changing")

    def _change(self, site_id: str, change: Callable[[Site], Site]) -> Site:
        """Rewrite the site and its entry in the roster. Raises SiteGone."""
        self.get(site_id)
        try:
            site = self._sites.update(site_id, change).value
        except NotFound:
            raise SiteGone("no such site is enrolled") from None
        self._project({site_id: site})
        self._tidy({site_id: site})
        return site

    def _tidy(self, sites: Mapping[str, Site]) -> None:
        """Take out of the rosters what was withdrawn before its entry was written there. Raises SiteGone."""
        gone = list[str]()
        for site_id, site in sites.items():
            now = self._sites.get(site_id)
            if now is None or now.value.shard != site.shard:
                self._shards.change(site.shard, {site_id: lambda _: None})
                gone.append(site_id)
        if gone:
            raise SiteGone("no such site is enrolled any more")

    def _project(self, sites: Mapping[str, Site]) -> None:
        """Write the sites into their shards' rosters, one write a shard."""
        by_shard: dict[str, dict[str, Change]] = {}
        for site_id, site in sites.items():
            by_shard.setdefault(site.shard, {})[site_id] = _Projected(site_id, site, self._clock.now())
        for shard, changes in by_shard.items():
            self._shards.change(shard, changes)


class _Projected:
    """The roster's entry after the site changed: what polls learnt stays."""

    def __init__(self, site_id: str, site: Site, now: datetime) -> None:
        self._site_id, self._site, self._now = site_id, site, now

    def __call__(self, entry: RosterSite | None) -> RosterSite:
        site = self._site
        known = entry or RosterSite(self._site_id, site.account, site.region)
        until = known.programme.until
        told = known.programme.evidence in TOLD_BY_TESLA and (until is None or self._now < until)
        out = site.opted_out
        return RosterSite(
            energy_site_id=self._site_id,
            account=site.account,
            region=site.region,
            authorised=site.authorised,
            programme=known.programme if told else _short(site.programme),
            utility=_short(site.utility),
            opted_out=None if out is None else msgspec.structs.replace(out, reason=out.reason[:LONGEST_DETAIL]),
            limits=site.limits,
            equipment=known.equipment,
        )


def _short(fact: Fact) -> Fact:
    """The fact with as much of its note as a roster takes."""
    return msgspec.structs.replace(fact, detail=fact.detail[:LONGEST_DETAIL])


def _fact_change(name: FactName, fact: Fact) -> Callable[[Site], Site]:
    return lambda site: msgspec.structs.replace(site, **{name: fact})
