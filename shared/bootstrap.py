"""The composition root: the one module that knows concrete classes. Everything is built lazily, once per process.

An entry point calls `http_app` or `push_app` with its function's name. `documents`, `blobs`, `events` and `secrets`
are the adapters of the chosen backend.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache, partial, wraps
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar
from urllib.parse import urlsplit

import flask

from shared import log
from shared.edge.guard import Guard
from shared.edge.oidc import OidcVerifier
from shared.platform.clock import clock_of
from shared.platform.ports import BlobStore, DocumentStore, EventBus, SecretStore
from shared.settings import Settings, read_settings

if TYPE_CHECKING:
    from shared.accounts.consent import Consent
    from shared.accounts.grants import Grant, Grants
    from shared.accounts.keeper import TokenKeeper
    from shared.accounts.registration import Registrar
    from shared.accounts.session import AccountSession, PartnerTokens
    from shared.api.services import Services
    from shared.edge.idempotency import Idempotency
    from shared.edge.push import PushHandler
    from shared.energy.availability import Rules
    from shared.energy.callers import Callers
    from shared.energy.contracts import ContractMemory
    from shared.energy.desk import EnergyDesk
    from shared.energy.dispatch.desk import DispatchDesk
    from shared.energy.poller import Poller
    from shared.energy.shards import Shards
    from shared.energy.tick import FleetTick
    from shared.orders.desk import Desk
    from shared.platform.due import DueList
    from shared.platform.once import Once
    from shared.platform.sealing import Sealer
    from shared.tesla.breaker import Breaker
    from shared.tesla.client import FleetClient
    from shared.tesla.ledger import Ledger
    from shared.tesla.many import Engine
    from shared.tesla.oauth import Credentials, TeslaAuth
    from shared.tesla.plan_limits import PlanLimits
    from shared.tesla.regions import Regions
    from shared.tesla.setting_writes import SettingWrites
    from shared.tesla.transport import Transport

App = Callable[[flask.Request], flask.Response]
LOCAL_URL_KEY = "local-url-key"
"""Secret that signs download URLs (embedded)."""

_SITE_BYTES = 1_048_576
_COMMAND_S = 10.0
"""Longest wait for an answer to one command of a wave: what it came to is read from the site anyway."""
_RUN_S = 60
"""Housekeeping publishes what is due once a minute."""

clock = clock_of(os.environ)

P = ParamSpec("P")
R = TypeVar("R")
_BUILDING = RLock()


def _once(build: Callable[P, R]) -> Callable[P, R]:
    """Build once per process, also when the first requests come in many threads; `cache_clear` forgets it."""
    cached: Callable[..., R] = cache(build)

    @wraps(build)
    def built(*args: P.args, **kwargs: P.kwargs) -> R:
        with _BUILDING:
            return cached(*args, **kwargs)

    built.__dict__["cache_clear"] = cached.cache_clear  # type: ignore[attr-defined]  # of functools.cache
    return built


class _OfAccount(Protocol):
    def of(self, account: str) -> AccountSession: ...


@_once
def settings() -> Settings:
    """The process's settings. Raises BadSettings."""
    log.setup()
    return read_settings(os.environ)


# Adapters


@_once
def documents() -> DocumentStore:
    """The document store of the backend."""
    if settings().backend == "embedded":
        from shared.platform.embedded.documents import SqliteDocuments

        return SqliteDocuments(Path(settings().state_dir) / "documents.db")
    from shared.platform.gcp.clients import firestore_client
    from shared.platform.gcp.documents import FirestoreDocuments

    chosen = settings()
    client = firestore_client(os.environ)
    return FirestoreDocuments(client, project=chosen.google_cloud_project, database=chosen.firestore_database)


@_once
def blobs() -> BlobStore:
    """The blob store of the backend."""
    chosen = settings()
    if chosen.backend == "embedded":
        from shared.platform.embedded.blobs import FolderBlobs

        folder, key = Path(chosen.state_dir) / "blobs", secrets().get(LOCAL_URL_KEY).value
        return FolderBlobs(folder, base_url=chosen.public_url.rstrip("/"), signing_key=key, clock=clock)
    from shared.platform.gcp.blobs import GcsBlobs
    from shared.platform.gcp.clients import storage_client

    return GcsBlobs(storage_client(os.environ).bucket(chosen.bucket))


