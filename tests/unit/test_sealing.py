"""Sealing: only its owner opens a value, keys rotate, and a broken key store never means plaintext."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.platform.embedded.secrets import EnvironmentSecrets
from shared.platform.errors import NotFound, Unavailable
from shared.platform.ports import SecretVersion
from shared.platform.sealing import FRESH_S, SealBroken, Sealer, new_key
from tests.unit.edge import HeldClock


def _sealer(**variables: str) -> Sealer:
    return Sealer(EnvironmentSecrets(variables), "key")


KEYS = {"SECRET_KEY": new_key()}


@given(st.binary(max_size=500), st.text(max_size=50))
def test_what_is_sealed_opens_for_its_owner(plain: bytes, owner: str) -> None:
    sealer = _sealer(**KEYS)
    sealed = sealer.seal(plain, bound_to=owner)
    assert sealer.open(sealed, bound_to=owner) == plain
    if len(plain) > 3:
        assert plain not in sealed


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_breaks_the_seal(position: int, flip: int) -> None:
    sealer = _sealer(**KEYS)
    sealed = bytearray(sealer.seal(b"secret token", bound_to="account:a"))
    sealed[position % len(sealed)] ^= flip
    with pytest.raises(SealBroken):
        sealer.open(bytes(sealed), bound_to="account:a")


@given(st.binary(max_size=40))
def test_arbitrary_bytes_do_not_open(junk: bytes) -> None:
    with pytest.raises(SealBroken):
        _sealer(**KEYS).open(junk, bound_to="x")


def test_a_value_copied_to_another_owner_does_not_open() -> None:
    sealer = _sealer(**KEYS)
    with pytest.raises(SealBroken):
        sealer.open(sealer.seal(b"x", bound_to="account:a"), bound_to="account:b")


def test_rotation_seals_with_the_newest_and_opens_with_all_enabled() -> None:
    old, new = new_key(), new_key()
    before = _sealer(SECRET_KEY=old).seal(b"x", bound_to="a")
    rotated = _sealer(SECRET_KEY=old, SECRET_KEY__2=new)
    assert rotated.open(before, bound_to="a") == b"x"
    after = rotated.seal(b"y", bound_to="a")
    with pytest.raises(SealBroken, match="version 2"):
        _sealer(SECRET_KEY=old).open(after, bound_to="a")
    with pytest.raises(SealBroken, match="version 1"):
        _sealer(SECRET_KEY="", SECRET_KEY__2=new).open(before, bound_to="a")


class _Secrets(EnvironmentSecrets):
    """Secrets that can be out of reach, and count how often they are asked for."""

    def __init__(self, environ: dict[str, str]) -> None:
        super().__init__(environ)
        self.down, self.asked = False, 0

    def enabled(self, name: str) -> list[SecretVersion]:
        self.asked += 1
        if self.down:
            raise Unavailable("no answer")
        return super().enabled(name)


def _version_of(sealed: bytes) -> int:
    return int.from_bytes(sealed[2:6], "big")


def test_a_process_that_lives_long_seals_with_a_new_key_within_the_hour() -> None:
    environ, clock = {"SECRET_KEY": new_key()}, HeldClock()
    secrets = _Secrets(environ)
    sealer = Sealer(secrets, "key", clock)
    assert _version_of(sealer.seal(b"x", bound_to="a")) == 1
    environ["SECRET_KEY__2"] = new_key()
    clock.advance(FRESH_S - 1)
    assert (_version_of(sealer.seal(b"x", bound_to="a")), secrets.asked) == (1, 1)
    clock.advance(1)
    assert (_version_of(sealer.seal(b"x", bound_to="a")), secrets.asked) == (2, 2)


def test_keys_at_hand_outlive_an_outage_of_their_store() -> None:
    clock, secrets = HeldClock(), _Secrets({"SECRET_KEY": new_key()})
    sealer = Sealer(secrets, "key", clock)
    sealed = sealer.seal(b"x", bound_to="a")
    secrets.down = True
    clock.advance(FRESH_S)
    for _ in range(3):
        assert sealer.open(sealer.seal(b"x", bound_to="a"), bound_to="a") == sealer.open(sealed, bound_to="a")
    assert secrets.asked == 2, "it is not asked again with every value"
    clock.advance(60)
    sealer.seal(b"x", bound_to="a")
    assert secrets.asked == 3


def test_a_running_process_learns_of_a_new_key() -> None:
    environ = {"SECRET_KEY": new_key()}
    sealer = Sealer(EnvironmentSecrets(environ), "key")
    sealer.seal(b"x", bound_to="a")
    environ["SECRET_KEY__2"] = new_key()
    sealed = Sealer(EnvironmentSecrets(environ), "key").seal(b"y", bound_to="a")
    assert sealer.open(sealed, bound_to="a") == b"y"


@pytest.mark.parametrize("value", ["", "not base64!", "c2hvcnQ="])
def test_without_a_proper_key_nothing_is_sealed(value: str) -> None:
    with pytest.raises(NotFound):
        _sealer(SECRET_KEY=value).seal(b"x", bound_to="a")
