"""What a site could deliver, computed by hand; every exclusion; and that nothing unknown counts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.energy.availability import DEFAULT_RULES, HOURS, Rules, SiteAvailability, availability
from shared.energy.model import Equipment, Evidence, Fact, OptOut, OwnerLimits, RosterSite
from shared.energy.readings import equipment, reading
from shared.energy.reasons import Reason, next_step, words
from shared.energy.samples import Outcome, Reading, Sample
from shared.tesla.decode import decode
from shared.tesla.models.energy import Products
from shared.tesla.models.live_status import LiveStatus
from shared.tesla.models.site_info import SiteInfo

NOW = datetime(2026, 7, 1, 18, 0, tzinfo=UTC)
HOLDS = Fact(True, NOW - timedelta(days=30), Evidence.OPERATOR, "ELRP")
FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures"

HOME = Equipment(
    NOW,
    rated_power_w=5000,
    pack_energy_wh=13_500,
    battery_count=1,
    backup_reserve_percent=20,
    mode="self_consumption",
    export_rule="battery_ok",
)
SEEN = Reading(
    NOW,
    NOW,
    battery_power_w=0,
    solar_power_w=500,
    load_power_w=2000,
    grid_power_w=1500,
    energy_left_wh=10_800,
    total_pack_energy_wh=13_500,
    percentage_charged=80,
    island_status="on_grid",
    grid_status="Active",
)
SITE = RosterSite("1", "account", "na", HOLDS, HOLDS, HOLDS, equipment=HOME)


def site(**changes: Any) -> RosterSite:
    return msgspec.structs.replace(SITE, **changes)


def home(**changes: Any) -> RosterSite:
    """The site with other equipment."""
    return site(equipment=msgspec.structs.replace(HOME, **changes))


def sample(**changes: Any) -> Sample:
    return Sample(Outcome.OK, msgspec.structs.replace(SEEN, **changes))


def found(
    where: RosterSite = SITE,
    looked: Sample | None = None,
    rules: Rules = DEFAULT_RULES,
    **changes: Any,
) -> SiteAvailability:
    """The availability of a site, by default of the reading with some changes."""
    return availability(where, looked or sample(**changes), NOW, rules)


def test_the_formula_by_hand() -> None:
    """(10800 - 20 % of 13500) x 0.95 = 7695 Wh: 5 kW for one hour, 3847.5 W for two, 2565 W for three."""
    got = found()
    assert got.reason is None
    assert got.counts
    assert (got.enrolled, got.freshness) == (True, "fresh")
    assert got.surplus_wh == pytest.approx(8100)
    assert got.available_w == pytest.approx((5000, 3847.5, 2565))
    assert got.load_offset_w == pytest.approx((1500, 1500, 1500))
    assert (got.reserve_percent, got.energy_left_wh, got.energy_source) == (20, 10_800, "live_status")
    assert got.deliverable_w(1.5) == pytest.approx(5000)
    assert got.deliverable_w(4) == pytest.approx(7695 / 4)
    assert got.deliverable_w(8, export=False) == pytest.approx(7695 / 8)
    assert got.deliverable_w(1, export=False) == pytest.approx(1500)


@pytest.mark.parametrize("flow_w", [-3000.0, 0.0, 1234.0])
def test_the_flow_is_the_batterys_power_with_its_sign(flow_w: float) -> None:
    assert found(battery_power_w=flow_w).flow_w == flow_w


@pytest.mark.parametrize(
    ("where", "changes", "available_w"),
    [
        (home(export_rule="pv_only"), {}, 1500),
        (home(export_rule="never"), {}, 1500),
        (home(export_rule=""), {}, 1500),
        (home(non_export=True), {}, 1500),
        (home(export_cap_w=2000), {}, 3500),
        (home(export_cap_w=0), {}, 1500),
        (home(export_cap_w=2000), {"solar_power_w": 3000}, 1000),  # solar power uses half of what may be fed in
        (home(export_cap_w=2000), {"solar_power_w": 9000}, 0),
        (home(export_cap_w=2000), {"load_power_w": None}, 0),
        (home(export_rule="never"), {"solar_power_w": 9000}, 0),
        (home(export_rule="never", has_solar=True), {"solar_power_w": None}, 0),
        (home(export_rule="never", has_solar=False), {"solar_power_w": None}, 2000),
        (home(export_rule="never"), {"solar_power_w": -30}, 2000),  # a meter's offset is no load
        (home(rated_power_w=1000), {}, 1000),
    ],
)
def test_export_rule_meter_limit_and_load_bound_the_power(
    where: RosterSite, changes: dict[str, Any], available_w: float
) -> None:
    got = found(where, **changes)
    assert got.reason is None
    assert got.available_w[0] == pytest.approx(available_w)


@pytest.mark.parametrize(
    ("where", "changes", "rules", "reserve"),
    [
        (SITE, {}, Rules(), 20),
        (SITE, {"backup_reserve_percent": 35.0}, Rules(), 35),
        (SITE, {"backup_reserve_percent": 5.0}, Rules(), 5),
        (home(vpp_reserve_percent=40), {}, Rules(), 40),
        (site(limits=OwnerLimits(None, 50)), {}, Rules(), 50),
        (SITE, {}, Rules(programme_reserve_percent=60), 60),
        (home(vpp_reserve_percent=40), {"backup_reserve_percent": 70.0}, Rules(programme_reserve_percent=60), 70),
        (site(limits=OwnerLimits(None, 500)), {}, Rules(), 100),
    ],
)
def test_the_highest_reserve_holds(where: RosterSite, changes: dict[str, Any], rules: Rules, reserve: float) -> None:
    got = found(where, rules=rules, **changes)
    assert got.reserve_percent == reserve
    assert got.surplus_wh == pytest.approx(max(0, 10_800 - 135 * reserve))


def test_a_site_at_its_reserve_counts_with_nothing() -> None:
    got = found(energy_left_wh=2700)
    assert (got.reason, got.available_w, got.surplus_wh) == (Reason.AT_RESERVE, (0, 0, 0), 0)
    assert got.counts
    assert got.enrolled
    assert got.energy_left_wh == 2700


def test_the_guard_stays_in_the_battery() -> None:
    """300 s at 5 kW are 416.7 Wh."""
    assert found(rules=Rules(guard_s=300)).surplus_wh == pytest.approx(8100 - 5000 / 12)
    assert found(rules=Rules(guard_s=300), energy_left_wh=3000).reason is Reason.AT_RESERVE


def test_what_the_battery_did_since_the_device_looked_counts() -> None:
    """Nine minutes at 1900 W with 5 % loss took 300 Wh; charging counts for five of them at most."""
    old = NOW - timedelta(minutes=9)
    assert found(at=old, battery_power_w=1900).surplus_wh == pytest.approx(7800)
    assert found(at=old, battery_power_w=-1900).surplus_wh == pytest.approx(8100 + 1900 * 300 / 3600 * 0.95)
    recent = NOW - timedelta(minutes=3)
    assert found(at=recent, battery_power_w=-1900).surplus_wh == pytest.approx(8100 + 1900 * 180 / 3600 * 0.95)


@pytest.mark.parametrize(
    ("where", "changes", "energy", "source"),
    [
        (SITE, {"energy_left_wh": None}, 10_800, "computed"),
        (SITE, {"energy_left_wh": None, "total_pack_energy_wh": None}, 10_800, "computed"),
        (SITE, {"energy_left_wh": None, "total_pack_energy_wh": 12_000}, 9600, "computed"),
        (SITE, {"energy_left_wh": 90_000.0, "total_pack_energy_wh": None}, 13_500 * 1.05, "live_status"),
        (home(pack_energy_wh=None), {"energy_left_wh": 9000.0}, 9000, "live_status"),
    ],
)
def test_energy_is_teslas_or_computed(where: RosterSite, changes: dict[str, Any], energy: float, source: str) -> None:
    got = found(where, **changes)
    assert got.energy_left_wh == pytest.approx(energy)
    assert got.energy_source == source


def test_the_reserve_is_a_share_of_the_real_pack() -> None:
    """Without the pack's energy it follows from energy and charge: 9000 Wh at 75 % are a pack of 12 kWh."""
    got = found(energy_left_wh=9000, percentage_charged=75, total_pack_energy_wh=None)
    assert got.surplus_wh == pytest.approx(9000 - 2400)
    unknown = found(energy_left_wh=9000, percentage_charged=None, total_pack_energy_wh=None)
    assert unknown.surplus_wh == pytest.approx(9000 - 2700)