@_once
def events() -> EventBus:
    """The event bus of the backend."""
    if settings().backend == "embedded":
        from shared.platform.embedded.events import SqliteEvents

        return SqliteEvents(Path(settings().state_dir) / "events.db", clock)
    from shared.platform.gcp.clients import publisher_client
    from shared.platform.gcp.events import PubSubEvents

    return PubSubEvents(publisher_client(os.environ), settings().google_cloud_project)


@_once
def secrets() -> SecretStore:
    """The secret store of the backend."""
    if settings().backend == "embedded":
        from shared.platform.embedded.secrets import EnvironmentSecrets

        return EnvironmentSecrets(os.environ)
    from shared.platform.gcp.clients import secret_manager_client
    from shared.platform.gcp.secrets import SecretManagerSecrets

    return SecretManagerSecrets(secret_manager_client(os.environ), settings().google_cloud_project)


# Platform services


@_once
def sealer() -> Sealer:
    """Encryption at rest."""
    from shared.platform.sealing import Sealer

    return Sealer(secrets(), settings().token_key_secret)


@_once
def due() -> DueList:
    """The durable to-do list."""
    from shared.accounts.keeper import PLANNED_PER_S, TOPIC
    from shared.platform.due import DueList

    chosen = settings()
    per_run = {TOPIC: PLANNED_PER_S * _RUN_S}
    return DueList(
        documents(), events(), clock, again_s=chosen.due_again_s, grace_s=chosen.outbox_grace_s, per_run=per_run
    )


@_once
def ledger() -> Ledger:
    """What Tesla is asked and what it costs."""
    from shared.tesla.ledger import Ledger, Limits

    limits = Limits(day_usd=settings().tesla_day_budget_usd, order_usd=settings().tesla_order_budget_usd)
    return Ledger(documents(), clock, limits)


@_once
def idempotency_claims() -> Once:
    """Claims of Idempotency-Keys."""
    from shared.edge.idempotency import COLLECTION, KEEP_S
    from shared.platform.once import Once

    return Once(documents(), clock, collection=COLLECTION, keep_s=KEEP_S)


# Tesla


@_once
def transport() -> Transport:
    """The HTTP connections to Tesla."""
    from shared.tesla.transport import Transport

    return Transport(timeout_s=settings().tesla_timeout_s, body_bytes=settings().tesla_body_bytes)


@_once
def regions() -> Regions:
    """The allow list of Fleet API hosts."""
    from shared.tesla.regions import Regions

    chosen = settings()
    return Regions({"eu": chosen.tesla_api_eu, "na": chosen.tesla_api_na, "cn": chosen.tesla_api_cn})


@_once
def tesla_auth() -> TeslaAuth:
    """Tesla's authorization server."""
    from shared.tesla.oauth import AuthUrls, TeslaAuth

    chosen = settings()
    urls = AuthUrls(chosen.tesla_authorize_url, chosen.tesla_token_url, chosen.tesla_jwks_url)
    return TeslaAuth(transport(), urls, regions(), _credentials)


@_once
def fleet_client() -> FleetClient:
    """The Fleet API."""
    from shared.tesla.catalogue import Price
    from shared.tesla.client import FleetClient
    from shared.tesla.request_limits import RequestLimits

    chosen, plan = settings(), plan_limits()
    prices = {
        Price.DATA: chosen.tesla_price_data_usd,
        Price.COMMAND: chosen.tesla_price_command_usd,
        Price.WAKE: chosen.tesla_price_wake_usd,
        Price.SPECS: chosen.tesla_price_specs_usd,
        Price.ENERGY: chosen.tesla_price_energy_usd,
    }
    limits = RequestLimits(documents(), clock, plan, _pepper) if plan.on_requests else None
    return FleetClient(transport(), regions(), clock, prices, _domain(), breaker(), limits)


