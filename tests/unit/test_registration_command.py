"""What an operator types when the application is not registered: it has to mean the installation that said so."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from shared import bootstrap
from shared.cli.environment import prepare
from shared.settings import Settings, read_settings
from tests.lab import forget

DEPLOYED = {
    "GOOGLE_CLOUD_PROJECT": "bnc-cpt-prd",
    "BUCKET": "bnc-cpt-prd-orders",
    "PUBLIC_URL": "https://api.example.com",
}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Nothing built before nor after."""
    forget()
    yield
    forget()


def _command(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], region: str = "na") -> str:
    """As a deployed function says it."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return bootstrap.installation().registration_command(region)


def _typed(command: str) -> tuple[Settings, dict[str, str]]:
    """The settings and variables of an operator's shell that has nothing else in it."""
    words = shlex.split(command)
    environ = dict(word.split("=", 1) for word in words[: words.index("./run")])
    prepare(environ)
    return read_settings(environ), environ


def test_as_it_is_said_it_lands_on_the_installation_that_said_it(monkeypatch: pytest.MonkeyPatch) -> None:
    command = _command(monkeypatch, DEPLOYED)
    assert command.endswith("REGION=na DOMAIN=api.example.com ./run -a do_tesla_register_partner")
    settings, environ = _typed(command)
    assert (settings.backend, settings.google_cloud_project) == ("gcp", "bnc-cpt-prd")
    assert (settings.firestore_database, environ["REGION"]) == ("(default)", "na")


def test_what_the_installation_has_of_its_own_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"TESLA_REGIONS": "eu,cn", "FIRESTORE_DATABASE": "two (2)"}
    settings, _environ = _typed(_command(monkeypatch, DEPLOYED | own, "cn"))
    assert settings.tesla_regions == ("eu", "cn")
    assert settings.firestore_database == "two (2)"


def test_one_machine_has_no_project(monkeypatch: pytest.MonkeyPatch) -> None:
    command = _command(monkeypatch, DEPLOYED | {"BACKEND": "embedded"}, "eu")
    assert command == "REGION=eu DOMAIN=api.example.com ./run -a do_tesla_register_partner"
