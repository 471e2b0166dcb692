"""The fleet of energy sites: shards, polls, ticks, commands."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared import bootstrap
from shared.bootstrap.lifetime import built_once

if TYPE_CHECKING:
    from shared.energy.availability import Rules
    from shared.energy.callers import Callers
    from shared.energy.contracts import ContractMemory
    from shared.energy.desk import EnergyDesk
    from shared.energy.poller import Poller
    from shared.energy.shards import Shards
    from shared.energy.tick import FleetTick


@built_once
def shards() -> Shards:
    """The documents of the fleet's shards."""
    from shared.energy.shards import Shards

    return Shards(
        bootstrap.documents(),
        bootstrap.sealer(),
        bootstrap.clock,
        sites_per_shard=bootstrap.settings().energy_shard_sites,
    )


@built_once
def availability_rules() -> Rules:
    """How it is counted what a site could deliver."""
    from shared.energy.availability import Rules
    from shared.energy.polling import fresh_for

    chosen = bootstrap.settings()
    return Rules(
        discharge_efficiency=chosen.energy_discharge_efficiency,
        programme_reserve_percent=chosen.energy_programme_reserve_percent,
        fresh_s=fresh_for(chosen.energy_poll_every).total_seconds(),
    )


@built_once
def contract_memory() -> ContractMemory:
    """Which energy contract each region speaks."""
    from shared.energy.contracts import ContractMemory
    from shared.tesla.catalogue import Contract

    chosen = bootstrap.settings().tesla_energy_contract
    return ContractMemory(bootstrap.documents(), bootstrap.clock, None if chosen == "auto" else Contract(chosen))


@built_once
def callers() -> Callers:
    """Access tokens for shards."""
    from shared.energy.callers import Callers

    return Callers(bootstrap.shards(), bootstrap.keeper(), bootstrap.events(), bootstrap.clock)


@built_once
def energy_desk() -> EnergyDesk:
    """What everything about the fleet works with."""
    from shared.accounts.connections import Connections
    from shared.energy.commands import SiteCommands
    from shared.energy.desk import EnergyDesk
    from shared.energy.enrolling import Enrolling
    from shared.energy.overview import Overview
    from shared.energy.registry import Registry

    of, registry = bootstrap.sessions().of, Registry(bootstrap.documents(), bootstrap.shards(), bootstrap.clock)
    return EnergyDesk(
        registry=registry,
        shards=bootstrap.shards(),
        enrolling=Enrolling(registry, Connections(bootstrap.documents()), of, bootstrap.keeper()),
        commands=SiteCommands(of, bootstrap.contract_memory(), bootstrap.setting_writes(), bootstrap.clock),
        overview=Overview(
            bootstrap.documents(),
            bootstrap.shards(),
            bootstrap.blobs(),
            bootstrap.clock,
            bootstrap.availability_rules(),
        ),
        sessions=of,
        blobs=bootstrap.blobs(),
        clock=bootstrap.clock,
        rules=bootstrap.availability_rules(),
        enrolled_for=timedelta(days=bootstrap.settings().enrolment_days),
    )


@built_once
def fleet_tick() -> FleetTick:
    """What starts ticks."""
    from shared.energy.polling import TICK_S
    from shared.energy.tick import FleetTick, TickRules

    every = max(bootstrap.settings().energy_poll_every, -(-bootstrap.plan_limits().site_read_s // TICK_S))
    price_micro = round(bootstrap.settings().tesla_price_energy_usd * 1_000_000)
    rules = TickRules(every=every, limits=bootstrap.plan_limits(), price_micro=price_micro)
    return FleetTick(
        bootstrap.documents(),
        bootstrap.shards(),
        bootstrap.events(),
        bootstrap.ledger(),
        bootstrap.breaker(),
        bootstrap.clock,
        rules,
    )


@built_once
def poller() -> Poller:
    """What polls one shard."""
    from shared.energy.poller import Poller, PollRules
    from shared.energy.round import RoundRules

    chosen = bootstrap.settings()
    tries = (
        1 if bootstrap.plan_limits().site_read_s or bootstrap.plan_limits().requests_per_day else chosen.energy_tries
    )
    rules = PollRules(
        concurrency=chosen.energy_concurrency,
        timeout_s=chosen.energy_timeout_s,
        round=RoundRules(
            tries, round(chosen.tesla_price_energy_usd * 1_000_000), bootstrap.regions(), bootstrap.installation()
        ),
        availability=bootstrap.availability_rules(),
    )
    return Poller(
        bootstrap.shards(),
        bootstrap.callers(),
        bootstrap.engine(),
        bootstrap.breaker(),
        bootstrap.blobs(),
        bootstrap.clock,
        rules,
    )
