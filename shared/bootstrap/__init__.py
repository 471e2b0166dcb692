"""The composition root: the one place that knows concrete classes. Everything is built lazily, once per process.

An entry point calls `http_app` or `push_app` with its function's name. `documents`, `blobs`, `events` and `secrets`
are the adapters of the chosen backend. This is the door to all of it: what is wired where stands in `_HOMES`, and a
module is loaded when the first of its names is asked for, so that a function pays for what it uses. The modules ask
each other through the door alone: what a test puts here in the place of a name is what everybody gets.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from shared import log
from shared.bootstrap.lifetime import built_once
from shared.platform.clock import clock_of
from shared.settings import Settings, read_settings

if TYPE_CHECKING:
    from shared.bootstrap.accounts import consent as consent
    from shared.bootstrap.accounts import grants as grants
    from shared.bootstrap.accounts import keeper as keeper
    from shared.bootstrap.accounts import partner_tokens as partner_tokens
    from shared.bootstrap.accounts import registrar as registrar
    from shared.bootstrap.accounts import sessions as sessions
    from shared.bootstrap.adapters import LOCAL_URL_KEY as LOCAL_URL_KEY
    from shared.bootstrap.adapters import blobs as blobs
    from shared.bootstrap.adapters import documents as documents
    from shared.bootstrap.adapters import due as due
    from shared.bootstrap.adapters import events as events
    from shared.bootstrap.adapters import idempotency_claims as idempotency_claims
    from shared.bootstrap.adapters import sealer as sealer
    from shared.bootstrap.adapters import secrets as secrets
    from shared.bootstrap.dispatch import dispatch_desk as dispatch_desk
    from shared.bootstrap.dispatch import stop_dispatches as stop_dispatches
    from shared.bootstrap.energy import availability_rules as availability_rules
    from shared.bootstrap.energy import callers as callers
    from shared.bootstrap.energy import contract_memory as contract_memory
    from shared.bootstrap.energy import energy_desk as energy_desk
    from shared.bootstrap.energy import fleet_tick as fleet_tick
    from shared.bootstrap.energy import poller as poller
    from shared.bootstrap.energy import shards as shards
    from shared.bootstrap.entry import guard as guard
    from shared.bootstrap.entry import handler as handler
    from shared.bootstrap.entry import http_app as http_app
    from shared.bootstrap.entry import idempotency as idempotency
    from shared.bootstrap.entry import push_app as push_app
    from shared.bootstrap.orders import desk as desk
    from shared.bootstrap.orders import services as services
    from shared.bootstrap.tesla import breaker as breaker
    from shared.bootstrap.tesla import credentials as credentials
    from shared.bootstrap.tesla import engine as engine
    from shared.bootstrap.tesla import fleet_client as fleet_client
    from shared.bootstrap.tesla import installation as installation
    from shared.bootstrap.tesla import ledger as ledger
    from shared.bootstrap.tesla import plan_limits as plan_limits
    from shared.bootstrap.tesla import regions as regions
    from shared.bootstrap.tesla import setting_writes as setting_writes
    from shared.bootstrap.tesla import tesla_auth as tesla_auth
    from shared.bootstrap.tesla import transport as transport

_HOMES = {
    "entry": "guard handler http_app idempotency push_app",
    "adapters": "LOCAL_URL_KEY blobs documents due events idempotency_claims sealer secrets",
    "tesla": "breaker credentials engine fleet_client installation ledger plan_limits regions "
    "setting_writes tesla_auth transport",
    "accounts": "consent grants keeper partner_tokens registrar sessions",
    "orders": "desk services",
    "energy": "availability_rules callers contract_memory energy_desk fleet_tick poller shards",
    "dispatch": "dispatch_desk stop_dispatches",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

clock = clock_of(os.environ)


@built_once
def settings() -> Settings:
    """The process's settings. Raises BadSettings."""
    log.setup()
    return read_settings(os.environ)


if not TYPE_CHECKING:  # to type checkers every name would be one

    def __getattr__(name: str) -> object:
        """What another module wires, kept here from then on. Raises AttributeError."""
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found: object = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
        globals()[name] = found
        return found
