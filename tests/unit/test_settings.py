"""Settings: every problem at once, by name and never by value."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.energy.shards import SHARD_SITES
from shared.platform.limits import MAX_URL_LIFETIME_S
from shared.settings import BadSettings, Settings, read_settings, variable_names

GOOD = {"PUBLIC_URL": "https://api.example", "GOOGLE_CLOUD_PROJECT": "p", "BUCKET": "b"}


_TESLA_URLS = (
    "TESLA_AUTHORIZE_URL",
    "TESLA_TOKEN_URL",
    "TESLA_JWKS_URL",
    "TESLA_REVOKE_URL",
    "TESLA_API_EU",
    "TESLA_API_NA",
    "TESLA_API_CN",
)
ONE_MACHINE = dict.fromkeys(_TESLA_URLS, "http://127.0.0.1:9")
"""Every Tesla URL at a simulator."""


def test_defaults() -> None:
    settings = read_settings(GOOD)
    assert settings.tesla_region == "eu"
    assert settings.tesla_api_cn.endswith(".tesla.cn")
    assert settings.orders_require == "operator"


def test_every_list_is_read_from_its_variable() -> None:
    for name in variable_names():
        if Settings.__annotations__[name.lower()] == "tuple[str, ...]":
            assert getattr(read_settings({**GOOD, name: "a, b"}), name.lower()) == ("a", "b"), name


NUMBERS = {item.name.upper(): item for item in fields(Settings) if item.type in ("int", "float")}


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_is_read_from_its_variable_within_its_bounds(name: str) -> None:
    least, most = (NUMBERS[name].metadata[bound] for bound in ("least", "most"))
    for good in (least, most):
        assert getattr(read_settings({**GOOD, name: str(good)}), name.lower()) == good
    assert least <= NUMBERS[name].default <= most
    for bad, words in ((least - 1, "at least"), (most + 1, "at most")):
        with pytest.raises(BadSettings, match=f"{name} must be {words}"):
            read_settings({**GOOD, name: str(bad)})


@pytest.mark.parametrize("name", [name for name in NUMBERS if NUMBERS[name].type == "float"])
@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e400"])
def test_a_number_is_finite(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=name):
        read_settings({**GOOD, name: value})


@pytest.mark.parametrize("name", [name for name in NUMBERS if name.endswith(("_S", "_DAYS"))])
def test_a_moment_after_the_longest_time_can_be_told(name: str) -> None:
    most = NUMBERS[name].metadata["most"]
    assert datetime.now(UTC) + timedelta(**{"days" if name.endswith("_DAYS") else "seconds": most})


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("URL_S", MAX_URL_LIFETIME_S),
        ("ENERGY_SHARD_SITES", SHARD_SITES),
        ("ENERGY_DISCHARGE_EFFICIENCY", 1),
        ("ENERGY_PROGRAMME_RESERVE_PERCENT", 100),
    ],
)
def test_what_would_fail_at_every_use_is_refused_at_the_start(name: str, most: Any) -> None:
    assert NUMBERS[name].metadata["most"] == most


def test_all_problems_are_reported_together_without_values() -> None:
    bad = {"TESLA_REGION": "hidden-value", "RETRY_S": "hidden-value", "URL_S": "0"}
    with pytest.raises(BadSettings) as error:
        read_settings(bad)
    text = str(error.value)
    assert all(name in text for name in ("PUBLIC_URL", "TESLA_REGION", "RETRY_S", "URL_S"))
    assert "hidden-value" not in text


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"PUBLIC_URL": "https://a.example"}, "GOOGLE_CLOUD_PROJECT"),
        ({**GOOD, "PUBLIC_URL": "http://api.example"}, "PUBLIC_URL"),
        ({**GOOD, "PUBLIC_URL": "nonsense"}, "PUBLIC_URL"),
        ({**GOOD, "K_SERVICE": "x", "PUSHER": "a@b", "OIDC_AUDIENCE": "c", "OIDC_JWKS_URL": "http://x"}, "OIDC_JWKS"),
        ({**GOOD, "K_SERVICE": "x", "PUSHER": "a@b"}, "OIDC_AUDIENCE"),
        ({**GOOD, "K_SERVICE": "x", "OIDC_AUDIENCE": "c"}, "PUSHER"),
        ({"PUBLIC_URL": "https://a", "BACKEND": "embedded", "K_SERVICE": "x"}, "BACKEND"),
        ({**GOOD, "FETCH_CONCURRENCY": "2.5"}, "whole number"),
        ({**GOOD, "TESLA_TIMEOUT_S": "nan"}, "TESLA_TIMEOUT_S"),
        ({**GOOD, "TESLA_REGIONS": "eu,usa"}, "TESLA_REGIONS .*eu, na, cn"),
        ({**GOOD, "TESLA_REGIONS": "EU"}, "TESLA_REGIONS"),
        ({**GOOD, "TESLA_REGIONS": ","}, "TESLA_REGIONS"),
    ],
)
def test_contradictions_are_named(environ: dict[str, str], named: str) -> None:
    with pytest.raises(BadSettings, match=named):
        read_settings(environ)


def test_on_one_machine_plain_http_will_do() -> None:
    settings = read_settings({**GOOD, **ONE_MACHINE, "PUBLIC_URL": "http://127.0.0.1:8080"})
    assert settings.public_url == "http://127.0.0.1:8080"


LOCAL_HOSTS = ("127.0.0.1", "127.1.2.3", "localhost", "LOCALHOST.", "api.localhost", "[::1]", "0.0.0.0")


@pytest.mark.parametrize("host", LOCAL_HOSTS)
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("real", sorted(ONE_MACHINE))
def test_tesla_itself_never_redirects_to_this_machine(host: str, scheme: str, real: str) -> None:
    one_real = {name: url for name, url in ONE_MACHINE.items() if name != real}
    with pytest.raises(BadSettings, match="PUBLIC_URL"):
        read_settings({**GOOD, **one_real, "PUBLIC_URL": f"{scheme}://{host}:8080"})


@pytest.mark.parametrize(
    "url", ["http://api.example", "ftp://api.example", "https://", "//api.example", "http://[::1"]
)
def test_a_redirect_goes_over_https(url: str) -> None:
    for environ in (GOOD, {**GOOD, **ONE_MACHINE}):
        with pytest.raises(BadSettings, match="PUBLIC_URL"):
            read_settings({**environ, "PUBLIC_URL": url})


def test_every_region_may_be_enabled() -> None:
    assert read_settings({**GOOD, "TESLA_REGIONS": "cn, na,eu"}).tesla_regions == ("cn", "na", "eu")


def test_empty_means_unset() -> None:
    assert read_settings({**GOOD, "TESLA_REGION": " "}).tesla_region == "eu"


@pytest.mark.parametrize("name", ["TESLA_TOKEN_URL", "TESLA_API_EU", "TESLA_JWKS_URL", "TESLA_AUTHORIZE_URL"])
def test_tokens_never_travel_in_the_clear(name: str) -> None:
    with pytest.raises(BadSettings, match=name):
        read_settings({**GOOD, name: "http://fleet.example"})
    assert read_settings({**GOOD, name: "http://127.0.0.1:9"})