def _domain() -> str:
    """The host that the application is registered for."""
    return urlsplit(settings().public_url).hostname or ""


@_once
def breaker() -> Breaker:
    """What holds all calls back when the billing limit at Tesla is reached."""
    from shared.tesla.breaker import Breaker

    return Breaker(documents(), clock, settings().tesla_breaker_s)


@_once
def engine() -> Engine:
    """Many calls to Tesla side by side."""
    from shared.tesla.curl_engine import CurlEngine

    # A hundred answers may be held at a time, and none about a site is as large as a document may be.
    return CurlEngine(body_bytes=min(settings().tesla_body_bytes, _SITE_BYTES))


@_once
def plan_limits() -> PlanLimits:
    """How much may be asked of Tesla."""
    from shared.tesla.plan_limits import plan_limits as chosen_limits

    return chosen_limits(settings())


@_once
def setting_writes() -> SettingWrites:
    """Setting writes of energy sites, within the plan."""
    from shared.tesla.setting_writes import SettingWrites

    return SettingWrites(documents(), clock, plan_limits())


def _pepper() -> bytes:
    """Keys digests that are kept for a day."""
    return _credentials().client_secret.encode()


@_once
def _credentials() -> Credentials:
    from shared.tesla.oauth import Credentials

    chosen = settings()
    names = (chosen.tesla_client_id_secret, chosen.tesla_client_secret_secret)
    return Credentials(*(secrets().get(name).value.decode().strip() for name in names))


# Accounts


@_once
def grants() -> Grants:
    """Grants of owners."""
    from shared.accounts.grants import Grants

    return Grants(documents(), clock)


@_once
def keeper() -> TokenKeeper:
    """The keeper of tokens."""
    from shared.accounts.keeper import TokenKeeper
    from shared.accounts.messages import refresh_message

    return TokenKeeper(documents(), sealer(), tesla_auth(), due(), clock, refresh_message)


@_once
def consent() -> Consent:
    """The owner's consent."""
    from shared.accounts.consent import Consent, ConsentRules
    from shared.tesla.catalogue import Contract

    chosen = settings()
    rules = ConsentRules(
        vehicle_scopes=chosen.tesla_vehicle_scopes,
        energy=Contract.BRIEF if chosen.tesla_energy_contract == "brief" else Contract.PUBLISHED,
        auto=chosen.tesla_energy_contract == "auto",
        redirect_uri=f"{chosen.public_url.rstrip('/')}/api/v1/tesla/oauth/callback",
        life_s=chosen.consent_s,
    )
    return Consent(documents(), sealer(), tesla_auth(), keeper(), due(), clock, rules)


@_once
def _partner_tokens() -> PartnerTokens:
    from shared.accounts.session import PartnerTokens

    return PartnerTokens(tesla_auth(), clock)


@_once
def sessions() -> _OfAccount:
    """Where sessions of accounts come from."""
    from shared.accounts.session import AccountSession

    class Sessions:
        """Sessions over this process's keeper and client."""

        def of(self, account: str) -> AccountSession:
            """The Fleet API as the account sees it."""
            return AccountSession(account, keeper(), fleet_client(), _partner_tokens(), regions())

    return Sessions()


@_once
def registrar() -> Registrar:
    """The application's registration at Tesla."""
    from shared.accounts.registration import Registrar

    return Registrar(documents(), fleet_client(), _partner_tokens(), clock, settings().tesla_regions)


# Orders


@_once
def desk() -> Desk:
    """What the workers of orders work with."""
    from shared.orders.book import OrderBook
    from shared.orders.desk import Desk
    from shared.orders.erasure import Erasure
    from shared.orders.fetching import Patience
    from shared.orders.finishing import Finishing
    from shared.orders.schedule import Schedule

    chosen = settings()
    book = OrderBook(documents(), sealer(), clock, lease_s=chosen.work_lease_s)
    schedule = Schedule(due())
    return Desk(
        book=book,
        blobs=blobs(),
        schedule=schedule,
        sessions=sessions(),
        finishing=Finishing(book, blobs(), schedule, events(), clock),
        erasure=Erasure(book, blobs(), schedule, grants(), keeper(), idempotency_claims(), clock),
        clock=clock,
        patience=Patience(
            retry_s=chosen.retry_s,
            attempts=chosen.retry_attempts,
            asleep_retry_s=chosen.asleep_retry_s,
            asleep_wait_s=chosen.asleep_wait_s,
        ),
    )


