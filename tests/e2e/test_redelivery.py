"""Every message twice and in any order: one call per question, one report per vehicle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from shared.orders.packages import PACKAGES
from tests.e2e.conftest import Starter
from tests.e2e.place import WITHIN_S, Place, World, running
from tests.stack.config import DeliveryConfig

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def place(starter: Starter, world: World) -> Iterator[Place]:
    """A stack that delivers everything twice and shuffled; leases as long as by default."""
    twice = DeliveryConfig(duplicate=2, shuffle_s=0.3, seed=11)
    with running(starter.config(delivery=twice, settings={}), world) as open_place:
        yield open_place


def test_each_question_is_put_to_tesla_once(place: Place) -> None:
    owners = [place.ordered() for _ in range(2)]
    for owner in owners:
        view = owner.wait(WITHIN_S)
        assert view["status"] == "completed"
        counts = Counter((call.endpoint, call.vin) for call in place.calls(owner))
        for vin in owner.vins:
            assert [counts[name, vin] for name in PACKAGES["complete"].modules if name != "fleet_status"] == [1] * 8
        assert counts["fleet_status", None] == 2
        assert counts["charging_history", None] == 1
        invoices = Counter(call.path for call in place.calls(owner) if call.endpoint == "charging_invoice")
        assert set(invoices.values()) == {1}
        assert len(invoices) == sum(vehicle["invoices"]["ok"] for vehicle in view["vehicles"])
    place.stack.wait_idle()
    deliveries = Counter(each.message_id for each in place.stack.deliveries if each.topic == "fetch-vehicle")
    assert min(deliveries.values()) >= 2
    for owner in owners:
        reports = [name for name in place.stores.objects(owner.order_id) if name.endswith("report.pdf")]
        assert len(reports) == 2
        assert place.repeated(owner) == []
