"""Which of Tesla's two contracts is spoken, read off the simulated Tesla's own record of the calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from shared import bootstrap
from tests.integration.energy_api import OAUTH, SITES, Owner, created, established, kind, operator, ticks
from tests.lab import Lab, Reply, forget, query_of
from tests.simulator import Call, Simulator, SimulatorConfig
from tests.simulator.energy_control import SiteChange

MODE = {"default_real_mode": "autonomous"}
LIVE = {"battery_power": 1234.0, "energy_left": 9876.0, "percentage_charged": 55.5, "island_status": "on_grid"}


@dataclass(frozen=True, slots=True)
class Form:
    """What a contract looks like from Tesla's side: scopes, writes as (method, end of the path), where values are."""

    scopes: tuple[str, str]
    mode: tuple[str, str]
    tariff: tuple[str, str]
    tariff_body: Callable[[Any], Any]
    reserve_source: str
    programme_evidence: str


FORMS = {
    "brief": Form(
        scopes=("energy:read", "energy:write"),
        mode=("PUT", "operation"),
        tariff=("POST", "tariff_rate"),
        tariff_body=lambda schedule: schedule,
        reserve_source="live_status",
        programme_evidence="live_status.programs",
    ),
    "published": Form(
        scopes=("energy_device_data", "energy_cmds"),
        mode=("POST", "operation"),
        tariff=("POST", "time_of_use_settings"),
        tariff_body=lambda schedule: {"tou_settings": {"tariff_content_v2": schedule}},
        reserve_source="site_info",
        programme_evidence="programs",
    ),
}
EVERY = pytest.mark.parametrize(
    ("setting", "spoken"),
    [("brief", "brief"), ("published", "published"), ("auto", "brief"), ("auto", "published")],
)


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """Two owners with two batteries each, the second in America, and an application that may read programmes."""
    config = SimulatorConfig(
        accounts=2, vehicles=0, sites=2, empty_site=False, programs_endpoint=True, remember_consent=False,
        region=("eu", "na"),
    )  # fmt: skip
    with Simulator(config) as running:
        yield running


