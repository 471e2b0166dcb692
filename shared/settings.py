"""Settings: read once from the environment, all problems reported together.

Each field of `Settings` is one environment variable of the same name in capitals; docs/settings.md has the table. A
number has bounds within which everything works, so that a value that cannot be used is refused at the start. Secrets
are not settings: the ``*_secret`` fields name secrets, whose values come from the secret store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from ipaddress import ip_address
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit


class BadSettings(Exception):
    """One or more environment variables cannot be used; the message names each, never its value."""


def _setting(doc: str, default: Any = MISSING, *, least: float | None = None, most: float | None = None) -> Any:
    metadata = {"doc": doc, "least": least, "most": most}
    if default is MISSING:
        return field(metadata=metadata)
    return field(default=default, metadata=metadata)


_DAY_S, _MONTH_S, _TEN_YEARS_DAYS = 86_400, 30 * 86_400, 3_650
_DEAREST_CALL_USD, _LARGEST_BUDGET_USD = 1_000, 1_000_000
_MOST_CALLS = 1_000_000_000


def _limit(doc: str) -> Any:
    return _setting(f"{doc}; -1: as TESLA_LIMITS says, 0: no limit", -1, least=-1, most=_MOST_CALLS)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)  # every function makes this class when it starts
class Settings:
    """Everything that differs between environments. Durations are seconds, prices US dollars."""

    # Where the service runs
    backend: Literal["gcp", "embedded"] = _setting("adapter set: Google Cloud, or one machine without it", "gcp")
    google_cloud_project: str = _setting("project that holds topics and secrets (gcp)", "")
    firestore_database: str = _setting("Firestore database (gcp)", "(default)")
    bucket: str = _setting("bucket for snapshots, reports and invoices (gcp)", "")
    state_dir: str = _setting("folder that holds all state (embedded)", ".local")
    clock_offset_file: str = _setting("file with the seconds that the clock is ahead of the machine's (embedded)", "")
    public_url: str = _setting("own base URL, as Tesla and owners reach it")
    frontend_url: str = _setting("page that receives the consent claim in its fragment; empty: a page of our own", "")
    cors_origins: tuple[str, ...] = _setting("origins that browsers may call from, comma separated", ())

    # Who may call
    orders_require: Literal["none", "operator"] = _setting(
        "who may create orders and enrolments and start consents: anybody, or CREATORS and OPERATORS",
        "operator",
    )
    creators: tuple[str, ...] = _setting(
        "e-mail addresses of principals that may do that and nothing else (the frontend), comma separated",
        (),
    )
    operators: tuple[str, ...] = _setting(
        "e-mail addresses of operator principals, who may do everything, comma separated", ()
    )
    pusher: str = _setting("e-mail address of the account that pushes messages", "")
    oidc_audience: str = _setting("audience that OIDC tokens must name", "")
    oidc_issuer: str = _setting("issuer of OIDC tokens", "https://accounts.google.com")
    oidc_jwks_url: str = _setting("keys of the OIDC issuer", "https://www.googleapis.com/oauth2/v3/certs")

    # Tesla
    tesla_region: Literal["eu", "na", "cn"] = _setting("region assumed before the owner's is known", "eu")
    tesla_regions: tuple[Literal["eu", "na", "cn"], ...] = _setting(
        "regions that the application registers in, comma separated", ("eu", "na")
    )
    tesla_authorize_url: str = _setting("consent page", "https://auth.tesla.com/oauth2/v3/authorize")
    tesla_token_url: str = _setting("token exchange", "https://fleet-auth.prd.vn.cloud.tesla.com/oauth2/v3/token")
    tesla_jwks_url: str = _setting(
        "keys that sign id_tokens",
        "https://fleet-auth.prd.vn.cloud.tesla.com/oauth2/v3/discovery/thirdparty/keys",
    )
    tesla_revoke_url: str = _setting(
        "page where an owner withdraws consent", "https://auth.tesla.com/user/revoke/consent"
    )
    tesla_api_eu: str = _setting("Fleet API, Europe", "https://fleet-api.prd.eu.vn.cloud.tesla.com")
    tesla_api_na: str = _setting("Fleet API, North America", "https://fleet-api.prd.na.vn.cloud.tesla.com")
    tesla_api_cn: str = _setting("Fleet API, China", "https://fleet-api.prd.cn.vn.cloud.tesla.cn")
    tesla_vehicle_scopes: tuple[str, ...] = _setting(
        "scopes asked of a vehicle owner, comma separated",
        ("openid", "offline_access", "vehicle_device_data", "vehicle_charging_cmds", "vehicle_specs"),
    )
    tesla_energy_contract: Literal["auto", "published", "brief"] = _setting(
        "energy scopes and writes: Tesla's published ones, those of older recipes, or whichever Tesla takes", "auto"
    )
    tesla_client_id_secret: str = _setting("secret id of the client id", "bnc-cpt-tesla-client-id")
    tesla_client_secret_secret: str = _setting("secret id of the client secret", "bnc-cpt-tesla-client-secret")
    tesla_public_key_secret: str = _setting("secret id of the public key (PEM)", "bnc-cpt-tesla-public-key")
    tesla_private_key_secret: str = _setting(
        "secret id of the private key (PEM); no function reads it", "bnc-cpt-tesla-private-key"
    )
    token_key_secret: str = _setting("secret id of the keys that seal tokens", "bnc-cpt-token-key")
    tesla_timeout_s: float = _setting("longest wait for one answer", 25.0, least=0.1, most=60)
    tesla_body_bytes: int = _setting("largest answer read", 8_388_608, least=1024, most=67_108_864)
    tesla_price_data_usd: float = _setting("price of a data request", 0.002, least=0, most=_DEAREST_CALL_USD)
    tesla_price_command_usd: float = _setting("price of a command", 0.001, least=0, most=_DEAREST_CALL_USD)
    tesla_price_wake_usd: float = _setting("price of a wake-up", 0.02, least=0, most=_DEAREST_CALL_USD)
    tesla_price_specs_usd: float = _setting("price of a specs result", 0.10, least=0, most=_DEAREST_CALL_USD)
    tesla_price_energy_usd: float = _setting(
        "price of a call about an energy site, for which Tesla publishes none", 0.0, least=0, most=_DEAREST_CALL_USD
    )
    tesla_breaker_s: int = _setting(
        "calls held back after Tesla's billing limit was reached", 900, least=1, most=_DAY_S
    )
    tesla_day_budget_usd: float = _setting(
        "most that all Tesla calls of a day may cost; 0: no limit", 0.0, least=0, most=_LARGEST_BUDGET_USD
    )
    tesla_order_budget_usd: float = _setting(
        "most that one order's Tesla calls may cost; 0: no limit", 2.0, least=0, most=_LARGEST_BUDGET_USD
    )
    tesla_limits: Literal["none", "retired_plan"] = _setting(
        "limits on calls to Tesla: none, or those of the plans that Tesla retired; calls over them wait", "none"
    )
    tesla_limit_requests_per_s: int = _limit("requests of the application a second")
    tesla_limit_requests_per_day: int = _limit("requests of the application a day")
    tesla_limit_site_read_s: int = _limit("seconds between two reads of an energy site")
    tesla_limit_site_writes_per_day: int = _limit("setting writes of an energy site a day")
    tesla_limit_site_tariffs_per_month: int = _limit("tariff changes of an energy site a month")
    tesla_limit_vehicle_data_per_day: int = _limit("data requests of a vehicle a day")
    tesla_limit_vehicle_commands_per_day: int = _limit("commands of a vehicle a day")
    tesla_limit_vehicle_wakes_per_day: int = _limit("wake-ups of a vehicle a day")

    # Orders
    consent_s: int = _setting("life of a consent in progress and of an unclaimed one", 600, least=1, most=_DAY_S)
    order_days: int = _setting(
        "days an order, its reports and its history are kept", 90, least=1, most=_TEN_YEARS_DAYS
    )
    order_deadline_s: int = _setting(
        "after this a running order ends with what it has", 93_600, least=1, most=_MONTH_S
    )
    asleep_retry_s: int = _setting("pause between looks at a sleeping vehicle", 900, least=1, most=_DAY_S)
    asleep_wait_s: int = _setting("how long a sleeping vehicle is waited for", 86_400, least=0, most=_MONTH_S)
    retry_s: int = _setting("pause before a refused or failed Tesla call is tried again", 60, least=1, most=_DAY_S)
    retry_attempts: int = _setting("tries of a module that Tesla fails to answer", 4, least=1, most=100)
    history_page_size: int = _setting("charging sessions asked for per page", 50, least=1, most=1_000)
    fetch_concurrency: int = _setting("Tesla calls of one vehicle side by side", 24, least=1, most=100)
    report_fallback_fonts: tuple[str, ...] = _setting(
        "font files for scripts that the report's own fonts lack, comma separated; those that are installed are used",
        (
            "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
            "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
        ),
    )
    url_s: int = _setting(
        "life of a download URL; one of more than 12 hours may end early, when Google changes the key that signed it",
        3600,
        least=1,
        most=7 * _DAY_S,
    )

    # Energy sites
    enrolment_days: int = _setting(
        "days an enrolment, its grant and its tokens are kept", 1095, least=1, most=_TEN_YEARS_DAYS
    )
    energy_shard_sites: int = _setting("energy sites polled by one message", 500, least=1, most=500)
    energy_poll_every: int = _setting(
        "5-minute ticks between two polls of a site, outside events", 1, least=1, most=288
    )
    energy_concurrency: int = _setting("Tesla calls of one shard side by side", 100, least=1, most=1_000)
    energy_timeout_s: float = _setting("longest wait for one answer about an energy site", 2.5, least=0.1, most=60)
    energy_tries: int = _setting("tries of a poll of one site", 2, least=1, most=10)
    energy_discharge_efficiency: float = _setting(
        "share of the stored energy that arrives when a battery discharges", 0.95, least=0.1, most=1
    )
    energy_programme_reserve_percent: float = _setting(
        "charge in percent that dispatch leaves in every battery, whatever its own reserve", 0.0, least=0, most=100
    )
    dispatch_enabled: Literal["true", "false"] = _setting(
        "whether homes are dispatched; false: nothing new begins, what runs is restored", "true"
    )
    dispatch_concurrency: int = _setting(
        "Tesla calls of one shard of a dispatch side by side", 200, least=1, most=1_000
    )
    dispatch_margin_percent: float = _setting("how much more than asked is committed", 5.0, least=0, most=100)
    dispatch_days: int = _setting(
        "days a dispatch that is over, what was done at its sites and its audit trail are kept",
        1825,
        least=90,
        most=_TEN_YEARS_DAYS,
    )
    dispatch_work_days: int = _setting(
        "days after an event for which is kept what only running it needed: plans, event tariffs, refused signals",
        120,
        least=60,
        most=_TEN_YEARS_DAYS,
    )

    # Delivery
    message_max_age_s: int = _setting(
        "older messages are recorded as expired, not executed", 86_400, least=1, most=7 * _DAY_S
    )
    message_attempts: int = _setting("deliveries before a message is a dead letter", 8, least=5, most=100)
    work_lease_s: int = _setting("a worker silent for this long is taken to be dead", 300, least=1, most=_DAY_S)
    due_again_s: int = _setting("unfinished work is published again after this long", 600, least=1, most=_DAY_S)
    outbox_grace_s: int = _setting(
        "a message not published by then is published by housekeeping", 60, least=1, most=_DAY_S
    )


_TOKEN_URLS = (
    "tesla_authorize_url",
    "tesla_token_url",
    "tesla_jwks_url",
    "tesla_revoke_url",
    "tesla_api_eu",
    "tesla_api_na",
    "tesla_api_cn",
)


def variable_names() -> list[str]:
    """The environment variables that are read, in the order of the table."""
    return [item.name.upper() for item in fields(Settings)]


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from environment variables; empty ones count as unset. Raises BadSettings with every problem."""
    hints, values, problems = get_type_hints(Settings), {}, []
    for item in fields(Settings):
        text = environ.get(item.name.upper(), "").strip()
        if not text:
            if item.default is MISSING:
                problems.append(f"{item.name.upper()} is not set ({item.metadata['doc']})")
            continue
        try:
            values[item.name] = _parse(text, hints[item.name], item.metadata)
        except ValueError as error:
            problems.append(f"{item.name.upper()} {error}")
    if not problems:
        settings = Settings(**values)
        problems = list(_contradictions(settings, environ))
        if not problems:
            return settings
    raise BadSettings("; ".join(problems))


