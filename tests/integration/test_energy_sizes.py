"""Documents and messages of a full shard stay within what Firestore takes, whatever Tesla and people write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from string import ascii_letters, digits
from typing import Any

import msgspec
import pytest

from shared import bootstrap
from shared.energy.fleet import Group, Totals, merge
from shared.energy.poller import PollShard, unpack_before
from shared.energy.shards import SHARD_SITES, ShardToken
from shared.typed import from_json
from tests.integration.energy_api import SITES, Owner, enrolled, later, operator, ticks
from tests.lab import Lab
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.energy_control import SiteChange

pytestmark = pytest.mark.settings(TESLA_ENERGY_CONTRACT="brief")

MOST_BYTES = 1_048_487
"""Of one value in Firestore; a document takes 1,048,576."""
HERE, PART = 50, 10
FULL = SHARD_SITES // HERE
"""A full shard is so many times as large as the one of these tests."""
TOKEN_LENGTH = 1_500
NOTE_LENGTH = 500
LETTERS = {
    "ascii": ascii_letters + digits,
    "umlauts": "äöüßéèñçøåÄÖÜÉÈÑÇØÅ",
    "chinese": "虚拟电厂家庭储能峰谷需求响应计划",
}
"""Letters of one, two and three bytes."""
FIGURES = ("battery_power", "solar_power", "load_power", "grid_power", "generator_power", "total_pack_energy")


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """One owner with many batteries, whose status tells of programmes."""
    config = SimulatorConfig(vehicles=0, sites=HERE, energy_contract="brief", remember_consent=False)
    with Simulator(config) as running:
        yield running


@pytest.fixture(params=list(LETTERS))
def letters(request: pytest.FixtureRequest) -> str:
    """What names and notes are made of."""
    return LETTERS[request.param]


@pytest.fixture
def crowd(lab: Lab, letters: str) -> Owner:
    """An owner whose sites answer with all that can be long, and as different from each other as can be."""
    random = Random(7)
    for site in lab.simulator.accounts[0].sites:
        payload = {"live_status": _status(random, letters), "site_info": _info(random, letters)}
        lab.simulator.control.change_site(str(site.site_id), SiteChange(payload=payload))
    owner = enrolled(lab)
    _import(owner, _text(random, letters, NOTE_LENGTH))
    ticks(lab)
    return owner


def _text(random: Random, letters: str, length: int) -> str:
    return "".join(random.choices(letters, k=length))


def _status(random: Random, letters: str) -> dict[str, Any]:
    figures = {name: random.random() * 9_999 for name in FIGURES}
    percents = {"percentage_charged": random.random() * 99, "backup_reserve_percent": random.random() * 80}
    programmes = [{"name": _text(random, letters, 120), "status": "active"} for _ in range(30)]
    words = {name: _text(random, letters, 120) for name in ("island_status", "grid_status")}
    return {**figures, **percents, **words, "energy_left": random.random(), "programs": programmes}


def _info(random: Random, letters: str) -> dict[str, Any]:
    names = ("default_real_mode", "installation_time_zone")
    components = {"battery": True, "customer_preferred_export_rule": _text(random, letters, 120)}
    return {**{name: _text(random, letters, 120) for name in names}, "components": components}


def _import(owner: Owner, note: str) -> None:
    """The utility's list, in parts that are small enough for one call."""
    until = owner.lab.clock.now() + timedelta(days=99)
    for at in range(0, HERE, PART):
        lines = [f"{site},true,{note},{until.isoformat()}" for site in owner.sites[at : at + PART]]
        text = "\n".join(("energy_site_id,active,note,until", *lines))
        told = operator(owner.lab, "POST", "/api/v1/energy/utility-imports", {"csv": text})
        assert (told.status, told.body.get("recorded")) == (200, len(lines)), told.text


def _bytes(value: Any) -> int:
    """How much of a document a value takes, as Firestore counts."""
    if isinstance(value, dict):
        return sum(len(name.encode()) + 1 + _bytes(item) for name, item in value.items())
    if isinstance(value, list):
        return sum(map(_bytes, value))
    return len(value) if isinstance(value, bytes) else len(value.encode()) + 1 if isinstance(value, str) else 8


def _stored(part: str) -> int:
    """The size of one document of the shard."""
    document = bootstrap.documents().get("shards", f"0000.{part}")
    assert document is not None
    return _bytes(document.body)


def test_the_roster_of_a_full_shard_is_one_document(crowd: Owner, letters: str) -> None:
    reason = _text(Random(8), letters, NOTE_LENGTH)
    for site in crowd.sites:
        told = operator(crowd.lab, "POST", f"{SITES}/{site}/opt-out", {"reason": reason})
        assert told.status == 200, told.text
    facts = operator(crowd.lab, "GET", f"{SITES}/{crowd.sites[0]}").body["facts"]
    assert facts["programme"]["detail"]
    assert facts["utility"]["detail"]
    assert _stored("roster") * FULL < MOST_BYTES


def test_the_state_of_a_full_shard_is_one_document(crowd: Owner) -> None:
    values = operator(crowd.lab, "GET", f"{SITES}/{crowd.sites[0]}").body["values"]
    assert None not in {value["value"] for value in values.values()}
    assert _stored("state") * FULL < MOST_BYTES


def test_the_message_of_a_full_shard_is_small(crowd: Owner) -> None:
    later(crowd.lab, 300)
    assert bootstrap.fleet_tick().start() == 1
    (sent,) = crowd.lab.queue.pull("poll-energy-sites", limit=10, lease_s=60)
    before = unpack_before(from_json(sent.event.data, PollShard).before)
    assert sorted(before) == sorted(crowd.sites)
    assert all(sample.reading is not None and sample.reading.programmes for sample in before.values())
    assert len(sent.event.data) * FULL < MOST_BYTES


def test_the_tokens_of_a_full_shard_with_an_account_each_are_one_document(lab: Lab) -> None:
    random, until = Random(9), lab.clock.now() + timedelta(hours=8)
    tokens = {
        f"{random.getrandbits(128):032x}": ShardToken(_text(random, LETTERS["ascii"], TOKEN_LENGTH), "na", until)
        for _ in range(SHARD_SITES)
    }
    bootstrap.shards().change_tokens("0000", tokens)
    assert bootstrap.shards().tokens("0000") == tokens
    assert _stored("tokens") < MOST_BYTES


def test_the_sums_of_a_large_fleet_whose_notes_all_differ_are_one_document() -> None:
    random = Random(10)
    parts = [
        Totals(by_programme={_text(random, LETTERS["chinese"], 100): Group(sites=1, counted=1) for _ in range(50)})
        for _ in range(200)
    ]
    whole = merge(parts)
    assert sum(group.sites for group in whole.by_programme.values()) == 50 * 200
    assert _bytes(msgspec.to_builtins(whole)) < MOST_BYTES / 10
