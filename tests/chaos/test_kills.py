"""Whole orders while functions are killed at random calls of their stores; messages come twice and shuffled."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import pytest
import requests

from tests.e2e.conftest import Starter
from tests.e2e.place import QUICK, Customer, Place, World, restarted, running, until
from tests.stack.config import DeliveryConfig
from tests.stack.owner import OwnerStuck

pytestmark = pytest.mark.chaos

T = TypeVar("T")
SEEDS = range(1, 11)
"""Per backend."""
MOST_KILLS = 3
TARGETS = {"all": 0.03, "fetch_order": 0.05, "fetch_vehicle": 0.03, "build_report": 0.1, "housekeeping": 0.05}
"""Who is killed -> with which probability before and after each call of a store; a run has one target."""
WITHIN_S = 90.0
BOTH = ("v1", "v2")


def _insisting(act: Callable[[], T]) -> T:
    """Ask again, as an owner does whose request met a dying function."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            return act()
        except (OwnerStuck, requests.ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _select(owner: Customer) -> None:
    """Choose both vehicles; an order that runs, or has run, did get the choice."""
    try:
        owner.select(BOTH)
    except OwnerStuck:
        if owner.view()["status"] not in {"running", "completed"}:
            raise


def _connected(place: Place, package: str) -> Customer:
    owner = place.customer()
    for act in (lambda: owner.order(package), owner.consent, owner.vehicles):
        _insisting(act)
    return owner


def _check(place: Place, owner: Customer, view: Any, kills: int) -> None:
    """Everything is there, once, and Tesla was asked again for what was in flight at most."""
    assert view["status"] == "completed", view
    assert {module["status"] for vehicle in view["vehicles"] for module in vehicle["modules"]} == {"ok"}
    names = place.stores.objects(owner.order_id)
    reports = [f"orders/{owner.order_id}/{number}/report.pdf" for number in BOTH]
    assert [name for name in names if name.endswith("/report.pdf")] == reports
    told = [vehicle["report"]["sha256"] for vehicle in view["vehicles"]]
    assert [hashlib.sha256(place.stores.blobs.get(name)).hexdigest() for name in reports] == told
    in_flight = int(place.stack.environment["FETCH_CONCURRENCY"]) * len(BOTH)
    assert len(place.repeated(owner)) <= in_flight * kills


def _run(place: Place, target: str, chance: str) -> None:
    """Two orders; a single target is armed once its owners have consented, so that it is not spent before."""
    owners = [_connected(place, package) for package in ("complete", "charging")]
    before = 0
    if target != "all":
        restarted(place.stack, target, CRASH_RANDOM=chance)
        before = len(place.stack.deaths)
    for owner in owners:
        _insisting(partial(_select, owner))
    views = [_insisting(partial(owner.wait, WITHIN_S)) for owner in owners]
    until(lambda: len(place.stack.deaths) > before, "somebody is killed", WITHIN_S)
    killed = place.stack.deaths[before:]
    print(f"CRASH_RANDOM={chance} {place.stack.config.backend} {target}: killed {[name for name, _ in killed]}")
    assert {code for _, code in killed} == {-9}
    for owner, view in zip(owners, views, strict=True):
        _check(place, owner, view, len(killed))


@pytest.mark.parametrize("seed", SEEDS)
def test_orders_complete_whatever_is_killed(starter: Starter, world: World, seed: int) -> None:
    target, probability = list(TARGETS.items())[seed % len(TARGETS)]
    chance = f"{seed}:{probability}:{MOST_KILLS}"
    twice = DeliveryConfig(duplicate=2, shuffle_s=0.2, seed=seed, backoff_max_s=2.0)
    settings = QUICK | {"WORK_LEASE_S": "4"} | ({"CRASH_RANDOM": chance} if target == "all" else {})
    with running(starter.config(delivery=twice, settings=settings), world) as place:
        _run(place, target, chance)