def _parse(text: str, hint: Any, metadata: Mapping[str, Any]) -> Any:
    if get_origin(hint) is Literal:
        if text not in get_args(hint):
            raise ValueError(f"must be one of {', '.join(get_args(hint))}")
        return text
    if get_origin(hint) is tuple:
        return _listed(text, get_args(hint)[0])
    if hint in (int, float):
        return _number(text, hint, metadata["least"], metadata["most"])
    if isinstance(hint, UnionType):
        raise TypeError("a setting has one type")
    return text


def _listed(text: str, kind: Any) -> tuple[str, ...]:
    """The parts of a list; where only some words may stand in it, it names at least one. Raises ValueError."""
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    allowed = get_args(kind)
    if allowed and not (parts and set(parts) <= set(allowed)):
        raise ValueError(f"must list one or more of {', '.join(allowed)}")
    return parts


def _number(text: str, kind: type[int] | type[float], least: float | None, most: float | None) -> int | float:
    try:
        value = kind(text)
    except ValueError:
        raise ValueError(f"must be a {'whole ' if kind is int else ''}number") from None
    if least is not None and not value >= least:
        raise ValueError(f"must be at least {least:.10g}")
    if most is not None and not value <= most:
        raise ValueError(f"must be at most {most:.10g}")
    return value


