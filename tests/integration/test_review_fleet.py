"""The fleet under what goes wrong in the long run: owners who move, accounts that change, races, limits, silence."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from shared import bootstrap
from shared.energy.model import LONGEST_DETAIL, Evidence, Fact, RosterSite
from shared.energy.poller import PollShard
from shared.energy.registry import NewSite, Owner, SiteGone
from shared.energy.samples import Outcome, Sample
from shared.energy.shards import ShardToken, unpack_samples
from shared.energy.tick import TOPIC
from shared.typed import from_json
from tests.integration.energy_api import SITES, connected, enrolled, established, later, noon, operator, ticks
from tests.lab import Lab
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.control import AccountChange
from tests.simulator.energy_control import SiteChange

EACH = 3
DAY_TICKS = 288


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """Two owners with three batteries each."""
    config = SimulatorConfig(accounts=2, vehicles=0, sites=EACH, empty_site=False, remember_consent=False)
    with Simulator(config) as running:
        yield running


def samples() -> dict[str, Sample]:
    """The last sample of every site."""
    states = [bootstrap.shards().state(name) for name in bootstrap.shards().index().sites]
    return {key: value for state in states if state for key, value in unpack_samples(state.value.samples).items()}


def outcomes() -> Counter[str]:
    """How the last polls ended."""
    return Counter(sample.outcome.value for sample in samples().values())


def asked(lab: Lab, since: int) -> Counter[str]:
    """What the simulated Tesla was asked since, by endpoint."""
    return Counter(call.endpoint for call in lab.simulator.ledger[since:])


def roster() -> dict[str, RosterSite]:
    """The first shard's sites."""
    return bootstrap.shards().roster("0000")


def side_by_side(*calls: Callable[[], object]) -> list[BaseException]:
    """All calls at the same moment; gives what they raised."""
    start = Barrier(len(calls))

    def run(call: Callable[[], object]) -> None:
        start.wait()
        call()

    with ThreadPoolExecutor(len(calls)) as pool:
        ended = [pool.submit(run, call).exception for call in calls]
    return [error for error in (end() for end in ended) if error is not None]


# Regions


def test_an_owner_who_moved_is_followed_within_the_same_tick(lab: Lab) -> None:
    enrolled(lab)
    ticks(lab)
    lab.simulator.control.change_account(0, AccountChange(region="na"))
    ticks(lab, 2)  # at the first one the tokens may still have to be exchanged for the new region
    assert outcomes() == {"ok": EACH}
    (account,) = {site.account for site in roster().values()}
    assert bootstrap.keeper().get(account).region == "na"
    assert {site.region for site in roster().values()} == {"na"}
    before = len(lab.simulator.ledger)
    ticks(lab)
    assert asked(lab, before)["live_status"] == EACH  # nothing goes to the old region any more


def test_the_operator_is_told_how_to_register_in_a_region(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    enrolled(lab)
    lab.simulator.add_fault("live_status", "status", status=412)
    ticks(lab)
    assert outcomes() == {"region_unregistered": EACH}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "not registered" in line]
    assert [(line["severity"], line["command"]) for line in lines] == [
        ("ERROR", "REGION=eu DOMAIN=127.0.0.1 ./run -a do_tesla_register_partner")
    ]


# Limits


