"""Every row of the failure table, against the simulator: the outcome, the calls sent, the calls billed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.platform.embedded.documents import SqliteDocuments
from shared.tesla.breaker import Breaker
from shared.tesla.catalogue import ENDPOINTS, Endpoint, Price
from shared.tesla.client import Access, Answer, FleetClient, Tally
from shared.tesla.errors import LimitExceeded, TeslaError
from shared.tesla.plan_limits import PlanLimits
from shared.tesla.regions import Regions
from shared.tesla.request_limits import RequestLimits
from shared.tesla.transport import Transport
from tests.lab import ShiftedClock
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.application import ALL_SCOPES, Application
from tests.simulator.ledger import Call
from tests.simulator.prices import PRICE_USD
from tests.tesla_failures import BUDGET_S, FAILURES, READ_BYTES, Failure

PARTNER_SCOPES = ("openid", "vehicle_specs")
HELD = {"user": (*ALL_SCOPES.split(),), "partner": PARTNER_SCOPES}
BODIES = {"partner_accounts": {"domain": "example.com"}, "operation_put": {"default_real_mode": "backup"}}
SETTLING_S = PATIENCE_S = 20.0
HOLD_S = 900


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    """One owner in Europe, one in America; the energy contract is the published one."""
    with Simulator(SimulatorConfig(accounts=2, region=("eu", "na"))) as simulator:
        yield simulator


@pytest.fixture
def sim(running: Simulator) -> Simulator:
    running.reset()
    return running


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteDocuments]:
    documents = SqliteDocuments(tmp_path / "documents.db")
    yield documents
    documents.close()


@pytest.fixture
def breaker(clock: ShiftedClock, store: SqliteDocuments) -> Breaker:
    return Breaker(store, clock, HOLD_S)


@pytest.fixture
def limits(clock: ShiftedClock, store: SqliteDocuments) -> RequestLimits:
    """One data request a day and vehicle."""
    return RequestLimits(store, clock, PlanLimits(vehicle_data_per_day=1), lambda: b"pepper")


@pytest.fixture
def client(sim: Simulator, clock: ShiftedClock, breaker: Breaker) -> FleetClient:
    return _client(sim, clock, PATIENCE_S, breaker)


def _client(
    sim: Simulator,
    clock: ShiftedClock,
    timeout_s: float,
    breaker: Breaker | None = None,
    limits: RequestLimits | None = None,
) -> FleetClient:
    regions = Regions({"eu": sim.urls.eu, "na": sim.urls.na, "cn": sim.urls.cn})
    prices = {price: PRICE_USD[price] for price in Price}
    transport = Transport(timeout_s=timeout_s, body_bytes=READ_BYTES)
    return FleetClient(transport, regions, clock, prices, breaker=breaker, limits=limits)


def _access(sim: Simulator, row: Failure) -> Access:
    """A token that the simulator admits, called in Europe whoever holds it."""
    scopes = row.scopes or HELD[row.token]
    if row.token == "partner":
        return Access(Application(sim).partner_token(" ".join(scopes)), "eu", frozenset(scopes), "partner")
    token = sim.grant(row.account, scopes).access_token
    return Access(token, "eu", frozenset(scopes), audiences=frozenset(row.reaches))


def _path(sim: Simulator, row: Failure, endpoint: Endpoint) -> dict[str, str]:
    """The path parameters that the endpoint has."""
    owner = sim.accounts[row.account]
    known = {"vin": owner.vehicles[0].vin, "energy_site_id": str(owner.sites[0].site_id)}
    return {name: value for name, value in known.items() if f"{{{name}}}" in endpoint.path}


def _call(client: FleetClient, sim: Simulator, row: Failure, tally: Tally) -> Answer:
    endpoint, access = ENDPOINTS[row.endpoint], _access(sim, row)
    sim.clear()
    if row.kind:
        sim.add_fault(endpoint.name, row.kind, **row.spoil)
    return client.call(endpoint, access, path=_path(sim, row, endpoint), json=BODIES.get(endpoint.name), tally=tally)


def _reach_limit(breaker: Breaker) -> None:
    with pytest.raises(LimitExceeded), breaker.watch():
        raise LimitExceeded(402)


def _sent(sim: Simulator, count: int) -> list[Call]:
    """The ledger, once a slow answer has reached it."""
    until = time.monotonic() + SETTLING_S
    while len(sim.ledger) < count and time.monotonic() < until:
        time.sleep(0.02)
    return sim.ledger


@pytest.mark.parametrize("row", FAILURES, ids=lambda row: row.name)
def test_a_failure_has_the_outcome_and_the_cost_of_the_table(
    sim: Simulator, clock: ShiftedClock, breaker: Breaker, limits: RequestLimits, row: Failure
) -> None:
    timeout_s, tally = BUDGET_S if row.kind == "slow" else PATIENCE_S, Tally()
    client = _client(sim, clock, timeout_s, breaker, limits if row.limited else None)
    if row.held:
        _reach_limit(breaker)
    if row.limited:
        limits.admit(ENDPOINTS[row.endpoint], (sim.accounts[row.account].vehicles[0].vin,))
    if row.outcome is None:
        assert _call(client, sim, row, tally).body
    else:
        with pytest.raises(TeslaError) as raised:
            _call(client, sim, row, tally)
        assert type(raised.value) is row.outcome
    sent = _sent(sim, row.calls)
    assert (len(sent), tally.calls) == (row.calls, row.calls)
    assert sum(call.billed for call in sent) == row.billed
    if row.heard:
        assert tally.price_usd == pytest.approx(sum(call.price_usd for call in sent))
    else:
        assert tally.price_usd <= sum(call.price_usd for call in sent)


def test_a_429_is_waited_out_as_long_as_it_says(client: FleetClient, sim: Simulator, clock: ShiftedClock) -> None:
    row = next(row for row in FAILURES if row.name == "429-short")
    _call(client, sim, row, Tally())
    assert clock.shift.total_seconds() == row.spoil["retry_after_s"]


def test_the_region_that_answered_is_told(client: FleetClient, sim: Simulator) -> None:
    row = next(row for row in FAILURES if row.name == "421-named")
    assert _call(client, sim, row, Tally()).region == "na"
    assert [(call.host, call.status) for call in sim.ledger] == [("eu", 421), ("na", 200)]


def test_no_error_shows_what_the_call_carried(sim: Simulator, clock: ShiftedClock) -> None:
    client = _client(sim, clock, PATIENCE_S)
    secrets = {sim.accounts[0].vehicles[0].vin, sim.accounts[0].email}
    prepared = [row for row in FAILURES if row.held or row.limited or row.kind in ("slow", "drop")]
    for row in (row for row in FAILURES if row.outcome and row not in prepared):
        sim.reset()
        with pytest.raises(TeslaError) as raised:
            _call(client, sim, row, Tally())
        shown = f"{raised.value!s} {raised.value!r}"
        assert not [secret for secret in secrets if secret in shown], row.name