def test_a_worn_packs_nameplate_can_be_discounted() -> None:
    got = found(rules=Rules(nameplate_share=0.9), energy_left_wh=None, total_pack_energy_wh=None)
    assert got.energy_left_wh == pytest.approx(0.8 * 12_150)


EXPIRED = Fact(True, NOW - timedelta(days=400), Evidence.OPERATOR, "ELRP", NOW - timedelta(days=1))
OLD = NOW - timedelta(minutes=11)
EXCLUSIONS: list[tuple[Reason, RosterSite, Sample | None]] = [
    (Reason.OWNER_OPTED_OUT, site(opted_out=OptOut("owner", NOW)), sample()),
    (Reason.OPERATOR_OPTED_OUT, site(opted_out=OptOut("operator", NOW)), sample()),
    (Reason.ACCESS_REVOKED, site(authorised=Fact(False, NOW, Evidence.REVOKED)), sample()),
    (Reason.ACCESS_REVOKED, SITE, Sample(Outcome.LOGIN_REQUIRED, SEEN)),
    (Reason.NOT_AUTHORISED, site(authorised=Fact()), sample()),
    (Reason.OTHER_OPERATOR, SITE, sample(grid_services_active=True)),
    (Reason.OTHER_OPERATOR, site(programme=Fact(False, NOW, Evidence.GRID_SERVICES)), sample()),
    (Reason.PROGRAMME_EXPIRED, site(programme=EXPIRED), sample()),
    (Reason.NOT_IN_PROGRAMME, site(programme=Fact()), sample()),
    (Reason.NOT_IN_PROGRAMME, SITE, sample(programmes=())),
    (Reason.UTILITY_EXPIRED, site(utility=EXPIRED), sample()),
    (Reason.NOT_AT_UTILITY, site(utility=Fact()), sample()),
    (Reason.NO_EQUIPMENT, site(equipment=None), sample()),
    (Reason.NO_BATTERY, home(battery_count=0), sample()),
    (Reason.NO_BATTERY, home(battery_count=0), None),
    (Reason.NO_BATTERY, SITE, sample(energy_left_wh=0, total_pack_energy_wh=1, percentage_charged=0)),
    (Reason.NO_READING, SITE, None),
    (Reason.NO_READING, SITE, Sample(Outcome.TIMED_OUT)),
    (Reason.EMPTY_ANSWER, SITE, Sample(Outcome.EMPTY)),
    (Reason.NO_DEVICE_TIME, SITE, sample(at=None)),
    (Reason.DEAD, SITE, sample(at=NOW - timedelta(minutes=61))),
    (Reason.STALE, SITE, sample(at=OLD)),
    (Reason.UNBALANCED, SITE, sample(flags=("unbalanced",))),
    (Reason.OFF_GRID, SITE, sample(island_status="off_grid_intentional")),
    (Reason.OFF_GRID, SITE, sample(island_status="off_grid", grid_status="")),
    (Reason.OFF_GRID, SITE, sample(grid_status="Inactive")),
    (Reason.GRID_UNKNOWN, SITE, sample(grid_status="Unknown")),
    (Reason.GRID_UNKNOWN, SITE, sample(island_status="island_status_unknown")),
    (Reason.GRID_UNKNOWN, SITE, sample(island_status="", grid_status="")),
    (Reason.STORM_MODE, SITE, sample(storm_mode_active=True)),
    (Reason.UNKNOWN_RATING, home(rated_power_w=None), sample()),
    (Reason.UNKNOWN_ENERGY, SITE, sample(energy_left_wh=None, percentage_charged=None)),
    (Reason.UNKNOWN_ENERGY, home(pack_energy_wh=None), sample(energy_left_wh=None, total_pack_energy_wh=None)),
    (Reason.UNKNOWN_RESERVE, home(backup_reserve_percent=None), sample()),
]


