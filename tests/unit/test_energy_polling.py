"""What a poll decides: whom to ask, within limits, and what the answers of one round change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from shared.energy.learning import TOLD_FOR, learn
from shared.energy.model import Equipment, Evidence, Fact, RosterSite
from shared.energy.polling import agenda, sample_after
from shared.energy.round import Round, RoundRules, active_programmes_of
from shared.energy.samples import Outcome, Reading, Sample
from shared.energy.shards import Change, Roster, ShardToken
from shared.energy.tick import shared_out
from shared.platform.clock import SystemClock
from shared.tesla.regions import Regions

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOLDS = Fact(holds=True, at=NOW, evidence=Evidence.CONSENT)


def site(number: int, **fields: Any) -> RosterSite:
    return RosterSite(str(number), "account", "eu", authorised=HOLDS, **fields)


def test_sites_that_never_answer_do_not_keep_the_others_from_their_turn() -> None:
    roster, samples = [site(number) for number in range(6)], dict[str, Sample]()
    asked = set[str]()
    for tick in range(1, 4):
        plan = agenda(roster, samples, tick, every=1, most=2)
        for each in plan.ask:
            asked.add(each.energy_site_id)
            samples[each.energy_site_id] = sample_after(None, Outcome.NOT_FOUND, None, tick)
        for each in plan.skip:
            samples[each.energy_site_id] = sample_after(samples.get(each.energy_site_id), Outcome.SKIPPED, None, tick)
    assert len(asked) == len(roster)


def test_a_limit_counts_calls_and_lets_the_first_site_through() -> None:
    roster = [site(number) for number in range(6)]
    assert len(agenda(roster, {}, 1, every=1, most=6, calls=lambda _: 3).ask) == 2
    assert len(agenda(roster, {}, 1, every=1, most=2, calls=lambda _: 3).ask) == 1
    assert not agenda(roster, {}, 1, every=1, most=0, calls=lambda _: 3).ask


def test_a_site_that_was_only_skipped_has_not_failed() -> None:
    assert sample_after(None, Outcome.SKIPPED, None, 7) == Sample(Outcome.SKIPPED)
    failed = sample_after(None, Outcome.TIMED_OUT, None, 7)
    assert (failed.failures, failed.asked_tick) == (1, 7)
    assert sample_after(failed, Outcome.NOT_REACHED, None, 8) == replace(failed, outcome=Outcome.NOT_REACHED)


def test_a_limit_is_shared_out_exactly_and_small_shards_get_their_turn() -> None:
    sites = {"0000": 500, "0001": 487, "0002": 3}
    sums = dict.fromkeys(sites, 0)
    for tick in range(5_984_000, 5_984_990):
        parts = shared_out(10, sites, tick)
        assert sum(part or 0 for part in parts.values()) == 10
        sums = {name: sums[name] + (parts[name] or 0) for name in sites}
    assert sums["0002"] == pytest.approx(30, abs=2)
    assert sums["0001"] == pytest.approx(4870, abs=2)
    assert shared_out(None, sites, 1) == dict.fromkeys(sites)
    assert shared_out(10, {}, 1) == {}


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"response":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"response":"\xff"}',
        b"",
        b"7",
    ],
)
def test_programmes_that_cannot_be_read_cost_nothing_else(body: bytes) -> None:
    assert active_programmes_of(body) is None


class Rosters:
    """Takes changes as `Shards.change` does, over a roster that others have written meanwhile."""

    def __init__(self, *sites: RosterSite) -> None:
        self.roster: Roster = {each.energy_site_id: each for each in sites}

    def change(self, _shard: str, changes: dict[str, Change]) -> Roster:
        for site_id, change in changes.items():
            after = change(self.roster.get(site_id))
            if after is not None:
                self.roster[site_id] = after
        return self.roster


def round_of(*sites: RosterSite) -> Round:
    rules = RoundRules(1, 0, Regions({"eu": "http://127.0.0.1:9"}))
    token = ShardToken("token", "eu", NOW)
    return Round(rules, SystemClock(), {each.energy_site_id: each for each in sites}, {"account": token})


def learnt(before: RosterSite, asked: Round, meanwhile: RosterSite | None = None, now: datetime = NOW) -> RosterSite:
    """The site after the round, over what stands in the roster when its outcome is written."""
    rosters: Any = Rosters(meanwhile or before)
    learn(rosters, "0000", {before.energy_site_id: before}, asked, now)
    written: Roster = rosters.roster
    return written[before.energy_site_id]


def test_a_new_consent_outweighs_a_round_that_began_before_it() -> None:
    before = site(1)
    asked = round_of(before)
    asked.status["1"] = (Outcome.LOGIN_REQUIRED, None)
    assert learnt(before, asked).authorised.evidence is Evidence.REVOKED
    again = Fact(holds=True, at=NOW + timedelta(seconds=5), evidence=Evidence.CONSENT)
    assert learnt(before, asked, replace(before, authorised=again)).authorised == again


def test_settings_that_were_read_back_outweigh_an_earlier_reading() -> None:
    before = site(1)
    asked = round_of(before)
    asked.infos["1"] = Equipment(NOW, mode="backup")
    later = Equipment(NOW + timedelta(seconds=1), mode="autonomous")
    assert learnt(before, asked, replace(before, equipment=later)).equipment == later
    assert learnt(before, asked).equipment == asked.infos["1"]


def test_a_programme_lapses_when_tesla_does_not_name_it_any_more() -> None:
    before = site(1)
    told = round_of(before)
    told.status["1"] = (Outcome.OK, Reading(NOW, programmes=("VPP",)))
    first = learnt(before, told)
    assert first.programme.holds_at(NOW + TOLD_FOR - timedelta(seconds=1))
    silent = round_of(first)
    silent.status["1"] = (Outcome.OK, Reading(NOW))
    assert not learnt(first, silent).programme.holds_at(NOW + TOLD_FOR)


def test_a_programme_that_is_named_again_and_again_is_written_seldom() -> None:
    known, written = site(1), 0
    for hour in range(240):
        now = NOW + timedelta(hours=hour)
        asked = round_of(known)
        asked.status["1"] = (Outcome.OK, Reading(now, programmes=("VPP",)))
        after = learnt(known, asked, now=now)
        written += after != known
        known = after
        assert known.programme.holds_at(now)
    assert known.programme.at == NOW
    assert written <= 8


def test_the_status_outweighs_the_other_endpoint_while_it_is_recent() -> None:
    before = site(1)
    told = round_of(before)
    told.status["1"] = (Outcome.OK, Reading(NOW, programmes=("VPP",)))
    known = learnt(before, told)
    other = round_of(known)
    other.status["1"], other.programmes["1"] = (Outcome.OK, Reading(NOW)), ()
    assert learnt(known, other).programme.holds
    late = learnt(known, other, now=NOW + TOLD_FOR)
    assert (late.programme.holds, late.programme.evidence) == (False, Evidence.PROGRAMS)
