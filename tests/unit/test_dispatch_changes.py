"""Changes at a site that are not the event's: noticed where its settings are read, and named as far as is known."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from shared.energy.availability import Rules
from shared.energy.dispatch.byhand import MOST_BY_HAND, ByHand, noted, who
from shared.energy.dispatch.journal import rows_of
from shared.energy.dispatch.records import SiteRecord, Snapshot, Stage, StageTimes, Touch, TouchState, Wanted
from shared.energy.dispatch.sightings import Sightings
from shared.energy.dispatch.watching import WatchRules
from shared.energy.model import Equipment, RosterSite
from shared.energy.reasons import Reason
from shared.tesla.catalogue.energy import EnergyAction
from tests.unit.dispatch_samples import END, START, dispatch, record

MODE = EnergyAction.OPERATION


def test_a_mode_that_a_poll_finds_changed_is_recorded_where_the_event_did_not_touch_it() -> None:
    confirmed = START + timedelta(minutes=1)
    first = Snapshot(START, "self_consumption")
    running = replace(record(), stage=Stage.ACTIVE, snapshot=first, times=StageTimes(confirmed_at=confirmed))

    def seen(value: SiteRecord, read_at: datetime, mode: str) -> SiteRecord:
        site = RosterSite(value.energy_site_id, "a", "eu", equipment=Equipment(read_at, mode=mode))
        looked = Sightings({value.energy_site_id: site}, {}, Rules(), WatchRules())
        return looked.applied(replace(value, wanted=Wanted.RELEASE), dispatch().signal, [], END)

    later = confirmed + timedelta(minutes=9)
    found = seen(running, later, "backup")
    assert (found.mode_found, found.owner_changed) == ("backup", True)
    (row,) = rows_of(replace(running, wanted=Wanted.RELEASE), found, END)
    assert (row.actor, row.what, row.reason) == ("outside", "changed_outside", "operation")
    assert rows_of(found, seen(found, later, "backup"), END) == []
    for read_at, mode in ((START, "backup"), (later, "self_consumption"), (later, "")):
        assert not seen(running, read_at, mode).owner_changed
    touched = replace(running, touches=(Touch(MODE, "self_consumption", "backup", TouchState.HELD),))
    assert not seen(touched, later, "backup").owner_changed


def by_hand(site: str, actor: str = "operator") -> ByHand:
    return ByHand(site=site, action=MODE, actor=actor, at=START)


def test_of_a_setting_the_last_operator_counts_and_only_so_many_are_kept() -> None:
    known: tuple[ByHand, ...] = ()
    for number in range(MOST_BY_HAND + 9):
        known = noted(known, by_hand(f"{number}"))
    assert len(known) == MOST_BY_HAND
    known = noted(known, by_hand("400", "another"))
    assert who(known)["400", MODE] == "another"
    assert ("0", MODE) not in who(known)


def test_a_change_is_told_in_the_name_of_whoever_is_known_for_it() -> None:
    ours = Touch(MODE, "backup", "self_consumption", TouchState.HELD)
    before = replace(record(), touches=(ours,))
    after = replace(before, touches=(replace(ours, state=TouchState.OWNER),))
    site = before.energy_site_id
    (outside,) = rows_of(before, after, END)
    (operator,) = rows_of(before, after, END, {(site, MODE): "her@example"})
    (tariff,) = rows_of(before, after, END, {(site, EnergyAction.TARIFF): "her@example"})
    (other,) = rows_of(before, replace(after, reason=str(Reason.OTHER_OPERATOR)), END, {(site, MODE): "her@example"})
    assert [(row.actor, row.what) for row in (outside, operator, tariff, other)] == [
        ("outside", "changed_outside"),
        ("her@example", "changed_by_operator"),
        ("outside", "changed_outside"),
        ("other_operator", "changed_by_other_operator"),
    ]
