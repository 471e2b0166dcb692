"""The operator's view of the fleet: sums, reasons, sites with their sources, history, and what people record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.api.tables import every_route
from shared.edge.routes import Auth
from tests.integration.energy_api import SITES, enrolled, established, kind, noon, operator, ticks
from tests.lab import Lab
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.energy_control import SiteChange

FLEET = "/api/v1/energy/fleet"
IMPORTS = "/api/v1/energy/utility-imports"
FIVE = ("battery_power", "energy_left", "percentage_charged", "island_status", "backup_reserve_percent")


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """Two owners with three batteries each, in two regions."""
    config = SimulatorConfig(
        accounts=2, vehicles=0, sites=3, region=("eu", "na"), empty_site=False, remember_consent=False
    )
    with Simulator(config) as running:
        yield running


def _fleet(lab: Lab) -> Any:
    reply = operator(lab, "GET", FLEET)
    assert reply.status == 200, reply.text
    return reply.body


def _site(lab: Lab, site: str) -> Any:
    reply = operator(lab, "GET", f"{SITES}/{site}")
    assert reply.status == 200, reply.text
    return reply.body


# The fleet


def test_an_empty_fleet_adds_up_to_nothing(lab: Lab) -> None:
    fleet = _fleet(lab)
    assert (fleet["sites"], fleet["flow_kw"], fleet["available_kw"]) == (0, 0.0, {"1": 0.0, "2": 0.0, "3": 0.0})
    assert fleet["by_reason"] == []
    assert operator(lab, "GET", f"{FLEET}/history").body["rows"] == []
    assert operator(lab, "GET", SITES).body == {"sites": [], "next_cursor": None}


def test_the_fleet_adds_up_what_the_sites_say(lab: Lab) -> None:
    owner = enrolled(lab)
    enrolled(lab, account=1)
    established(owner)
    ticks(lab)
    fleet = _fleet(lab)
    sites = operator(lab, "GET", SITES).body["sites"]
    powers = {site["energy_site_id"]: site["values"]["battery_power"]["value"] for site in sites}
    assert (fleet["sites"], fleet["enrolled"], fleet["ages"]["fresh"]) == (6, 3, 6)
    assert fleet["flow_kw"] == pytest.approx(sum(powers[site] for site in owner.sites) / 1000, abs=0.01)
    assert fleet["naive_kw"] == pytest.approx(sum(powers.values()) / 1000, abs=0.01)
    for hours in ("1", "2", "3"):
        offered = sum(site["available"]["available_w"][hours] for site in sites)
        assert fleet["available_kw"][hours] == pytest.approx(offered / 1000, rel=0.05, abs=0.05)
        assert fleet["load_offset_kw"][hours] <= fleet["available_kw"][hours]
    assert fleet["by_outcome"] == {"ok": 6}
    assert {name: group["sites"] for name, group in fleet["by_region"].items()} == {"eu": 3, "na": 3}
    assert {name: group["sites"] for name, group in fleet["by_programme"].items()} == {"VPP": 3, "none": 3}
    reasons = {item["code"]: item for item in fleet["by_reason"]}
    assert reasons["not_in_programme"]["sites"] == 3
    assert reasons["not_in_programme"]["words"].startswith("Nothing shows")
    assert reasons["not_in_programme"]["next_step"]


def test_the_day_has_a_row_per_tick(lab: Lab) -> None:
    noon(lab)
    established(enrolled(lab))
    ticks(lab, 3)
    history = operator(lab, "GET", f"{FLEET}/history").body
    assert [row["sites"] for row in history["rows"]] == [3, 3]  # the third tick is still open
    assert set(history["rows"][0]["available_kw"]) == {"1", "2", "3"}
    day = history["day"]
    assert operator(lab, "GET", f"{FLEET}/history?day={day}").body == history
    assert operator(lab, "GET", f"{FLEET}/history?day=2020-01-01").body["rows"] == []
    assert kind(operator(lab, "GET", f"{FLEET}/history?day=today")) == (400, "invalid-query")


@pytest.mark.settings(
    TESLA_LIMITS="retired_plan",
    TESLA_LIMIT_REQUESTS_PER_S="0",
    TESLA_LIMIT_REQUESTS_PER_DAY="576",
    TESLA_PRICE_ENERGY_USD="0.001",
)
def test_limits_and_cost_are_shown(lab: Lab) -> None:
    enrolled(lab)
    ticks(lab, 4)  # the first ones read the equipment too, which leaves calls for one site each
    fleet = _fleet(lab)
    assert fleet["limits"]["preset"] == "retired_plan"
    assert fleet["limits"]["limits"]["site_tariffs_per_month"] == 1
    assert (fleet["limits"]["sites_per_tick"], fleet["limits"]["skipped_per_tick"]) == (2, 1)
    assert "leaves out 1 of 3 sites" in fleet["limits"]["words"]
    assert fleet["limits"]["skipped_now"] == 1
    assert fleet["cost"]["reads_per_site_month"] == 30 * (288 * 2 / 3 + 1)
    assert fleet["cost"]["price_per_site_month_usd"] == pytest.approx(30 * 193 * 0.001)


def test_without_limits_every_site_is_read_every_five_minutes(lab: Lab) -> None:
    fleet = _fleet(lab)
    assert (fleet["limits"]["preset"], fleet["limits"]["sites_per_tick"]) == ("none", None)
    assert fleet["cost"] == {
        "price_per_call_usd": 0.0,
        "every_s": 300,
        "reads_per_site_month": 30 * 289,
        "price_per_site_month_usd": 0.0,
    }


# Sites


def test_a_site_has_values_under_teslas_names_with_their_sources(lab: Lab) -> None:
    owner = enrolled(lab)
    established(owner)
    ticks(lab)
    site = _site(lab, owner.sites[0])
    assert {name: site["values"][name]["unit"] for name in FIVE} == dict(
        zip(FIVE, ("W", "Wh", "%", "", "%"), strict=True)
    )
    sources = {name: site["values"][name]["source"] for name in FIVE}
    assert sources == {**dict.fromkeys(FIVE, "live_status"), "backup_reserve_percent": "site_info"}
    assert all(site["values"][name]["at"] for name in FIVE)
    assert site["values"]["island_status"]["value"] == "on_grid"
    assert site["counts"]
    assert site["name"] == ""
    assert (site["equipment"]["mode"], site["poll"]["outcome"]) == ("self_consumption", "ok")
    assert site["facts"]["programme"] | {"at": 0} == {
        "holds": True,
        "at": 0,
        "evidence": "operator",
        "detail": "VPP",
        "until": site["facts"]["programme"]["until"],
        "missing": None,
    }


def test_what_a_status_tells_outweighs_older_answers(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = enrolled(lab)
    monkeypatch.setattr(lab.simulator.config, "energy_contract", "brief")
    ticks(lab)
    site = _site(lab, owner.sites[0])
    assert site["values"]["backup_reserve_percent"]["source"] == "live_status"
    programme = site["facts"]["programme"]
    assert (programme["holds"], programme["evidence"]) == (True, "live_status.programs")
    assert site["reason"]["code"] == "not_at_utility"


def test_energy_that_tesla_does_not_tell_is_computed(lab: Lab) -> None:
    owner = enrolled(lab)
    site = owner.sites[0]
    lab.simulator.control.change_site(site, SiteChange(troubles=["no_energy_left"]))
    ticks(lab)
    values = _site(lab, site)["values"]
    assert values["energy_left"]["source"] == "computed"
    assert values["energy_left"]["value"] > 0
    assert values["percentage_charged"]["source"] == "live_status"


def test_a_site_that_is_not_read_yet_says_so(lab: Lab) -> None:
    owner = enrolled(lab)
    site = _site(lab, owner.sites[0])
    assert (site["values"], site["poll"], site["counts"]) == (None, None, False)
    assert site["reason"]["code"] == "not_in_programme"


@pytest.mark.parametrize(
    ("trouble", "code"), [("off_grid", "off_grid"), ("storm", "storm_mode"), ("solar_only", "no_battery")]
)
def test_a_held_back_site_gives_its_reason(lab: Lab, trouble: str, code: str) -> None:
    owner = enrolled(lab)
    established(owner)
    lab.simulator.control.change_site(owner.sites[0], SiteChange(troubles=[trouble]))
    ticks(lab)
    site = _site(lab, owner.sites[0])
    assert (site["counts"], site["reason"]["code"]) == (False, code)
    assert site["available"]["available_w"] == {"1": 0.0, "2": 0.0, "3": 0.0}


def test_sites_come_in_pages(lab: Lab) -> None:
    ids = sorted((*enrolled(lab).sites, *enrolled(lab, account=1).sites))
    first = operator(lab, "GET", f"{SITES}?limit=4").body
    rest = operator(lab, "GET", f"{SITES}?limit=4&cursor={first['next_cursor']}").body
    assert [site["energy_site_id"] for site in (*first["sites"], *rest["sites"])] == ids
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("limit=0", (400, "invalid-query")),
        ("limit=201", (400, "invalid-query")),
        ("limit=x", (400, "invalid-query")),
        ("cursor=x", (400, "cursor-invalid")),
    ],
)
def test_a_bad_page_is_refused(lab: Lab, query: str, problem: tuple[int, str]) -> None:
    assert kind(operator(lab, "GET", f"{SITES}?{query}")) == problem


def test_history_gives_the_readings_of_the_last_hours(lab: Lab) -> None:
    owner = enrolled(lab)
    ticks(lab, 3)
    history = operator(lab, "GET", f"{SITES}/{owner.sites[0]}/history?hours=1").body
    assert len(history["rows"]) == 3
    assert (history["units"]["energy_left"], history["source"]) == ("Wh", "live_status")
    assert set(history["rows"][0]) >= {"battery_power", "energy_left", "percentage_charged", "island_status"}
    assert [row["timestamp"] for row in history["rows"]] == sorted(row["timestamp"] for row in history["rows"])


@pytest.mark.parametrize("hours", ["0", "25", "x"])
def test_history_is_bounded(lab: Lab, hours: str) -> None:
    owner = enrolled(lab)
    reply = operator(lab, "GET", f"{SITES}/{owner.sites[0]}/history?hours={hours}")
    assert kind(reply) == (400, "invalid-query")


def _of_a_site() -> list[tuple[str, str, type | None]]:
    return [(r.method, r.path, r.body) for r in every_route() if r.path.startswith(SITES + "/<site_id>")]


_BODIES: dict[str, Any] = {
    "ProgrammeRecord": {"holds": True, "note": ""},
    "UtilityRecord": {"active": True},
    "Operation": {"default_real_mode": "backup"},
    "Backup": {"backup_reserve_percent": 20},
    "StormMode": {"enabled": True},
    "Export": {"customer_preferred_export_rule": "never"},
}


@pytest.mark.parametrize(("method", "path", "body"), _of_a_site())
def test_an_unknown_site_is_not_there(lab: Lab, method: str, path: str, body: type | None) -> None:
    sent = _BODIES.get(body.__name__, {}) if body else {}
    if body is not None and body.__name__ == "NewTariff":
        sent = {"tariff": operator(lab, "GET", "/api/v1/energy/tariffs/examples").body["tariffs"]["flat"]}
    assert kind(operator(lab, method, path.replace("<site_id>", "123"), sent)) == (404, "not-found")


def test_everything_about_sites_is_for_operators_alone() -> None:
    public = [route.name for route in every_route() if "/energy/" in route.path and route.auth is Auth.PUBLIC]
    assert public == ["listExampleTariffs"]
    assert all(r.auth is Auth.OPERATOR for r in every_route() if r.path.startswith((SITES, FLEET, IMPORTS)))


# Records


def test_a_record_of_the_programme_expires(lab: Lab) -> None:
    owner = enrolled(lab)
    established(owner)
    site, until = owner.sites[0], lab.clock.now() + timedelta(hours=2)
    body = {"holds": True, "note": "ELRP", "until": until.isoformat()}
    fact = operator(lab, "PUT", f"{SITES}/{site}/programme", body).body["facts"]["programme"]
    assert (fact["holds"], fact["detail"], fact["evidence"]) == (True, "ELRP", "operator")
    ticks(lab)
    assert _site(lab, site)["counts"]
    ticks(lab, 26)
    after = _site(lab, site)
    assert after["reason"]["code"] == "programme_expired"
    assert after["facts"]["programme"]["missing"]["code"] == "programme_expired"


def test_what_tesla_says_of_the_programme_outweighs_a_record(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab.simulator.config, "programs_endpoint", True)
    owner = enrolled(lab)
    ticks(lab)
    body = {"holds": False, "note": "left"}
    fact = operator(lab, "PUT", f"{SITES}/{owner.sites[0]}/programme", body).body["facts"]["programme"]
    assert (fact["holds"], fact["evidence"]) == (True, "programs")


@pytest.mark.parametrize(
    ("what", "body", "problem"),
    [
        ("programme", {"holds": True, "note": "", "until": "2020-01-01T00:00:00Z"}, (422, "record-invalid")),
        ("programme", {"holds": True, "note": "", "until": "2090-01-01T00:00:00"}, (400, "invalid-body")),
        ("programme", {"holds": "yes", "note": ""}, (400, "invalid-body")),
        ("programme", {"holds": True}, (400, "invalid-body")),
        ("utility", {}, (400, "invalid-body")),
        ("utility", {"active": True, "until": "2020-01-01T00:00:00Z"}, (422, "record-invalid")),
        ("utility", {"active": True, "note": "n" * 501}, (400, "invalid-body")),
    ],
)
def test_a_bad_record_is_refused(lab: Lab, what: str, body: Any, problem: tuple[int, str]) -> None:
    owner = enrolled(lab)
    assert kind(operator(lab, "PUT", f"{SITES}/{owner.sites[0]}/{what}", body)) == problem
    assert not _site(lab, owner.sites[0])["facts"][what]["holds"]


def test_a_utilitys_list_is_recorded_line_by_line(lab: Lab) -> None:
    owner = enrolled(lab)
    one, two, _three = owner.sites
    lines = ["energy_site_id,active,note,until", f"{one},true,batch 7,2090-12-31", "42,true,,", f"{two},perhaps,,"]
    reply = operator(lab, "POST", IMPORTS, {"csv": "\n".join(lines)})
    assert reply.body == {
        "recorded": 1,
        "unknown": ["42"],
        "problems": [{"line": 4, "problem": "active has to be true or false"}],
    }
    fact = _site(lab, one)["facts"]["utility"]
    assert (fact["holds"], fact["evidence"], fact["detail"]) == (True, "import", "batch 7")
    assert not _site(lab, two)["facts"]["utility"]["holds"]


def test_a_list_without_columns_is_refused(lab: Lab) -> None:
    reply = operator(lab, "POST", IMPORTS, {"csv": "1,true\n"})
    assert kind(reply) == (422, "import-invalid")
    assert "energy_site_id, active, note, until" in reply.body["detail"]


def test_an_operator_takes_a_site_out_and_back_in(lab: Lab) -> None:
    owner = enrolled(lab)
    site = owner.sites[0]
    out = operator(lab, "POST", f"{SITES}/{site}/opt-out", {"reason": "rewiring"}).body
    assert out["opted_out"]["by"] == "operator"
    assert out["reason"]["code"] == "operator_opted_out"
    assert operator(lab, "POST", f"{SITES}/{site}/opt-in", {}).body["opted_out"] is None