@pytest.fixture
def speaking(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Has the service set to one contract and Tesla speak another."""

    def speak(setting: str, spoken: str) -> None:
        monkeypatch.setattr(lab.simulator.config, "energy_contract", spoken)
        monkeypatch.setenv("TESLA_ENERGY_CONTRACT", setting)
        forget()

    return speak


def _enrolled(lab: Lab, account: int = 0) -> Owner:
    """An owner who goes to Tesla as often as it takes, and enrols both batteries."""
    owner = created(lab, account)
    redirect = _redirect(lab, owner, account)
    if "error" in query_of(redirect):
        assert lab.call("GET", _path(redirect)).status == 502
        redirect = _redirect(lab, owner, account)
    done = lab.call("POST", f"{OAUTH}/complete", {"claim": lab.claim(_path(redirect))}, grant=owner.grant)
    assert (done.status, done.body["missing_scopes"]) == (200, []), done.text
    assert owner.enrol().status == 200
    return owner


def _redirect(lab: Lab, owner: Owner, account: int) -> str:
    link = lab.call("POST", f"{OAUTH}/initiate", {"product": "energy"}, grant=owner.grant)
    return lab.simulator.authorize(link.body["authUrl"], account)


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def _set(owner: Owner, what: str, body: Any, *, site: int = 0) -> Reply:
    return operator(owner.lab, "PUT", f"{SITES}/{owner.sites[site]}/{what}", body)


def _schedule(lab: Lab) -> Any:
    return lab.call("GET", "/api/v1/energy/tariffs/examples").body["tariffs"]["two-period"]


def _writes(lab: Lab) -> list[Call]:
    """The commands that reached Tesla, refused ones too."""
    return [call for call in lab.simulator.ledger if call.method != "GET" and "/energy_sites/" in call.path]


def _form(call: Call) -> tuple[str, str]:
    return call.method, call.path.rsplit("/", 1)[-1]


def _taken(owner: Owner) -> list[int]:
    """How many commands each site took, by Tesla's count."""
    sites = owner.lab.simulator.control.state.world.sites
    return [sites[site][1].commands.total() for site in owner.sites]


@EVERY
def test_the_consent_asks_for_the_scopes_of_the_contract_and_no_others(
    lab: Lab, speaking: Callable[[str, str], None], setting: str, spoken: str
) -> None:
    speaking(setting, spoken)
    _enrolled(lab)
    asked = [call.query["scope"].split() for call in lab.simulator.calls("authorize") if call.method == "GET"]
    first = "published" if setting == "auto" else setting
    assert asked == [["openid", "offline_access", *FORMS[name].scopes] for name in dict.fromkeys((first, spoken))]


@EVERY
def test_every_write_has_the_contracts_form_and_is_taken_once(
    lab: Lab, speaking: Callable[[str, str], None], setting: str, spoken: str
) -> None:
    speaking(setting, spoken)
    owner, form, schedule = _enrolled(lab), FORMS[spoken], _schedule(lab)
    for site in (0, 1):
        assert _set(owner, "operation", MODE, site=site).body["result"] == "confirmed"
        assert _set(owner, "tariff", {"tariff": schedule}, site=site).body["result"] == "confirmed"
    again = operator(lab, "POST", f"{SITES}/{owner.sites[0]}/tariff_rate", {"tariff": schedule})
    assert again.body["result"] == "confirmed"
    done = [call for call in _writes(lab) if call.status == 200]
    assert [_form(call) for call in done] == [form.mode, form.tariff] * 2 + [form.tariff]
    bodies = [json.loads(call.body) for call in done]
    assert bodies == [MODE, form.tariff_body(schedule)] * 2 + [form.tariff_body(schedule)]
    assert _taken(owner) == [3, 2]
    refused = [_form(call) for call in _writes(lab) if call.status != 200]
    learning = [FORMS["published"].mode] if (setting, spoken) == ("auto", "brief") else []
    assert refused == learning  # once: what the host speaks is remembered for all sites


def test_a_tariff_that_comes_first_finds_the_contract_out_by_looking_at_the_site(
    lab: Lab, speaking: Callable[[str, str], None]
) -> None:
    speaking("auto", "brief")
    owner, schedule = _enrolled(lab), _schedule(lab)
    assert _set(owner, "tariff", {"tariff": schedule}).body["result"] == "confirmed"
    assert _set(owner, "operation", MODE).body["result"] == "confirmed"
    published, brief = FORMS["published"], FORMS["brief"]
    assert [(_form(call), call.status) for call in _writes(lab)] == [
        (published.tariff, 404),
        (brief.tariff, 200),
        (brief.mode, 200),
    ]
    assert _taken(owner) == [2, 0]


@EVERY
def test_the_five_values_and_the_programme_come_from_where_the_contract_has_them(
    lab: Lab, speaking: Callable[[str, str], None], setting: str, spoken: str
) -> None:
    speaking(setting, spoken)
    owner, form = _enrolled(lab), FORMS[spoken]
    live = LIVE | ({"backup_reserve_percent": 33} if spoken == "brief" else {})
    payload = {"live_status": live, "site_info": {"backup_reserve_percent": 21}}
    lab.simulator.control.change_site(owner.sites[0], SiteChange(payload=payload))
    ticks(lab)
    site = operator(lab, "GET", f"{SITES}/{owner.sites[0]}").body
    found = {name: (site["values"][name]["value"], site["values"][name]["source"]) for name in LIVE}
    assert found == {name: (value, "live_status") for name, value in LIVE.items()}
    reserve = site["values"]["backup_reserve_percent"]
    assert (reserve["value"], reserve["source"]) == (33 if spoken == "brief" else 21, form.reserve_source)
    programme = site["facts"]["programme"]
    assert (programme["holds"], programme["evidence"]) == (True, form.programme_evidence)
    assert programme["detail"] == _programme(lab, owner)


def _programme(lab: Lab, owner: Owner) -> str:
    (programme,) = lab.simulator.control.state.world.sites[owner.sites[0]][1].programs
    return str(programme["name"])


@pytest.mark.parametrize("shape", ["objects", "strings"])
def test_only_active_programmes_of_the_status_count(
    lab: Lab, speaking: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    speaking("brief", "brief")
    monkeypatch.setattr(lab.simulator.config, "programs_shape", shape)
    owner = _enrolled(lab)
    pending = [{"program_id": "p-1", "name": "Peak Relief", "status": "pending"}]
    lab.simulator.control.change_site(owner.sites[1], SiteChange(programs=pending))
    for site in owner.sites:
        assert operator(lab, "PUT", f"{SITES}/{site}/utility", {"active": True}).status == 200
    ticks(lab)
    first, second = (operator(lab, "GET", f"{SITES}/{site}").body for site in owner.sites)
    assert (first["facts"]["programme"]["holds"], first["counts"]) == (True, True)
    assert (second["facts"]["programme"]["holds"], second["reason"]["code"]) == (False, "not_in_programme")
    assert second["facts"]["programme"]["evidence"] == "live_status.programs"


# A site is never commanded twice


@EVERY
def test_a_write_whose_answer_is_lost_is_not_repeated_in_the_other_form(
    lab: Lab, speaking: Callable[[str, str], None], setting: str, spoken: str
) -> None:
    speaking(setting, spoken)
    owner, form = _enrolled(lab), FORMS[spoken]
    learnt = int((setting, spoken) == ("auto", "brief"))  # Tesla refuses the first form before it looks at the site
    lab.simulator.add_fault("operation", "drop", times=1, after=learnt, executes=True)
    told = _set(owner, "operation", MODE).body
    assert (told["result"], told["accepted"]) == ("confirmed", False)
    assert [_form(call) for call in _writes(lab)][learnt:] == [form.mode]
    assert _taken(owner) == [1, 0]


@pytest.mark.parametrize("spoken", ["brief", "published"])
@pytest.mark.parametrize("status", [500, 503, 408])
def test_a_site_in_trouble_is_not_tried_in_the_other_form(
    lab: Lab, speaking: Callable[[str, str], None], spoken: str, status: int
) -> None:
    speaking("auto", spoken)
    owner, schedule = _enrolled(lab), _schedule(lab)
    assert _set(owner, "operation", MODE).body["result"] == "confirmed"
    before = len(_writes(lab))
    for what, body in (("operation", {"default_real_mode": "backup"}), ("tariff", {"tariff": schedule})):
        leaf = _leaf(spoken, what)
        lab.simulator.add_fault(rf"/{owner.sites[0]}/{leaf}$", "status", status=status)
        _set(owner, what, body)
    form = FORMS[spoken]
    assert {_form(call) for call in _writes(lab)[before:]} == {form.mode, form.tariff}
    assert _taken(owner) == [1, 0]


def _leaf(spoken: str, what: str) -> str:
    return FORMS[spoken].mode[1] if what == "operation" else FORMS[spoken].tariff[1]


def test_a_site_that_left_the_account_is_asked_for_but_not_commanded_in_either_form(
    lab: Lab, speaking: Callable[[str, str], None]
) -> None:
    speaking("auto", "published")
    owner = _enrolled(lab)
    del lab.simulator.control.state.world.sites[owner.sites[0]]
    reply = _set(owner, "operation", MODE)
    assert kind(reply) == (502, "tesla-refused")
    assert "not_found" in reply.body["detail"]
    assert {(_form(call), call.status) for call in _writes(lab)} == {(FORMS["published"].mode, 404)}


def test_a_host_that_knows_neither_form_is_told_once_in_each(lab: Lab, speaking: Callable[[str, str], None]) -> None:
    speaking("auto", "published")
    owner = _enrolled(lab)
    lab.simulator.add_fault(r"/operation$", "status", status=405)
    assert _set(owner, "operation", MODE).status >= 400
    assert [_form(call) for call in _writes(lab)] == [FORMS["published"].mode, FORMS["brief"].mode]
    assert _taken(owner) == [0, 0]
    assert bootstrap.contract_memory().of("eu").value == "published"  # nothing was learnt


@pytest.mark.parametrize("pinned", ["brief", "published"])
def test_a_pinned_contract_is_kept_to_where_the_host_speaks_the_other(
    lab: Lab, speaking: Callable[[str, str], None], pinned: str
) -> None:
    other = "published" if pinned == "brief" else "brief"
    speaking("auto", other)
    owner = _enrolled(lab)
    before = len(_writes(lab))
    speaking(pinned, other)
    established(owner)
    assert _set(owner, "operation", MODE).status >= 400
    assert _set(owner, "tariff", {"tariff": _schedule(lab)}).status >= 400
    form = FORMS[pinned]
    assert [_form(call) for call in _writes(lab)][before:] == [form.mode, form.tariff]
    assert _taken(owner) == [0, 0]


# Another region: 404 in one contract, 421 in the other


@EVERY
def test_an_owner_of_another_region_is_found_there(
    lab: Lab, speaking: Callable[[str, str], None], setting: str, spoken: str
) -> None:
    speaking(setting, spoken)
    owner = _enrolled(lab, account=1)
    ticks(lab, 2)
    site = operator(lab, "GET", f"{SITES}/{owner.sites[0]}").body
    assert (site["region"], site["poll"]["outcome"]) == ("na", "ok")
    assert _set(owner, "operation", MODE).body["result"] == "confirmed"
    assert _taken(owner) == [1, 0]
    assert {call.host for call in lab.simulator.calls("live_status")} == {"na"}
