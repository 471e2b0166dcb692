"""Settings and tariffs of one site: checked before any call, written once, read back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.integration.energy_api import SITES, Owner, enrolled, established, kind, later, operator, ticks
from tests.lab import Lab, Reply
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.energy_control import SiteChange

EXAMPLES = "/api/v1/energy/tariffs/examples"
MODE = {"default_real_mode": "autonomous"}


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """One owner with two batteries."""
    with Simulator(SimulatorConfig(vehicles=0, sites=2, empty_site=False, remember_consent=False)) as running:
        yield running


def _put(owner: Owner, what: str, body: Any, *, method: str = "PUT") -> Reply:
    return operator(owner.lab, method, f"{SITES}/{owner.sites[0]}/{what}", body)


def _example(lab: Lab, name: str) -> Any:
    return lab.call("GET", EXAMPLES).body["tariffs"][name]


def _written(lab: Lab) -> list[tuple[str, str, int]]:
    """The writes that reached Tesla: method, last part of the path, status."""
    calls = [call for call in lab.simulator.ledger if call.method != "GET" and "/energy_sites/" in call.path]
    return [(call.method, call.path.rsplit("/", 1)[-1], call.status) for call in calls]


def _accepted(owner: Owner) -> dict[str, int]:
    """How many commands the site took, by name."""
    return dict(owner.lab.simulator.control.state.world.sites[owner.sites[0]][1].commands)


# Settings


@pytest.mark.parametrize(
    ("what", "body", "read"),
    [
        ("operation", MODE, "autonomous"),
        ("operation", {"default_real_mode": "backup"}, "backup"),
        ("backup", {"backup_reserve_percent": 42}, 42),
        ("backup", {"backup_reserve_percent": 100}, 100),
        ("storm_mode", {"enabled": False}, False),
        ("export_rule", {"customer_preferred_export_rule": "pv_only"}, "pv_only"),
    ],
)
def test_a_setting_is_written_once_and_read_back(lab: Lab, what: str, body: Any, read: Any) -> None:
    owner = enrolled(lab)
    reply = _put(owner, what, body)
    assert reply.status == 200, reply.text
    told = reply.body
    assert (told["result"], told["read_back"], told["accepted"]) == ("confirmed", read, True)
    assert told["requested"] == read
    assert told["tesla_message"] == "Updated"
    assert sum(_accepted(owner).values()) == 1


def test_what_was_read_back_is_seen_at_once(lab: Lab) -> None:
    owner = enrolled(lab)
    established(owner)
    ticks(lab)
    _put(owner, "operation", {"default_real_mode": "backup"})
    _put(owner, "backup", {"backup_reserve_percent": 80})
    site = operator(lab, "GET", f"{SITES}/{owner.sites[0]}").body
    assert site["equipment"]["mode"] == "backup"
    assert site["values"]["backup_reserve_percent"] | {"at": ""} == {
        "value": 80,
        "unit": "%",
        "at": "",
        "source": "site_info",
    }
    assert site["available"]["reserve_percent"] == 80


@pytest.mark.parametrize("percent", [80.5, 81, 99, -1, 101])
def test_a_reserve_that_powerwalls_turn_into_another_is_refused_before_any_call(lab: Lab, percent: float) -> None:
    owner = enrolled(lab)
    reply = _put(owner, "backup", {"backup_reserve_percent": percent})
    assert kind(reply) == (422, "setting-invalid")
    assert "81 to 99" in reply.body["detail"]
    assert _written(lab) == []


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("operation", {"default_real_mode": "turbo"}),
        ("operation", {}),
        ("operation", {**MODE, "real_mode": "backup"}),
        ("backup", {"backup_reserve_percent": "20"}),
        ("backup", {"backup_reserve_percent": None}),
        ("storm_mode", {"enabled": 1}),
        ("export_rule", {"customer_preferred_export_rule": "everything"}),
        ("tariff", {"tariff": []}),
        ("tariff", {"activate": True}),
    ],
)
def test_a_bad_body_is_refused_before_any_call(lab: Lab, what: str, body: Any) -> None:
    owner = enrolled(lab)
    assert kind(_put(owner, what, body)) == (400, "invalid-body")
    assert _written(lab) == []


def test_a_site_that_forgets_is_told_as_not_applied(lab: Lab) -> None:
    owner = enrolled(lab)
    lab.simulator.control.change_site(owner.sites[0], SiteChange(troubles=["forgetful"]))
    told = _put(owner, "operation", MODE).body
    assert (told["result"], told["accepted"], told["read_back"]) == ("not_applied", True, "self_consumption")
    assert _accepted(owner) == {"operation": 1}


def test_a_write_without_an_answer_is_decided_by_reading(lab: Lab) -> None:
    owner = enrolled(lab)
    lab.simulator.add_fault("operation", "drop", times=1, executes=True)
    told = _put(owner, "operation", MODE).body
    assert (told["result"], told["accepted"]) == ("confirmed", False)
    assert _accepted(owner) == {"operation": 1}


def test_what_cannot_be_read_back_is_unknown(lab: Lab) -> None:
    owner = enrolled(lab)
    lab.simulator.add_fault("site_info", "server_error", status=503)
    told = _put(owner, "operation", MODE).body
    assert (told["result"], told["accepted"], told["read_back"]) == ("unknown", True, None)
    assert _accepted(owner) == {"operation": 1}


@pytest.mark.settings(
    TESLA_LIMITS="retired_plan", TESLA_LIMIT_REQUESTS_PER_S="0", TESLA_LIMIT_SITE_WRITES_PER_DAY="1"
)
def test_a_limit_says_when_it_may_be_again(lab: Lab) -> None:
    owner = enrolled(lab)
    assert _put(owner, "operation", MODE).status == 200
    reply = _put(owner, "operation", {"default_real_mode": "backup"})
    assert kind(reply) == (503, "tesla-plan-limit")
    assert "setting writes of a site a day" in reply.body["detail"]
    assert "T00:00:00+00:00" in reply.body["detail"]
    assert 0 < int(reply.headers["Retry-After"]) <= 86_400
    assert _accepted(owner) == {"operation": 1}


def test_a_withdrawn_consent_is_said(lab: Lab) -> None:
    owner = enrolled(lab)
    lab.simulator.revoke(0)
    assert kind(_put(owner, "operation", MODE)) == (409, "tesla-login-required")


# Tariffs


def test_the_examples_have_no_problems_and_may_be_sent(lab: Lab) -> None:
    owner = enrolled(lab)
    for name in ("flat", "two-period", "two-seasons"):
        reply = _put(owner, "tariff", {"tariff": _example(lab, name)})
        assert (reply.status, reply.body["result"], reply.body["read_back"]) == (200, "confirmed", None), name


def test_a_tariff_says_what_it_brings_about(lab: Lab) -> None:
    owner = enrolled(lab)
    told = _put(owner, "tariff", {"tariff": _example(lab, "two-seasons")}).body
    expected = told["expected"]
    assert (expected["mode"], expected["has_effect"]) == ("self_consumption", False)
    assert "has no effect" in expected["words"]
    assert 6 <= len(expected["peak_windows"]) <= 7
    for window in expected["peak_windows"]:
        assert (window["start"][11:16], window["end"][11:16], window["label"]) == ("16:00", "21:00", "ON_PEAK")
    assert (told["activation"], told["activation_failed"]) == (None, "")


def test_activating_also_sets_the_mode_and_reads_it_back(lab: Lab) -> None:
    owner = enrolled(lab)
    told = _put(owner, "tariff", {"tariff": _example(lab, "two-period"), "activate": True}).body
    assert (told["activation"]["result"], told["activation"]["read_back"]) == ("confirmed", "autonomous")
    assert (told["expected"]["mode"], told["expected"]["has_effect"]) == ("autonomous", True)
    shown = operator(lab, "GET", f"{SITES}/{owner.sites[0]}/tariff").body
    assert shown["expected"]["has_effect"]
    assert shown["problems"] == []
    assert shown["price_now"]["currency"] == "USD"
    assert shown["price_now"]["buy"] in (0.45, 0.2)


def test_a_flat_tariff_has_no_peak(lab: Lab) -> None:
    owner = enrolled(lab)
    expected = _put(owner, "tariff", {"tariff": _example(lab, "flat"), "activate": True}).body["expected"]
    assert (expected["mode"], expected["has_effect"], expected["peak_windows"]) == ("autonomous", True, [])
    assert "no peak" in expected["words"]
    assert "expected to discharge" not in expected["words"]


def test_a_tariff_that_is_not_taken_is_not_activated(lab: Lab) -> None:
    owner = enrolled(lab)
    lab.simulator.control.change_site(owner.sites[0], SiteChange(troubles=["forgetful"]))
    told = _put(owner, "tariff", {"tariff": _example(lab, "two-seasons"), "activate": True}).body
    assert (told["result"], told["activation"]) == ("not_applied", None)
    assert "left as it is" in told["activation_failed"]
    assert told["read_back"]["currency"] == "EUR"
    assert "operation" not in _accepted(owner)
    # What is promised is what the site's own tariff brings about, not the one that it did not take.
    assert told["expected"] == operator(lab, "GET", f"{SITES}/{owner.sites[0]}/tariff").body["expected"]


@pytest.mark.settings(TESLA_LIMIT_SITE_WRITES_PER_DAY="1")
def test_a_mode_that_a_limit_forbids_is_told_beside_the_tariff(lab: Lab) -> None:
    owner = enrolled(lab)
    reply = _put(owner, "tariff", {"tariff": _example(lab, "flat"), "activate": True})
    assert (reply.status, reply.body["result"], reply.body["activation"]) == (200, "confirmed", None)
    assert "limit of setting writes" in reply.body["activation_failed"]


def test_a_bad_tariff_is_refused_with_all_that_is_wrong(lab: Lab) -> None:
    owner = enrolled(lab)
    tariff = _example(lab, "two-period")
    tariff["currency"] = "dollars"
    tariff["seasons"]["Summer"]["tou_periods"]["ON_PEAK"]["periods"][0]["toHour"] = 20
    del tariff["demand_charges"]
    for method, what in (("PUT", "tariff"), ("POST", "tariff_rate")):
        reply = _put(owner, what, {"tariff": tariff}, method=method)
        assert (reply.status, reply.body["type"].rsplit("/", 1)[-1]) == (422, "tariff-invalid")
        for said in ("currency", "demand_charges", "seasons.Summer"):
            assert any(problem.startswith(said) for problem in reply.body["problems"]), said
    assert _written(lab) == []


def test_a_site_without_a_tariff_says_so(lab: Lab) -> None:
    owner = enrolled(lab)
    changes = {"site_info": {"tariff_content_v2": None, "installation_time_zone": "Mars/Phobos"}}
    lab.simulator.control.change_site(owner.sites[0], SiteChange(payload=changes))
    shown = operator(lab, "GET", f"{SITES}/{owner.sites[0]}/tariff").body
    assert (shown["tariff"], shown["price_now"], shown["expected"]["has_effect"]) == (None, None, False)
    assert shown["expected"]["words"] == "The site has no tariff."
    assert shown["expected"]["time_zone"] == "UTC"


def test_a_sound_tariff_that_is_read_without_its_zeros_has_no_problems(lab: Lab) -> None:
    owner = enrolled(lab)
    tariff = _example(lab, "flat")
    for side in (tariff, tariff["sell_tariff"]):
        side["seasons"]["Summer"]["tou_periods"]["OFF_PEAK"]["periods"] = [{"toDayOfWeek": 6}]
    changes = {"site_info": {"tariff_content_v2": tariff}}
    lab.simulator.control.change_site(owner.sites[0], SiteChange(payload=changes))
    shown = operator(lab, "GET", f"{SITES}/{owner.sites[0]}/tariff").body
    assert (shown["problems"], shown["price_now"]["buy"]) == ([], 0.3)
    assert shown["tariff"] == tariff


def test_a_tariff_seen_to_discharge_in_its_peak(lab: Lab) -> None:
    """The windows that are promised are those in which the simulated battery discharges."""
    owner = enrolled(lab)
    established(owner)
    site = owner.sites[0]
    told = _put(owner, "tariff", {"tariff": _example(lab, "two-seasons"), "activate": True}).body
    starts = (datetime.fromisoformat(window["start"]) for window in told["expected"]["peak_windows"])
    ahead_s = next(wait_s for start in starts if (wait_s := (start - lab.clock.now()).total_seconds()) > 0)
    later(lab, ahead_s)
    lab.simulator.control.change_site(site, SiteChange(percentage_charged=95.0))
    ticks(lab, 2)  # tokens may have ended meanwhile: the first tick asks for new ones
    power = operator(lab, "GET", f"{SITES}/{site}").body["values"]["battery_power"]["value"]
    assert power > 0
