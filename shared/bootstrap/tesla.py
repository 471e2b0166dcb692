"""Tesla: connections, credentials, limits, what calls cost."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared import bootstrap
from shared.bootstrap.lifetime import built_once

if TYPE_CHECKING:
    from shared.tesla.breaker import Breaker
    from shared.tesla.client import FleetClient
    from shared.tesla.ledger import Ledger
    from shared.tesla.many import Engine
    from shared.tesla.oauth import Credentials, TeslaAuth
    from shared.tesla.plan_limits import PlanLimits
    from shared.tesla.regions import Installation, Regions
    from shared.tesla.setting_writes import SettingWrites
    from shared.tesla.transport import Transport

_SITE_BYTES = 1_048_576


@built_once
def transport() -> Transport:
    """The HTTP connections to Tesla."""
    from shared.tesla.transport import Transport

    return Transport(timeout_s=bootstrap.settings().tesla_timeout_s, body_bytes=bootstrap.settings().tesla_body_bytes)


@built_once
def regions() -> Regions:
    """The allow list of Fleet API hosts."""
    from shared.tesla.regions import Regions

    chosen = bootstrap.settings()
    return Regions({"eu": chosen.tesla_api_eu, "na": chosen.tesla_api_na, "cn": chosen.tesla_api_cn})


@built_once
def tesla_auth() -> TeslaAuth:
    """Tesla's authorization server."""
    from shared.tesla.oauth import AuthUrls, TeslaAuth

    chosen = bootstrap.settings()
    urls = AuthUrls(chosen.tesla_authorize_url, chosen.tesla_token_url, chosen.tesla_jwks_url)
    return TeslaAuth(bootstrap.transport(), urls, bootstrap.regions(), bootstrap.credentials)


@built_once
def fleet_client() -> FleetClient:
    """The Fleet API."""
    from shared.tesla.catalogue import Price
    from shared.tesla.client import FleetClient
    from shared.tesla.request_limits import RequestLimits

    chosen, plan = bootstrap.settings(), bootstrap.plan_limits()
    prices = {
        Price.DATA: chosen.tesla_price_data_usd,
        Price.COMMAND: chosen.tesla_price_command_usd,
        Price.WAKE: chosen.tesla_price_wake_usd,
        Price.SPECS: chosen.tesla_price_specs_usd,
        Price.ENERGY: chosen.tesla_price_energy_usd,
    }
    limits = RequestLimits(bootstrap.documents(), bootstrap.clock, plan, _pepper) if plan.on_requests else None
    return FleetClient(
        bootstrap.transport(),
        bootstrap.regions(),
        bootstrap.clock,
        prices,
        bootstrap.installation(),
        bootstrap.breaker(),
        limits,
    )


@built_once
def installation() -> Installation:
    """How operators are told to reach this installation: by what it has of its own among what `./run` reads."""
    from shared.settings import Settings
    from shared.tesla.regions import Installation

    chosen = bootstrap.settings()
    own: dict[str, str] = {}
    if chosen.backend == "gcp":
        own["GOOGLE_CLOUD_PROJECT"] = chosen.google_cloud_project
        if chosen.firestore_database != Settings.firestore_database:
            own["FIRESTORE_DATABASE"] = chosen.firestore_database
    if chosen.tesla_regions != Settings.tesla_regions:
        own["TESLA_REGIONS"] = ",".join(chosen.tesla_regions)
    return Installation(urlsplit(chosen.public_url).hostname or "", tuple(own.items()))


@built_once
def breaker() -> Breaker:
    """What holds all calls back when the billing limit at Tesla is reached."""
    from shared.tesla.breaker import Breaker

    return Breaker(bootstrap.documents(), bootstrap.clock, bootstrap.settings().tesla_breaker_s)


@built_once
def engine() -> Engine:
    """Many calls to Tesla side by side."""
    from shared.tesla.curl_engine import CurlEngine

    # A hundred answers may be held at a time, and none about a site is as large as a document may be.
    return CurlEngine(body_bytes=min(bootstrap.settings().tesla_body_bytes, _SITE_BYTES))


@built_once
def plan_limits() -> PlanLimits:
    """How much may be asked of Tesla."""
    from shared.tesla.plan_limits import plan_limits as chosen_limits

    return chosen_limits(bootstrap.settings())


@built_once
def setting_writes() -> SettingWrites:
    """Setting writes of energy sites, within the plan."""
    from shared.tesla.setting_writes import SettingWrites

    return SettingWrites(bootstrap.documents(), bootstrap.clock, bootstrap.plan_limits())


def _pepper() -> bytes:
    """Keys digests that are kept for a day."""
    return bootstrap.credentials().client_secret.encode()


@built_once
def credentials() -> Credentials:
    """The application's id and secret at Tesla, as they were when this process first asked. Raises NotFound."""
    from shared.tesla.oauth import Credentials

    chosen = bootstrap.settings()
    names = (chosen.tesla_client_id_secret, chosen.tesla_client_secret_secret)
    return Credentials(*(bootstrap.secrets().get(name).value.decode().strip() for name in names))


@built_once
def ledger() -> Ledger:
    """What Tesla is asked and what it costs."""
    from shared.tesla.ledger import Ledger, Limits

    limits = Limits(
        day_usd=bootstrap.settings().tesla_day_budget_usd, order_usd=bootstrap.settings().tesla_order_budget_usd
    )
    return Ledger(bootstrap.documents(), bootstrap.clock, limits)