@pytest.mark.settings(ENERGY_POLL_EVERY="3")
def test_a_slower_cadence_reads_everybodys_equipment_again(lab: Lab) -> None:
    enrolled(lab)
    ticks(lab)
    first = {site_id: site.equipment.read_at for site_id, site in roster().items() if site.equipment}
    assert len(first) == EACH
    later(lab, 60_000)
    for _ in range(3):  # three ticks of every hour: each site has its turn, some of them within the shard's slot
        for tick in range(DAY_TICKS // 12):
            ticks(lab, 3)
            later(lab, 2_700 - 300 * (tick == 0))
    again = {site_id: site.equipment.read_at for site_id, site in roster().items() if site.equipment}
    assert all(again[site_id] > read_at for site_id, read_at in first.items())


@pytest.mark.parametrize(("wait_s", "quiet"), [(1_000, 3), (300, 0), (86_400, 11)])
def test_a_site_that_tesla_wants_left_alone_is_left_alone_for_an_hour_at_most(
    lab: Lab, wait_s: int, quiet: int
) -> None:
    first = enrolled(lab).sites[0]
    ticks(lab)
    lab.simulator.add_fault(rf"/{first}/live_status", "rate_limited", retry_after_s=wait_s, times=1)
    ticks(lab)
    assert samples()[first].outcome is Outcome.RATE_LIMITED
    before = len(lab.simulator.ledger)
    ticks(lab, quiet)
    assert asked(lab, before)["live_status"] == quiet * (EACH - 1)
    ticks(lab)
    assert outcomes() == {"ok": EACH}


def test_one_refused_token_keeps_what_the_accounts_other_sites_said(lab: Lab) -> None:
    owner = enrolled(lab)
    ticks(lab)
    lab.simulator.add_fault(rf"/{owner.sites[0]}/live_status", "status", status=401, times=1)
    before = len(lab.simulator.ledger)
    ticks(lab)
    found = samples()
    assert found[owner.sites[0]].outcome is Outcome.NO_TOKEN
    assert [found[site].outcome for site in owner.sites[1:]] == [Outcome.OK] * (EACH - 1)
    assert asked(lab, before)["live_status"] == EACH


@pytest.mark.settings(ENERGY_SHARD_SITES=str(EACH))
def test_after_the_billing_limit_one_shard_probes_for_all(lab: Lab) -> None:
    for account in range(2):
        enrolled(lab, account)
    ticks(lab)
    lab.simulator.add_fault("live_status", "status", status=402)
    ticks(lab)
    held = bootstrap.settings().tesla_breaker_s
    before = len(lab.simulator.ledger)
    ticks(lab, held // 300 - 1)
    assert not asked(lab, before)
    later(lab, 600)
    assert bootstrap.fleet_tick().start() == 2
    assert bootstrap.documents().get("breakers", "billing") is not None  # a call decides, not the time
    lab.pump()
    assert asked(lab, before)["live_status"] == EACH  # of one shard; the other waits for what it hears
    lab.simulator.clear()
    ticks(lab, held // 300 + 2)
    assert outcomes() == {"ok": 2 * EACH}


@pytest.mark.settings(ENERGY_SHARD_SITES=str(EACH))
def test_a_shard_without_sites_does_not_end_the_hold(lab: Lab) -> None:
    first = enrolled(lab)
    enrolled(lab, 1)
    lab.simulator.add_fault("live_status", "status", status=402)
    ticks(lab)
    assert first.call("DELETE").status == 200
    later(lab, bootstrap.settings().tesla_breaker_s + 300)
    bootstrap.fleet_tick().start()
    polls = [one for one in lab.deliveries() if one.event.topic == TOPIC]
    (empty,) = [one for one in polls if from_json(one.event.data, PollShard).shard == "0000"]
    assert lab.deliver(empty) == 204
    assert bootstrap.documents().get("breakers", "billing") is not None


def test_equipment_that_cannot_be_read_is_asked_for_seldom(lab: Lab) -> None:
    enrolled(lab)
    lab.simulator.add_fault("site_info", "status", status=404)
    before = len(lab.simulator.ledger)
    ticks(lab, 12)
    assert asked(lab, before)["site_info"] in (2 * EACH, 3 * EACH)
    lab.simulator.clear()
    ticks(lab, 6)
    assert all(site.equipment for site in roster().values())


@pytest.mark.settings(TESLA_PRICE_ENERGY_USD="0.001")
def test_the_ledger_says_what_each_endpoint_cost(lab: Lab) -> None:
    enrolled(lab)
    today = lab.clock.now().date()
    ticks(lab, 2)
    later(lab, 300)
    bootstrap.fleet_tick().start()
    found = Counter[str]()
    for day in bootstrap.ledger().usage(today, lab.clock.now().date()):
        found.update({name: round(price * 1000) for name, price in day.price_usd_by_endpoint.items()})
    assert (found["live_status"], found["site_info"], found["programs"]) == (2 * EACH, EACH, EACH)


@pytest.mark.settings(TESLA_PRICE_ENERGY_USD="0.001", TESLA_DAY_BUDGET_USD="0.025")
def test_polls_keep_to_the_days_budget(lab: Lab) -> None:
    enrolled(lab)
    later(lab, 90_000 - lab.clock.now().timestamp() % 86_400)  # the next day, an hour after midnight
    today = lab.clock.now().date()
    ticks(lab, 12)
    (day,) = bootstrap.ledger().usage(today, today)
    assert 0.02 <= day.price_usd <= 0.025
    before = len(lab.simulator.ledger)
    ticks(lab)
    assert not asked(lab, before)
    later(lab, 86_400)
    ticks(lab, 2)  # the tokens have expired meanwhile
    assert asked(lab, before)["live_status"] == EACH


def test_what_a_starter_that_died_left_out_of_the_ledger_comes_with_the_next(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(lab)
    noon(lab)
    ticks(lab, 2)
    with monkeypatch.context() as patch:
        patch.setattr(bootstrap.ledger(), "put", _dying)
        later(lab, 300)
        with pytest.raises(KeyboardInterrupt):
            bootstrap.fleet_tick().start()
    ticks(lab, 2)
    today = lab.clock.now().date()
    (day,) = bootstrap.ledger().usage(today, today)
    assert day.calls_by_endpoint["live_status"] == 2 * EACH
    assert day.calls_by_endpoint["site_info"] == EACH


def _dying(*_: object) -> None:
    raise KeyboardInterrupt


# Time


def test_a_fleet_that_is_not_polled_any_more_promises_nothing(lab: Lab) -> None:
    established(enrolled(lab))
    ticks(lab)
    assert bootstrap.energy_desk().overview.fleet().totals.counted > 0
    later(lab, 3_600)
    silent = bootstrap.energy_desk().overview.fleet()
    assert (silent.totals.sites, silent.missing, silent.totals.available_w) == (0, 1, [0.0, 0.0, 0.0])
    for _ in range(3):  # ticks whose polls are never made
        later(lab, 300)
        bootstrap.fleet_tick().start()
    fleet = operator(lab, "GET", "/api/v1/energy/fleet").body
    assert (fleet["missing_shards"], fleet["available_kw"]["1"]) == (1, 0.0)


def test_a_clock_that_was_ahead_does_not_stop_the_ticks(lab: Lab) -> None:
    enrolled(lab)
    ticks(lab)
    lab.clock.shift += timedelta(days=1)
    bootstrap.fleet_tick().start()
    lab.clock.shift -= timedelta(days=1)
    lab.queue.declare(TOPIC, attempts=5)
    before = len(lab.simulator.ledger)
    later(lab, 300)
    assert bootstrap.fleet_tick().start() == 1
    lab.pump()
    assert asked(lab, before)["live_status"] == EACH


# Registry


def test_the_same_enrolment_twice_at_once_takes_each_site_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = connected(lab)
    shards = bootstrap.shards()
    real = shards.place

    def place(count: int = 1) -> str:
        """The index; before the first call has its place, the second one is through."""
        monkeypatch.setattr(shards, "place", real)
        assert owner.enrol().status == 200
        return real(count)

    monkeypatch.setattr(shards, "place", place)
    assert owner.enrol().status == 200
    assert set(roster()) == set(owner.sites)
    assert shards.index().sites == {"0000": EACH}


def test_a_withdrawal_twice_at_once_gives_its_place_back_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = enrolled(lab)
    registry, shards = bootstrap.energy_desk().registry, bootstrap.shards()
    real = shards.change

    def change(shard: str, changes: Any) -> Any:
        """The roster's writer; before the first call has written, the second one is through."""
        monkeypatch.setattr(shards, "change", real)
        registry.withdraw(owner.sites[0])
        return real(shard, changes)

    monkeypatch.setattr(shards, "change", change)
    registry.withdraw(owner.sites[0])
    assert shards.index().sites == {"0000": EACH - 1}
    assert set(roster()) == set(owner.sites[1:])


def test_enrolments_and_withdrawals_side_by_side_leave_the_index_right(lab: Lab) -> None:
    owner, registry = enrolled(lab), bootstrap.energy_desk().registry
    calls = [partial(registry.withdraw, site) for site in owner.sites[1:]] * 2
    raised = side_by_side(*calls, owner.enrol, owner.enrol)
    assert {type(error) for error in raised} <= {SiteGone}
    for site in owner.sites:
        registry.withdraw(site)
    assert (roster(), bootstrap.shards().index().sites) == ({}, {"0000": 0})


def test_an_enrolment_that_is_repeated_loses_no_opt_out(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = enrolled(lab)
    registry, (first, *_) = bootstrap.energy_desk().registry, owner.sites
    site = registry.get(first)
    store, real = bootstrap.documents(), bootstrap.documents().get

    def get(collection: str, key: str) -> Any:
        """The store; between the repetition's first look and its write, the owner opts out."""
        found = real(collection, key)
        if (collection, key) == ("sites", first):
            monkeypatch.setattr(store, "get", real)
            registry.opt_out(first, "owner")
        return found

    monkeypatch.setattr(store, "get", get)
    registry.enrol(Owner(site.enrolment, site.account, site.region), [NewSite(first, "Home")])
    assert registry.get(first).opted_out is not None
    assert roster()[first].opted_out is not None


def test_a_record_that_meets_a_withdrawal_brings_nothing_back(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = enrolled(lab)
    registry, shards, first = bootstrap.energy_desk().registry, bootstrap.shards(), owner.sites[0]
    real = shards.change

    def change(shard: str, changes: Any) -> Any:
        """The roster's writer; just before it, the owner withdraws."""
        monkeypatch.setattr(shards, "change", real)
        registry.withdraw(first)
        return real(shard, changes)

    monkeypatch.setattr(shards, "change", change)
    with pytest.raises(SiteGone):
        registry.record(first, "utility", Fact(holds=True, at=lab.clock.now(), evidence=Evidence.OPERATOR))
    assert first not in roster()


def test_long_notes_stay_in_the_registry(lab: Lab) -> None:
    owner = enrolled(lab)
    note = "ü" * 500
    for below in ("programme", "utility"):
        body = {"note": note, "holds" if below == "programme" else "active": True}
        assert operator(lab, "PUT", f"{SITES}/{owner.sites[0]}/{below}", body).status == 200
    assert (
        owner.call("POST", f"/sites/{owner.sites[0]}/opt-out", {"reason": note}).body["opted_out"]["reason"] == note
    )
    entry = roster()[owner.sites[0]]
    assert entry.opted_out is not None
    texts = (entry.programme.detail, entry.utility.detail, entry.opted_out.reason)
    assert [len(text) for text in texts] == [LONGEST_DETAIL] * 3


@pytest.mark.parametrize("name", ["a b", "..", "%2e%2e", "x" * 300, "12a", "\uff11"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_no_site_id_is_no_site(lab: Lab, name: str, method: str) -> None:
    below = "/opt-out" if method == "POST" else ""
    reply = operator(lab, method, f"{SITES}/{name}{below}", {} if method == "POST" else None)
    assert reply.status == 404, reply.text


@pytest.mark.parametrize(
    "until", ["9999-12-31", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999-12:00", "9999-01-01T00:00:00+14:00"]
)
def test_a_record_without_end_can_be_made(lab: Lab, until: str) -> None:
    first = enrolled(lab).sites[0]
    lines = f"energy_site_id,active,until\n{first},true,{until}\n"
    made = operator(lab, "POST", "/api/v1/energy/utility-imports", {"csv": lines})
    assert (made.status, made.body["recorded"], made.body["problems"]) == (200, 1, [])
    if "T" in until:
        recorded = operator(lab, "PUT", f"{SITES}/{first}/utility", {"active": True, "until": until})
        assert (recorded.status, recorded.body["facts"]["utility"]["holds"]) == (200, True)
    assert roster()[first].utility.holds_at(lab.clock.now() + timedelta(days=36_500))


def test_an_operators_record_counts_again_once_tesla_says_nothing(lab: Lab) -> None:
    owner = enrolled(lab)
    first = owner.sites[0]
    lab.simulator.control.change_site(first, SiteChange(payload={"live_status": {"programs": []}}))
    ticks(lab)
    established(owner)
    assert not roster()[first].programme.holds  # Tesla's word outweighs the record
    lab.simulator.control.change_site(first, SiteChange(payload={"live_status": {}}))
    later(lab, 4 * 86_400)
    operator(lab, "PUT", f"{SITES}/{first}/programme", {"holds": True, "note": "VPP"})
    assert roster()[first].programme.holds_at(lab.clock.now())


# Tokens


def test_tokens_of_accounts_that_left_are_erased_at_the_next_tick(lab: Lab) -> None:
    owner = enrolled(lab)
    enrolled(lab, 1)
    ticks(lab)
    shards = bootstrap.shards()
    account = bootstrap.energy_desk().registry.get(owner.sites[0]).account
    late = shards.tokens("0000")[account]
    assert owner.call("DELETE").status == 200
    shards.change_tokens("0000", {account: late})  # a poll that was under way
    ticks(lab)
    assert account not in shards.tokens("0000")


def test_a_mark_that_came_late_does_not_end_a_new_consent(lab: Lab) -> None:
    owner = enrolled(lab)
    account = bootstrap.energy_desk().registry.get(owner.sites[0]).account
    now = lab.clock.now()
    mark = ShardToken("", "", now, "login_required", now + timedelta(hours=1))
    bootstrap.shards().change_tokens("0000", {account: mark})  # by a poll that looked before the consent
    ticks(lab)
    assert outcomes() == {"ok": EACH}
    assert all(site.authorised.holds for site in roster().values())


def test_tokens_that_cannot_be_opened_cost_their_account_only(lab: Lab) -> None:
    owner = enrolled(lab)
    enrolled(lab, 1)
    account = bootstrap.energy_desk().registry.get(owner.sites[0]).account
    store = bootstrap.documents()
    document = store.get("accounts", account)
    assert document is not None
    store.put("accounts", account, {**document.body, "tokens": b"no sealed value"})
    ticks(lab)
    assert outcomes() == {"no_token": EACH, "ok": EACH}


def test_an_enrolment_that_changes_its_account_keeps_nothing_of_the_first(lab: Lab) -> None:
    owner = enrolled(lab)
    account = bootstrap.energy_desk().registry.get(owner.sites[0]).account
    ticks(lab)
    assert lab.connect(owner.grant, account=1, product="energy").status == 200
    assert bootstrap.documents().get("accounts", account) is None
    assert not any(site.authorised.holds for site in roster().values())
    assert account not in bootstrap.shards().tokens("0000")


# Commands


def test_a_reserve_is_sent_as_a_whole_number(lab: Lab) -> None:
    owner = enrolled(lab)
    reply = operator(lab, "PUT", f"{SITES}/{owner.sites[0]}/backup", {"backup_reserve_percent": 20.0})
    assert (reply.status, reply.body["result"]) == (200, "confirmed")
    assert '"requested":20,' in reply.text.replace(" ", "")


def test_a_setting_that_the_site_does_not_list_is_unknown(lab: Lab) -> None:
    owner = enrolled(lab)
    first = owner.sites[0]
    lab.simulator.control.change_site(first, SiteChange(payload={"site_info": {"user_settings": None}}))
    reply = operator(lab, "PUT", f"{SITES}/{first}/storm_mode", {"enabled": True})
    assert (reply.status, reply.body["result"], reply.body["read_back"]) == (200, "unknown", None)


# Messages


def test_a_message_holds_no_token(lab: Lab) -> None:
    enrolled(lab)
    ticks(lab)
    later(lab, 300)
    bootstrap.fleet_tick().start()
    (delivery,) = [one for one in lab.deliveries() if one.event.topic == TOPIC]
    message = from_json(delivery.event.data, PollShard)
    (token,) = bootstrap.shards().tokens("0000").values()
    assert token.access
    assert token.access.encode() not in delivery.event.data + zlib.decompress(message.before)