@_once
def services(assets: Path | None = None) -> Services:
    """What the HTTP handlers work with. `assets` is the folder of `main.py`, where that has any."""
    from shared.accounts.connections import Connections
    from shared.api.services import Services
    from shared.orders.service import OrderRules, OrderService

    chosen = settings()
    rules = OrderRules(days=chosen.order_days, deadline_s=chosen.order_deadline_s)
    orders = OrderService(desk(), grants(), keeper(), rules)
    return Services(
        chosen,
        secrets(),
        consent(),
        keeper(),
        orders,
        desk(),
        registrar,
        ledger,
        grants(),
        Connections(documents()),
        energy_desk,
        dispatch_desk,
        assets / "fonts" if assets else None,
    )


# Energy sites


@_once
def shards() -> Shards:
    """The documents of the fleet's shards."""
    from shared.energy.shards import Shards

    return Shards(documents(), sealer(), clock, sites_per_shard=settings().energy_shard_sites)


@_once
def availability_rules() -> Rules:
    """How it is counted what a site could deliver."""
    from shared.energy.availability import Rules
    from shared.energy.polling import fresh_for

    chosen = settings()
    return Rules(
        discharge_efficiency=chosen.energy_discharge_efficiency,
        programme_reserve_percent=chosen.energy_programme_reserve_percent,
        fresh_s=fresh_for(chosen.energy_poll_every).total_seconds(),
    )


@_once
def contract_memory() -> ContractMemory:
    """Which energy contract each region speaks."""
    from shared.energy.contracts import ContractMemory
    from shared.tesla.catalogue import Contract

    chosen = settings().tesla_energy_contract
    return ContractMemory(documents(), clock, None if chosen == "auto" else Contract(chosen))


@_once
def callers() -> Callers:
    """Access tokens for shards."""
    from shared.energy.callers import Callers

    return Callers(shards(), keeper(), events(), clock)


@_once
def energy_desk() -> EnergyDesk:
    """What everything about the fleet works with."""
    from shared.accounts.connections import Connections
    from shared.energy.commands import SiteCommands
    from shared.energy.desk import EnergyDesk
    from shared.energy.enrolling import Enrolling
    from shared.energy.overview import Overview
    from shared.energy.registry import Registry

    of, registry = sessions().of, Registry(documents(), shards(), clock)
    return EnergyDesk(
        registry=registry,
        shards=shards(),
        enrolling=Enrolling(registry, Connections(documents()), of, keeper()),
        commands=SiteCommands(of, contract_memory(), setting_writes(), clock),
        overview=Overview(documents(), shards(), blobs(), clock, availability_rules()),
        sessions=of,
        blobs=blobs(),
        clock=clock,
        rules=availability_rules(),
        enrolled_for=timedelta(days=settings().enrolment_days),
    )


@_once
def dispatch_desk() -> DispatchDesk:
    """Signals, dispatches and what proves them."""
    from shared.energy.dispatch.conversation import Line
    from shared.energy.dispatch.desk import DispatchDesk, DispatchPorts
    from shared.energy.dispatch.planning import PlanRules
    from shared.energy.dispatch.service import ServiceRules
    from shared.energy.dispatch.shard_worker import WorkRules

    chosen, limits = settings(), plan_limits()
    price_usd = chosen.tesla_price_energy_usd
    ports = DispatchPorts(
        store=documents(),
        due=due(),
        shards=shards(),
        callers=callers(),
        engine=engine(),
        line=Line(regions(), contract_memory(), setting_writes(), clock, breaker(), round(price_usd * 1_000_000)),
        spent=ledger().write,
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
        availability=availability_rules(),
    )
    return DispatchDesk(ports, ServiceRules(work.enabled, plan, limits), work)