@pytest.mark.parametrize(("reason", "where", "looked"), EXCLUSIONS)
def test_exclusions(reason: Reason, where: RosterSite, looked: Sample | None) -> None:
    got = availability(where, looked, NOW)
    assert got.reason is reason
    assert not got.counts
    assert (got.available_w, got.load_offset_w, got.surplus_wh) == ((0, 0, 0), (0, 0, 0), 0)
    assert got.deliverable_w(1) == 0


OF_OPERATORS = ("the owner", "as operator", "site_info", "calls")


def test_every_reason_is_tested_and_has_words() -> None:
    assert {reason for reason, _, _ in EXCLUSIONS} | {Reason.AT_RESERVE} == set(Reason)
    for reason in Reason:
        assert words(reason).endswith(".")
        assert next_step(reason).endswith(".")
        told = (words(reason, to_owner=True), next_step(reason, to_owner=True))
        assert all(sentence.endswith(".") for sentence in told)
        assert not [word for word in OF_OPERATORS if word in " ".join(told).lower()]
    assert len({words(reason) for reason in Reason}) == len(Reason)


OF_THE_SITE = [(reason, where) for reason, where, looked in EXCLUSIONS if where is not SITE and looked == sample()]
OF_THE_POLL = [(reason, looked) for reason, where, looked in EXCLUSIONS if where is SITE]


