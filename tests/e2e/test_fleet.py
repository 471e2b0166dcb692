"""A Powerwall fleet through real processes: what its operator relies on, what owners may do, what nobody sees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

import pytest

from shared.energy.history import read_history
from shared.platform.ports import Event
from tests.e2e.conftest import Starter
from tests.e2e.fleet_place import ACCOUNTS, SITES, Fleet, fleet_at_work
from tests.e2e.sinks import history, sinks
from tests.e2e.spied import FORM_FIELDS
from tests.simulator import authorize
from tests.stack.energy_owner import ENERGY, OAUTH
from tests.stack.fleet_act import TICK_S
from tests.stack.owner import OwnerStuck

pytestmark = pytest.mark.stack

ALL = ACCOUNTS * SITES
LEAVES_BY_OPTING_OUT, LEAVES_BY_DISCONNECTING = 1, 2


@pytest.fixture(scope="module")
def fleet(starter: Starter) -> Iterator[Fleet]:
    """One fleet per backend for all tests here; each of those that change something has an owner of its own."""
    with fleet_at_work(starter) as working:
        yield working


def test_every_enrolled_site_is_read_and_counted(fleet: Fleet) -> None:
    view = fleet.act.fleet
    assert sorted(fleet.act.sites) == sorted(site for account in range(ACCOUNTS) for site in fleet.sites_of(account))
    assert (view["sites"], view["enrolled"], view["counted"], view["ages"]["fresh"]) == (ALL, ALL, ALL, ALL)
    assert view["by_outcome"] == {"ok": ALL}
    assert (view["shards"], view["missing_shards"]) == (1, 0)
    assert view["available_kw"]["1"] >= view["available_kw"]["3"] > 0


def test_a_mode_is_read_back_from_tesla(fleet: Fleet) -> None:
    mode = fleet.act.mode
    assert (mode["result"], mode["accepted"], mode["requested"], mode["read_back"]) == (
        "confirmed",
        True,
        "backup",
        "backup",
    )


def test_a_tariff_makes_its_site_discharge_in_the_peak(fleet: Fleet) -> None:
    tariff = fleet.act.tariff
    assert (tariff["result"], tariff["activation"]["read_back"]) == ("confirmed", "autonomous")
    start, end = (datetime.fromisoformat(tariff["expected"]["peak_windows"][0][name]) for name in ("start", "end"))
    moment, power_w = fleet.act.tariff_power_w[-1]
    assert start <= moment < end
    assert power_w > 0


def test_no_site_took_a_command_that_was_not_for_it(fleet: Fleet) -> None:
    taken = {site.site_id: dict(site.commands) for account in fleet.simulator.accounts for site in account.sites}
    (commanded,) = [commands for commands in taken.values() if commands]
    assert commanded == {"operation": 2, "grid_import_export": 1, "time_of_use_settings": 1}


def test_the_rows_are_what_the_history_adds_up_to(fleet: Fleet) -> None:
    rows, blobs = fleet.act.rows, fleet.place.stores.blobs
    starts = [datetime.fromisoformat(row["at"]).timestamp() for row in rows]
    assert [b - a for a, b in pairwise(starts)] == [TICK_S] * (len(rows) - 1)
    assert {(row["sites"], row["enrolled"], row["fresh"]) for row in rows} == {(ALL, ALL, ALL)}
    powers = defaultdict[int, list[float]](list)
    for info in blobs.list("energy/history/"):
        tick = int(info.name.rsplit("/", 1)[-1].split(".")[0])
        powers[tick] += [row.battery_power or 0.0 for row in read_history(blobs.get(info.name))]
    for start, row in zip(starts, rows, strict=True):
        found = powers[int(start) // TICK_S]
        assert len(found) == ALL
        assert row["flow_kw"] == pytest.approx(sum(found) / 1000, abs=0.001)


def test_an_operator_sees_at_once_that_an_owner_opted_out(fleet: Fleet) -> None:
    owner, site = fleet.owner(LEAVES_BY_OPTING_OUT), fleet.sites_of(LEAVES_BY_OPTING_OUT)[0]
    fleet.act.tick()
    before = fleet.act.operator.call("GET", "/fleet")
    owner.call("POST", f"{ENERGY}/enrolments/{owner.enrolment_id}/sites/{site}/opt-out", {"reason": "guests"})
    view = fleet.act.operator.call("GET", f"/sites/{site}")
    assert (view["opted_out"]["by"], view["counts"], view["reason"]["code"]) == ("owner", False, "owner_opted_out")
    paths = [call.path for call in fleet.asked_in_a_tick()]
    assert not [path for path in paths if f"/{site}/" in path]
    after = fleet.act.operator.call("GET", "/fleet")
    assert after["enrolled"] == before["enrolled"] - 1


def test_a_disconnected_owners_sites_are_asked_for_nothing_more(fleet: Fleet) -> None:
    owner, sites = fleet.owner(LEAVES_BY_DISCONNECTING), fleet.sites_of(LEAVES_BY_DISCONNECTING)
    fleet.act.tick()
    before = fleet.act.operator.call("GET", "/fleet")
    sealed = _sealed_tokens(fleet)
    owner.call("POST", f"{OAUTH}/disconnect")
    assert _sealed_tokens(fleet) < sealed
    asked = fleet.asked_in_a_tick()
    assert asked
    assert not [call for call in asked if call.sub == fleet.simulator.accounts[LEAVES_BY_DISCONNECTING].sub]
    after = fleet.act.operator.call("GET", "/fleet")
    assert after["enrolled"] == before["enrolled"] - SITES
    assert fleet.act.operator.call("GET", f"/sites/{sites[0]}")["reason"]["code"] == "access_revoked"


def _sealed_tokens(fleet: Fleet) -> int:
    """How many bytes of access tokens the poll has at hand."""
    document = fleet.place.stores.documents.get("shards", "0000.tokens")
    assert document is not None
    return len(document.body["sealed"])


# Canaries


def _refused(fleet: Fleet, method: str, path: str, body: object = None) -> None:
    """The operator is told that something does not work."""
    with pytest.raises(OwnerStuck, match=r" answered [45]\d\d: "):
        fleet.act.operator.call(method, path, body)


def _trouble(fleet: Fleet) -> None:
    """A refused consent, Tesla echoing what is personal, a refused token, a message that makes no sense."""
    owner, site = fleet.owner(0), fleet.sites_of(0)[0]
    started = owner.call("POST", f"{OAUTH}/initiate", {"product": "energy"})
    owner.session.get(authorize(started["authUrl"], owner.email, deny=True))
    with pytest.raises(OwnerStuck, match=" answered 40"):
        fleet.owner(LEAVES_BY_OPTING_OUT).call("GET", f"{ENERGY}/enrolments/{owner.enrolment_id}")
    echo = f'{{"error":"Canary House {site} of {owner.email} is unknown"}}'
    fleet.simulator.add_fault(f"/{site}/operation", "status", status=422, body=echo, times=1)
    _refused(fleet, "PUT", f"/sites/{site}/operation", {"default_real_mode": "backup"})
    fleet.simulator.add_fault(f"/{site}/site_info", "status", status=404, body=echo, times=1)
    _refused(fleet, "GET", f"/sites/{site}/tariff")
    fleet.simulator.add_fault(f"/{site}/live_status", "status", status=401, body=echo, times=1)
    fleet.place.stack.messaging.bus.publish(Event("poll-energy-sites", f'{{"shard":"{site}"}}'.encode()))
    fleet.act.tick()
    fleet.act.tick()


def test_no_secret_is_seen_anywhere(fleet: Fleet) -> None:
    secrets, tokens = fleet.kept.secrets, len(fleet.kept.secrets.values["access_token"])
    _trouble(fleet)
    found = sinks(fleet.place, fleet.messages, fleet.kept.problems)
    found["history"] = history(fleet.place)
    found["operator"] = "\n".join(fleet.kept.to_operator)
    kinds = {"access_token", "id_token", "state", "nonce", "claim", "grant", "email", "site_name", *FORM_FIELDS}
    assert {kind for kind, values in secrets.values.items() if values} == kinds
    functions = ("oauth", "energy", "start_energy_tick", "poll_energy_sites", "refresh_tokens")
    for name in (*(f"log of {name}" for name in functions), "messages", "problems", "operator", "document bodies"):
        assert found[name], name
    assert len(secrets.values["access_token"]) > tokens  # a refresh took place
    assert "energy_site_id" in found["history"]
    assert "on_grid" in found["messages"]  # out of the samples that a poll's message carries compressed
    # The registry keeps the owner's name of a home for the owner. A nonce proves an id_token's age, no one's right.
    stored = {"document bodies": ("nonce", "site_name")}
    leaks = {name: secrets.found_in(text, but=stored.get(name, ())) for name, text in found.items()}
    assert {name: kinds for name, kinds in leaks.items() if kinds} == {}
    assert secrets.found_in(found["document bodies"]) == ["nonce", "site_name"]
