"""SecretStore: names, versions and rotation; and the reader of .env files."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.platform.embedded.secrets import EnvironmentSecrets, load_env_file
from shared.platform.errors import NotFound
from tests.contract import harness

_NAME = "cpt-token-key"


def test_the_newest_enabled_version_is_given(secrets: harness.Secrets) -> None:
    secrets.add(_NAME, "first")
    assert secrets.store.get(_NAME).value == b"first"
    number = secrets.add(_NAME, "second")
    found = secrets.store.get(_NAME)
    assert (found.name, found.version, found.value) == (_NAME, number, b"second")


def test_a_pinned_version_stays(secrets: harness.Secrets) -> None:
    first = secrets.add(_NAME, "first")
    secrets.add(_NAME, "second")
    found = secrets.store.get(_NAME, first)
    assert (found.version, found.value) == (first, b"first")


def test_a_disabled_version_is_passed_over(secrets: harness.Secrets) -> None:
    secrets.add(_NAME, "first")
    second = secrets.add(_NAME, "second")
    third = secrets.add(_NAME, "third")
    secrets.disable(_NAME, third)
    assert secrets.store.get(_NAME).version == second
    with pytest.raises(NotFound):
        secrets.store.get(_NAME, third)


def test_enabled_versions_come_newest_first(secrets: harness.Secrets) -> None:
    numbers = [secrets.add(_NAME, f"value {number}") for number in range(11)]
    secrets.disable(_NAME, numbers[4])
    found = secrets.store.enabled(_NAME)
    assert [each.version for each in found] == [number for number in reversed(numbers) if number != numbers[4]]
    assert {each.value for each in found} == {f"value {n}".encode() for n in range(11) if n != 4}


def test_a_secret_without_an_enabled_version_is_not_found(secrets: harness.Secrets) -> None:
    secrets.disable(_NAME, secrets.add(_NAME, "only"))
    with pytest.raises(NotFound):
        secrets.store.get(_NAME)
    with pytest.raises(NotFound):
        secrets.store.enabled(_NAME)


def test_a_missing_secret_or_version_is_not_found(secrets: harness.Secrets) -> None:
    secrets.add(_NAME, "first")
    for call in (secrets.store.get, secrets.store.enabled):
        with pytest.raises(NotFound):
            call("cpt-other")
    with pytest.raises(NotFound):
        secrets.store.get(_NAME, 2)


def test_a_value_may_be_any_text(secrets: harness.Secrets) -> None:
    value = ' -----BEGIN KEY-----\n"Größe"=\n'
    secrets.add(_NAME, value)
    assert secrets.store.get(_NAME).value == value.encode()


def test_a_value_does_not_show(secrets: harness.Secrets) -> None:
    secrets.add(_NAME, "do-not-print")
    assert "do-not-print" not in repr(secrets.store.get(_NAME))


@pytest.mark.parametrize("name", ["", "a/b", "a--b", "a_b", "A", "-a", "a-", "x" * 201, "a\n"])
def test_names_that_could_be_confused_are_refused(secrets: harness.Secrets, name: str) -> None:
    for call in (secrets.store.get, secrets.store.enabled):
        with pytest.raises(ValueError, match="not a secret's name"):
            call(name)


def test_variables_that_only_look_like_versions_are_none() -> None:
    environ = {
        "SECRET_KEY": "1",
        "SECRET_KEY__x": "2",
        "SECRET_KEY__0": "3",
        "SECRET_KEYS": "4",
        "MY_SECRET_KEY": "5",
    }
    assert [each.value for each in EnvironmentSecrets(environ).enabled("key")] == [b"1"]


def test_an_env_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "# a comment\n\nexport A=1\n B = two words \nC='$x # kept'\nD=\"q\"\nE=\nF=a=b\nG='\nA=last\n",
        encoding="utf-8",
    )
    expected = {"A": "last", "B": "two words", "C": "$x # kept", "D": "q", "E": "", "F": "a=b", "G": "'"}
    assert load_env_file(file) == expected


def test_a_bad_line_is_named_by_its_number_only(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("A=1\nhunter2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"^line 2 is not NAME=value$"):
        load_env_file(file)