@pytest.mark.parametrize(("reason", "where"), OF_THE_SITE)
@pytest.mark.parametrize(("other", "looked"), OF_THE_POLL)
def test_of_two_causes_the_first_in_the_documented_order_is_given(
    reason: Reason, where: RosterSite, other: Reason, looked: Sample | None
) -> None:
    expected = min(reason, other, key=list(Reason).index)
    assert availability(where, looked, NOW).reason is expected


def test_an_off_grid_or_stale_site_is_enrolled_all_the_same() -> None:
    off = found(island_status="off_grid", battery_power_w=900)
    assert (off.enrolled, off.flow_w) == (True, 900)
    stale = found(at=OLD, battery_power_w=900)
    assert (stale.enrolled, stale.freshness, stale.flow_w, stale.energy_left_wh) == (True, "stale", 0, 10_800)


def test_the_edges_of_freshness_belong_to_the_better_side() -> None:
    assert found(at=NOW - timedelta(seconds=600)).freshness == "fresh"
    assert found(at=NOW - timedelta(seconds=601)).freshness == "stale"
    assert found(at=NOW - timedelta(seconds=3600)).freshness == "stale"
    assert found(at=NOW - timedelta(seconds=3601)).freshness == "dead"
    assert found(at=OLD, rules=Rules(fresh_s=1800)).reason is None


def test_old_news_of_programmes_and_other_operators_does_not_exclude() -> None:
    assert found(at=OLD, programmes=()).reason is Reason.STALE
    assert found(at=OLD, grid_services_active=True).reason is Reason.STALE
    assert found(grid_services_active=False).reason is None


def test_a_failed_poll_keeps_the_last_reading_while_it_is_fresh() -> None:
    assert found(looked=Sample(Outcome.SERVER_ERROR, SEEN, 1)).reason is None


@pytest.mark.parametrize(
    "fields", [("energy_left_wh",), ("total_pack_energy_wh",), ("percentage_charged",), ("solar_power_w",),
                 ("load_power_w",), ("battery_power_w",), ("energy_left_wh", "total_pack_energy_wh"),
                 ("island_status",), ("solar_power_w", "load_power_w")],
)  # fmt: skip
@pytest.mark.parametrize(
    "where",
    [home(has_solar=True), home(has_solar=True, export_rule="never"), home(export_cap_w=1000, has_solar=True)],
)
def test_to_know_less_never_counts_more(where: RosterSite, fields: tuple[str, ...]) -> None:
    whole = found(where)
    absent: dict[str, Any] = {name: "" if name == "island_status" else None for name in fields}
    less = found(where, None, DEFAULT_RULES, **absent)
    assert all(few <= many + 1e-6 for few, many in zip(less.available_w, whole.available_w, strict=True))
    assert all(few <= many + 1e-6 for few, many in zip(less.load_offset_w, whole.load_offset_w, strict=True))


powers = st.none() | st.floats(-20_000, 20_000)
percents = st.none() | st.floats(0, 100)


