"""Dispatches of energy sites."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from shared import bootstrap
from shared.bootstrap.lifetime import built_once

if TYPE_CHECKING:
    from shared.energy.dispatch.desk import DispatchDesk

_COMMAND_S = 10.0
"""Longest wait for an answer to one command of a wave: what it came to is read from the site anyway."""


@built_once
def dispatch_desk() -> DispatchDesk:
    """Signals, dispatches and what proves them."""
    from shared.energy.dispatch.conversation import Line
    from shared.energy.dispatch.desk import DispatchDesk, DispatchPorts
    from shared.energy.dispatch.model import Retention
    from shared.energy.dispatch.planning import PlanRules
    from shared.energy.dispatch.service import ServiceRules
    from shared.energy.dispatch.shard_worker import WorkRules

    chosen, limits = bootstrap.settings(), bootstrap.plan_limits()
    price_usd = chosen.tesla_price_energy_usd
    ports = DispatchPorts(
        store=bootstrap.documents(),
        due=bootstrap.due(),
        shards=bootstrap.shards(),
        callers=bootstrap.callers(),
        engine=bootstrap.engine(),
        line=Line(
            bootstrap.regions(),
            bootstrap.contract_memory(),
            bootstrap.setting_writes(),
            bootstrap.clock,
            bootstrap.breaker(),
            round(price_usd * 1_000_000),
        ),
        spent=bootstrap.ledger().write,
        asked_on=_asked_on,
    )
    plan = PlanRules(margin=chosen.dispatch_margin_percent / 100, price_usd=price_usd)
    work = WorkRules(
        concurrency=chosen.dispatch_concurrency,
        timeout_s=min(_COMMAND_S, chosen.tesla_timeout_s),
        lease_s=chosen.work_lease_s,
        spare_s=min(30.0, chosen.work_lease_s / 4),
        requests_per_s=limits.requests_per_s,
        enabled=chosen.dispatch_enabled == "true",
        availability=bootstrap.availability_rules(),
    )
    retention = Retention(evidence_days=chosen.dispatch_days, work_days=chosen.dispatch_work_days)
    return DispatchDesk(ports, ServiceRules(work.enabled, plan, limits, retention), work)


def _asked_on(day: date) -> int:
    return sum(found.calls for found in bootstrap.ledger().usage(day, day))


def stop_dispatches() -> Callable[[], object] | None:
    """What ends every dispatch where the settings allow none; None where they do."""
    if bootstrap.settings().dispatch_enabled == "true":
        return None
    return partial(bootstrap.dispatch_desk().service.stop_all, "settings", "dispatch is switched off")