def _asked_on(day: date) -> int:
    return sum(found.calls for found in ledger().usage(day, day))


@_once
def fleet_tick() -> FleetTick:
    """What starts ticks."""
    from shared.energy.polling import TICK_S
    from shared.energy.tick import FleetTick, TickRules

    every = max(settings().energy_poll_every, -(-plan_limits().site_read_s // TICK_S))
    price_micro = round(settings().tesla_price_energy_usd * 1_000_000)
    rules = TickRules(every=every, limits=plan_limits(), price_micro=price_micro)
    return FleetTick(documents(), shards(), events(), ledger(), breaker(), clock, rules)


@_once
def poller() -> Poller:
    """What polls one shard."""
    from shared.energy.poller import Poller, PollRules
    from shared.energy.round import RoundRules

    chosen = settings()
    tries = 1 if plan_limits().site_read_s or plan_limits().requests_per_day else chosen.energy_tries
    rules = PollRules(
        concurrency=chosen.energy_concurrency,
        timeout_s=chosen.energy_timeout_s,
        round=RoundRules(tries, round(chosen.tesla_price_energy_usd * 1_000_000), regions(), _domain()),
        availability=availability_rules(),
    )
    return Poller(shards(), callers(), engine(), breaker(), blobs(), clock, rules)


def _stop_dispatches() -> Callable[[], object] | None:
    """What ends every dispatch where the settings allow none; None where they do."""
    if settings().dispatch_enabled == "true":
        return None
    return partial(dispatch_desk().service.stop_all, "settings", "dispatch is switched off")


# Entry points


@_once
def guard() -> Guard:
    """Who may pass."""
    return Guard(
        settings=settings(),
        clock=clock,
        verifier=OidcVerifier(settings(), clock, os.environ),
        find_grant=_find_grant,
        idempotency=_idempotency,
    )


def _find_grant(key: str) -> Grant | None:
    return grants().find(key)


@_once
def _idempotency() -> Idempotency:
    from shared.edge.idempotency import Idempotency

    return Idempotency(idempotency_claims(), sealer())


@_once
def http_app(name: str, assets: Path | None = None) -> App:
    """The HTTP function of that name in the manifest. `assets` is the folder of `main.py`."""
    from shared.edge.web import HttpApp

    if name == "partner_key":
        from shared.api import partner_key

        return HttpApp(partner_key.ROUTES, lambda: _public_key, guard())
    from shared.api.tables import routes_of

    return HttpApp(routes_of(name), lambda: services(assets), guard())


def _public_key() -> bytes:
    return secrets().get(settings().tesla_public_key_secret).value


@_once
def push_app(name: str, assets: Path | None = None) -> App:
    """The topic function of that name in the manifest. `assets` is the folder of `main.py`."""
    from shared.edge.push import PushApp

    return PushApp(lambda: _handler(name, assets), guard())


@_once
def _handler(name: str, assets: Path | None) -> PushHandler[Any]:
    from shared import handlers

    builders: dict[str, Callable[[], PushHandler[Any]]] = {
        "refresh_tokens": lambda: handlers.refresh_tokens(keeper(), consent(), clock),
        "housekeeping": lambda: handlers.housekeeping(due()),
        "start_energy_tick": lambda: handlers.start_energy_tick(fleet_tick(), _stop_dispatches()),
        "poll_energy_sites": lambda: handlers.poll_energy_sites(poller()),
        "dispatch_energy": lambda: handlers.dispatch_energy(dispatch_desk()),
        "fetch_order": lambda: handlers.fetch_order(desk(), settings(), ledger()),
        "fetch_vehicle": lambda: handlers.fetch_vehicle(desk(), settings(), ledger()),
    }
    if name == "build_report" and assets is not None:
        return handlers.build_report(desk(), assets / "fonts", settings())
    if name not in builders:
        raise ValueError(f"{name} is no topic function")
    return builders[name]()