@given(
    power=st.tuples(powers, powers, powers),
    energy=st.none() | st.floats(0, 30_000),
    pack=st.none() | st.floats(0, 30_000),
    charged=percents,
    reserves=st.tuples(percents, percents, percents),
    rated=st.none() | st.floats(0, 15_000),
    rule=st.sampled_from(["battery_ok", "pv_only", "never", "", "new"]),
    cap=st.none() | st.floats(0, 20_000),
)
def test_no_site_offers_more_than_rating_energy_and_rule_allow(
    power: tuple[float | None, ...],
    energy: float | None,
    pack: float | None,
    charged: float | None,
    reserves: tuple[float | None, ...],
    rated: float | None,
    rule: str,
    cap: float | None,
) -> None:
    where = site(
        limits=OwnerLimits(None, reserves[2]),
        equipment=msgspec.structs.replace(
            HOME, rated_power_w=rated, backup_reserve_percent=reserves[1], export_rule=rule, export_cap_w=cap
        ),
    )
    battery, solar, load = power
    got = found(
        where, battery_power_w=battery, solar_power_w=solar, load_power_w=load, energy_left_wh=energy,
        total_pack_energy_wh=pack, percentage_charged=charged, backup_reserve_percent=reserves[0],
    )  # fmt: skip
    for hours, most, offset in zip(HOURS, got.available_w, got.load_offset_w, strict=True):
        assert 0 <= offset <= most
        assert most <= (rated or 0)
        assert most * hours <= got.surplus_wh * 0.95 + 1e-6
        assert offset <= max(0, load or 0)
        assert rule == "battery_ok" or most == offset
        assert most == got.deliverable_w(hours)
    assert got.available_w[0] >= got.available_w[1] >= got.available_w[2]
    assert got.surplus_wh <= (got.energy_left_wh or 0)


def recorded(live: str, info: str) -> SiteAvailability:
    """The availability of a recorded status and equipment, a minute after the device made the status."""
    if not FIXTURES.is_dir():
        pytest.skip("no recorded payloads on this machine")
    status = decode((FIXTURES / live).read_bytes(), LiveStatus).value
    assert status.timestamp is not None
    now = status.timestamp + timedelta(minutes=1)
    facts = Fact(True, now, Evidence.OPERATOR, "ELRP")
    parts = equipment(decode((FIXTURES / info).read_bytes(), SiteInfo).value, now)
    where = RosterSite("1", "account", "na", facts, facts, facts, equipment=parts)
    return availability(where, Sample(Outcome.OK, reading(status, now)), now)


def test_the_recorded_site_without_energy_left_counts_by_its_charge() -> None:
    got = recorded("home-assistant-core/live_status.json", "home-assistant-core/site_info.json")
    assert (got.reason, got.energy_source) == (None, "computed")
    assert got.energy_left_wh == pytest.approx(0.9550537 * 40_500, rel=1e-6)
    assert got.flow_w == 5060
    assert got.available_w == got.load_offset_w == pytest.approx((5060, 5060, 5060))  # pv_only: the load less solar


def test_the_recorded_pair_without_export_rule_offsets_its_load() -> None:
    got = recorded("jasonacox-pypowerwall/live_status.json", "jasonacox-pypowerwall/site_info.json")
    assert (got.reason, got.reserve_percent, got.available_w) == (None, 20, (780, 780, 780))
    assert got.power_limit_w == 10_800


def test_the_recorded_off_grid_home_is_off_grid() -> None:
    got = recorded(
        "jasonacox-pypowerwall/live_status_cloud_off_grid_intentional.json", "jasonacox-pypowerwall/site_info.json"
    )
    assert (got.reason, got.enrolled, got.flow_w) == (Reason.OFF_GRID, True, 130)
    assert got.energy_left_wh == pytest.approx(21_240.05, abs=0.01)
    assert got.energy_source == "live_status"


def test_the_recorded_empty_site_has_no_battery() -> None:
    if not FIXTURES.is_dir():
        pytest.skip("no recorded payloads on this machine")
    products = decode((FIXTURES / "home-assistant-core/products.json").read_bytes(), Products).value.products or ()
    empty = [entry for entry in products if entry.is_energy_site and not entry.resource_type]
    assert len(empty) == 1
    parts = equipment(SiteInfo(components=empty[0].components), NOW)
    assert availability(site(equipment=parts), Sample(Outcome.EMPTY), NOW).reason is Reason.NO_BATTERY
    assert availability(site(equipment=None), Sample(Outcome.EMPTY), NOW).reason is Reason.NO_EQUIPMENT


def test_a_minimal_answer_says_nothing_of_the_battery() -> None:
    body = {
        "response": {
            "solar_power": 5,
            "grid_status": "Active",
            "grid_services_active": False,
            "timestamp": NOW.isoformat(),
        }
    }
    seen = reading(decode(json.dumps(body).encode(), LiveStatus).value, NOW)
    assert availability(SITE, Sample(Outcome.OK, seen), NOW).reason is Reason.UNKNOWN_ENERGY
