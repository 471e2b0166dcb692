"""Settings: every problem at once, by name and never by value."""

from __future__ import annotations

import pytest

from shared.settings import BadSettings, Settings, read_settings, variable_names

GOOD = {"PUBLIC_URL": "https://api.example", "GOOGLE_CLOUD_PROJECT": "p", "BUCKET": "b"}


def test_defaults() -> None:
    settings = read_settings(GOOD)
    assert settings.tesla_region == "eu"
    assert settings.tesla_api_cn.endswith(".tesla.cn")
    assert settings.orders_require == "operator"


def test_every_number_and_list_is_read_from_its_variable() -> None:
    texts = {"int": ("5000", 5000), "float": ("5000.5", 5000.5), "tuple[str, ...]": ("a, b", ("a", "b"))}
    for name in variable_names():
        text, value = texts.get(Settings.__annotations__[name.lower()], ("", None))
        if text:
            assert getattr(read_settings({**GOOD, name: text}), name.lower()) == value, name


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
    ],
)
def test_contradictions_are_named(environ: dict[str, str], named: str) -> None:
    with pytest.raises(BadSettings, match=named):
        read_settings(environ)


def test_local_addresses_may_be_plain_http() -> None:
    assert read_settings({**GOOD, "PUBLIC_URL": "http://127.0.0.1:8080"}).public_url == "http://127.0.0.1:8080"


def test_empty_means_unset() -> None:
    assert read_settings({**GOOD, "TESLA_REGION": " "}).tesla_region == "eu"


@pytest.mark.parametrize("name", ["TESLA_TOKEN_URL", "TESLA_API_EU", "TESLA_JWKS_URL", "TESLA_AUTHORIZE_URL"])
def test_tokens_never_travel_in_the_clear(name: str) -> None:
    with pytest.raises(BadSettings, match=name):
        read_settings({**GOOD, name: "http://fleet.example"})
    assert read_settings({**GOOD, name: "http://127.0.0.1:9"})