def _contradictions(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    deployed = "K_SERVICE" in environ
    issuer_keys = next(item.default for item in fields(Settings) if item.name == "oidc_jwks_url")
    checks = [
        (
            settings.backend == "gcp" and not settings.google_cloud_project,
            "GOOGLE_CLOUD_PROJECT is not set (gcp)",
        ),
        (settings.backend == "gcp" and not settings.bucket, "BUCKET is not set (gcp)"),
        (deployed and settings.backend != "gcp", "BACKEND must be gcp on Cloud Run"),
        (
            deployed and bool(settings.clock_offset_file),
            "CLOCK_OFFSET_FILE must not be set on Cloud Run",
        ),
        (
            deployed and settings.oidc_jwks_url != issuer_keys,
            "OIDC_JWKS_URL must not be changed on Cloud Run",
        ),
        (deployed and not settings.oidc_audience, "OIDC_AUDIENCE is not set"),
        (deployed and not settings.pusher, "PUSHER is not set"),
        (
            not _may_be_redirected_to(settings),
            "PUBLIC_URL must be an https:// URL of a public host, Tesla redirects owners there"
            " (of this machine only with every Tesla URL on this machine too)",
        ),
        *(
            (not _is_web_url(getattr(settings, name)), f"{name.upper()} must be an https:// URL, tokens go there")
            for name in _TOKEN_URLS
        ),
    ]
    return [problem for wrong, problem in checks if wrong]


def _may_be_redirected_to(settings: Settings) -> bool:
    """Whether an owner's consent may end here: over HTTPS at a public host, or all of it on one machine."""
    if not _is_local(settings.public_url):
        return _scheme_and_host(settings.public_url)[0] == "https"
    return _is_web_url(settings.public_url) and all(_is_local(getattr(settings, name)) for name in _TOKEN_URLS)


def _is_web_url(url: str) -> bool:
    scheme, _host = _scheme_and_host(url)
    return scheme == "https" or (scheme == "http" and _is_local(url))


def _is_local(url: str) -> bool:
    """Whether the URL's host is this machine, whatever way that is written."""
    host = _scheme_and_host(url)[1].rstrip(".")
    try:
        return ip_address(host).is_loopback or ip_address(host).is_unspecified
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _scheme_and_host(url: str) -> tuple[str, str]:
    """Both, or two empty strings for what is no URL with a host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return (parts.scheme, parts.hostname) if parts.hostname else ("", "")
