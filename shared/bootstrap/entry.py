"""Entry points: the HTTP functions, the topic functions, and who may pass."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flask

from shared import bootstrap
from shared.bootstrap.lifetime import built_once
from shared.edge.guard import Guard
from shared.edge.oidc import OidcVerifier

if TYPE_CHECKING:
    from shared.accounts.grants import Grant
    from shared.edge.idempotency import Idempotency
    from shared.edge.push import PushHandler

App = Callable[[flask.Request], flask.Response]


@built_once
def guard() -> Guard:
    """Who may pass."""
    return Guard(
        settings=bootstrap.settings(),
        clock=bootstrap.clock,
        verifier=OidcVerifier(bootstrap.settings(), bootstrap.clock, os.environ),
        find_grant=_find_grant,
        idempotency=bootstrap.idempotency,
    )


def _find_grant(key: str) -> Grant | None:
    return bootstrap.grants().find(key)


@built_once
def idempotency() -> Idempotency:
    """The keeper of answers."""
    from shared.edge.idempotency import Idempotency

    return Idempotency(bootstrap.idempotency_claims(), bootstrap.sealer())


@built_once
def http_app(name: str, assets: Path | None = None) -> App:
    """The HTTP function of that name in the manifest. `assets` is the folder of `main.py`."""
    from shared.edge.web import HttpApp

    if name == "partner_key":
        from shared.api import partner_key

        return HttpApp(partner_key.ROUTES, lambda: _public_key, bootstrap.guard())
    from shared.api.tables import routes_of

    return HttpApp(routes_of(name), lambda: bootstrap.services(assets), bootstrap.guard())


def _public_key() -> bytes:
    return bootstrap.secrets().get(bootstrap.settings().tesla_public_key_secret).value


@built_once
def push_app(name: str, assets: Path | None = None) -> App:
    """The topic function of that name in the manifest. `assets` is the folder of `main.py`."""
    from shared.edge.push import PushApp

    return PushApp(lambda: bootstrap.handler(name, assets), bootstrap.guard())


@built_once
def handler(name: str, assets: Path | None) -> PushHandler[Any]:
    """What the topic function does. Raises ValueError for a name that is none."""
    from shared import handlers

    builders: dict[str, Callable[[], PushHandler[Any]]] = {
        "refresh_tokens": lambda: handlers.refresh_tokens(bootstrap.keeper(), bootstrap.consent(), bootstrap.clock),
        "housekeeping": lambda: handlers.housekeeping(bootstrap.due()),
        "start_energy_tick": lambda: handlers.start_energy_tick(bootstrap.fleet_tick(), bootstrap.stop_dispatches()),
        "poll_energy_sites": lambda: handlers.poll_energy_sites(bootstrap.poller()),
        "dispatch_energy": lambda: handlers.dispatch_energy(bootstrap.dispatch_desk()),
        "fetch_order": lambda: handlers.fetch_order(bootstrap.desk(), bootstrap.settings(), bootstrap.ledger()),
        "fetch_vehicle": lambda: handlers.fetch_vehicle(bootstrap.desk(), bootstrap.settings(), bootstrap.ledger()),
    }
    if name == "build_report" and assets is not None:
        return handlers.build_report(bootstrap.desk(), assets / "fonts", bootstrap.settings())
    if name not in builders:
        raise ValueError(f"{name} is no topic function")
    return builders[name]()
