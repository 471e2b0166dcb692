"""OIDC tokens: what is accepted, and every refusal."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared.edge.oidc import KeysUnavailable, NotAllowed, OidcVerifier, Unauthenticated
from tests.unit.edge import (
    AUDIENCE,
    OPERATOR,
    START,
    HeldClock,
    KeyServer,
    claims,
    key_server,
    private_key,
    public_jwk,
    settings,
    token,
)

NOW = int(START.timestamp())
REMOVED = "SIGNATURE_REMOVED_BY_GOOGLE"


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    with key_server() as server:
        yield server


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


def make(keys: KeyServer, clock: HeldClock, *, cloud_run: bool = False, **changes: str) -> OidcVerifier:
    environ = {"K_SERVICE": "orders"} if cloud_run else {}
    return OidcVerifier(settings(OIDC_JWKS_URL=keys.url, **changes), clock, environ)


@pytest.fixture
def verifier(keys: KeyServer, clock: HeldClock) -> OidcVerifier:
    return make(keys, clock)


def unsigned(header: dict[str, Any], body: dict[str, Any], signature: str) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, body)]
    return f"Bearer {'.'.join(parts)}.{signature}"


def test_a_good_token_gives_its_claims(verifier: OidcVerifier) -> None:
    found = verifier.verify(token(), emails=[OPERATOR])
    assert (found.email, found.aud, found.exp) == (OPERATOR, AUDIENCE, NOW + 3600)


def test_the_allow_list_ignores_case(verifier: OidcVerifier) -> None:
    assert verifier.verify(token(), emails=[OPERATOR.upper()]).email == OPERATOR


@pytest.mark.parametrize("issuer", ["https://accounts.google.com", "accounts.google.com"])
def test_both_spellings_of_googles_issuer_count(verifier: OidcVerifier, issuer: str) -> None:
    assert verifier.verify(token(iss=issuer), emails=[OPERATOR]).iss == issuer


def test_another_issuer_has_one_spelling(keys: KeyServer, clock: HeldClock) -> None:
    own = make(keys, clock, OIDC_ISSUER="https://issuer.example")
    assert own.verify(token(iss="https://issuer.example"), emails=[OPERATOR])
    for issuer in ("https://accounts.google.com", "issuer.example"):
        with pytest.raises(Unauthenticated, match="another issuer"):
            own.verify(token(iss=issuer), emails=[OPERATOR])


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic dTpw", "Bearer abc", "Bearer a.b", "Bearer a.b.c.d", "Bearer é.é.é",
     "Bearer ..", f"Bearer {'a' * 9000}.b.c"],
)  # fmt: skip
def test_no_token_or_no_jwt(verifier: OidcVerifier, header: str | None) -> None:
    with pytest.raises(Unauthenticated):
        verifier.verify(header, emails=[OPERATOR])


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "https://other.example"},
        {"aud": [AUDIENCE]},
        {"aud": f"{AUDIENCE}/"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": NOW - 31},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": NOW + 10 * 86_400},
        {"iat": NOW + 31},
        {"iat": None},
        {"email": None},
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
    ],
)
def test_wrong_claims_are_refused(verifier: OidcVerifier, change: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        verifier.verify(token(**change), emails=[OPERATOR])


def test_clocks_may_differ_a_little(verifier: OidcVerifier) -> None:
    assert verifier.verify(token(iat=NOW + 29), emails=[OPERATOR])
    assert verifier.verify(token(iat=NOW - 3600, exp=NOW - 29), emails=[OPERATOR])


@pytest.mark.parametrize("emails", [[], ["someone@project.example"], [""]])
def test_another_account_is_not_allowed(verifier: OidcVerifier, emails: list[str]) -> None:
    with pytest.raises(NotAllowed):
        verifier.verify(token(), emails=emails)


def test_without_an_audience_nobody_passes(keys: KeyServer, clock: HeldClock) -> None:
    verifier = make(keys, clock, OIDC_AUDIENCE=" ")
    with pytest.raises(Unauthenticated):
        verifier.verify(token(aud=""), emails=[OPERATOR])


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "HS256", "RS512", "ES256", ""])
def test_another_algorithm_is_refused(verifier: OidcVerifier, alg: str) -> None:
    for signature in ("", "c2ln", REMOVED):
        with pytest.raises(Unauthenticated):
            verifier.verify(unsigned({"alg": alg, "kid": "k1"}, claims(), signature), emails=[OPERATOR])


def test_the_public_key_is_no_hmac_secret(verifier: OidcVerifier) -> None:
    pem = private_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for alg in ("HS256", "RS256"):
        head = unsigned({"alg": alg, "kid": "k1"}, claims(), "").removeprefix("Bearer ").rstrip(".")
        mac = base64.urlsafe_b64encode(hmac.digest(pem, head.encode(), hashlib.sha256)).decode().rstrip("=")
        with pytest.raises(Unauthenticated):
            verifier.verify(f"Bearer {head}.{mac}", emails=[OPERATOR])


def test_changed_claims_break_the_signature(verifier: OidcVerifier) -> None:
    head, _, signature = token(email="other@project.example").rsplit(".", 2)
    body = token().split(".")[1]
    with pytest.raises(Unauthenticated, match="signature"):
        verifier.verify(f"{head}.{body}.{signature}", emails=[OPERATOR])


def test_another_key_under_a_known_id(verifier: OidcVerifier) -> None:
    with pytest.raises(Unauthenticated, match="signature"):
        verifier.verify(token(number=2), emails=[OPERATOR])


def test_a_critical_extension_is_refused(verifier: OidcVerifier) -> None:
    headers = {"kid": "k1", "crit": ["x"], "x": 1}
    signed = jwt.encode(claims(), private_key(), algorithm="RS256", headers=headers)
    with pytest.raises(Unauthenticated):
        verifier.verify(f"Bearer {signed}", emails=[OPERATOR])


def removed(**changes: Any) -> str:
    return f"{token(**changes).rpartition('.')[0]}.{REMOVED}"


def test_a_removed_signature_counts_behind_cloud_runs_own_check(keys: KeyServer, clock: HeldClock) -> None:
    verifier = make(keys, clock, cloud_run=True)
    assert verifier.verify(removed(), emails=[OPERATOR], iam_checked=True).email == OPERATOR
    assert keys.asked == 0


@pytest.mark.parametrize(("cloud_run", "iam_checked"), [(False, False), (False, True), (True, False)])
def test_a_removed_signature_counts_nowhere_else(
    keys: KeyServer, clock: HeldClock, cloud_run: bool, iam_checked: bool
) -> None:
    verifier = make(keys, clock, cloud_run=cloud_run)
    with pytest.raises(Unauthenticated, match="signature"):
        verifier.verify(removed(), emails=[OPERATOR], iam_checked=iam_checked)


@pytest.mark.parametrize(
    "change", [{"aud": "x"}, {"iss": "x"}, {"exp": NOW - 60}, {"iat": NOW + 60}, {"email_verified": False}]
)
def test_a_removed_signature_still_needs_every_claim(
    keys: KeyServer, clock: HeldClock, change: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated):
        make(keys, clock, cloud_run=True).verify(removed(**change), emails=[OPERATOR], iam_checked=True)


def test_a_removed_signature_of_another_account(keys: KeyServer, clock: HeldClock) -> None:
    with pytest.raises(NotAllowed):
        make(keys, clock, cloud_run=True).verify(removed(), emails=["x@project.example"], iam_checked=True)


def test_a_real_signature_is_checked_on_cloud_run_too(keys: KeyServer, clock: HeldClock) -> None:
    verifier = make(keys, clock, cloud_run=True)
    assert verifier.verify(token(), emails=[OPERATOR], iam_checked=True)
    with pytest.raises(Unauthenticated):
        verifier.verify(token(number=2), emails=[OPERATOR], iam_checked=True)


def test_the_keys_are_fetched_once(keys: KeyServer, verifier: OidcVerifier) -> None:
    assert keys.asked == 0
    for _ in range(5):
        verifier.verify(token(), emails=[OPERATOR])
    assert keys.asked == 1


def test_an_unknown_key_is_looked_for_once_a_minute(
    keys: KeyServer, clock: HeldClock, verifier: OidcVerifier
) -> None:
    verifier.verify(token(), emails=[OPERATOR])
    keys.publish(public_jwk("k1"), public_jwk("k2", 2))
    for _ in range(3):
        with pytest.raises(Unauthenticated, match="unknown key"):
            verifier.verify(token(kid="k2", number=2), emails=[OPERATOR])
    assert keys.asked == 1
    clock.advance(60)
    assert verifier.verify(token(kid="k2", number=2), emails=[OPERATOR])
    assert keys.asked == 2


def test_a_withdrawn_key_is_dropped_within_the_hour(
    keys: KeyServer, clock: HeldClock, verifier: OidcVerifier
) -> None:
    verifier.verify(token(), emails=[OPERATOR])
    keys.publish(public_jwk("k2", 2))
    clock.advance(3600)
    with pytest.raises(Unauthenticated, match="unknown key"):
        verifier.verify(token(exp=NOW + 7200), emails=[OPERATOR])


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"{}"), (302, b""), (200, b"<html>"), (200, b"[]"), (200, b"{}"), (200, b'{"keys":[1]}'),
     (200, b'{"keys":[{"kty":"RSA","kid":"k1"}]}'), (200, b"\xff"), (200, b" " * 300_000)],
)  # fmt: skip
def test_keys_that_cannot_be_read_say_nothing_about_the_token(
    keys: KeyServer, clock: HeldClock, verifier: OidcVerifier, status: int, body: bytes
) -> None:
    good, keys.status, keys.body = keys.body, status, body
    with pytest.raises(KeysUnavailable):
        verifier.verify(token(), emails=[OPERATOR])
    with pytest.raises(KeysUnavailable):
        verifier.verify(token(), emails=[OPERATOR])
    assert keys.asked == 1
    keys.status, keys.body = 200, good
    clock.advance(5)
    assert verifier.verify(token(), emails=[OPERATOR])


def test_an_outage_leaves_the_known_keys(keys: KeyServer, clock: HeldClock, verifier: OidcVerifier) -> None:
    verifier.verify(token(), emails=[OPERATOR])
    keys.status = 500
    clock.advance(3600)
    assert verifier.verify(token(exp=NOW + 7200), emails=[OPERATOR])
    assert keys.asked == 2


def test_an_unreachable_key_server(clock: HeldClock) -> None:
    with key_server() as gone:
        pass
    with pytest.raises(KeysUnavailable):
        make(gone, clock).verify(token(), emails=[OPERATOR])


def test_keys_of_another_kind_are_passed_over(keys: KeyServer, verifier: OidcVerifier) -> None:
    secret = base64.urlsafe_b64encode(b"x" * 32).decode().rstrip("=")
    keys.publish({"kty": "oct", "kid": "hs", "k": secret}, {**public_jwk("enc"), "use": "enc"}, public_jwk("k1"))
    assert verifier.verify(token(), emails=[OPERATOR])
    with pytest.raises(Unauthenticated, match="unknown key"):
        verifier.verify(token(kid="enc"), emails=[OPERATOR])


def test_threads_share_one_fetch(keys: KeyServer, verifier: OidcVerifier) -> None:
    header, found = token(), []
    threads = [
        threading.Thread(target=lambda: found.append(verifier.verify(header, emails=[OPERATOR]))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), keys.asked) == (16, 1)


part = st.one_of(
    st.text(max_size=40),
    st.recursive(st.none() | st.integers() | st.text(max_size=8), st.lists, max_leaves=5).map(json.dumps),
    st.dictionaries(st.sampled_from(["alg", "kid", "iss", "aud"]), st.sampled_from(["RS256", "k1", 1])).map(
        json.dumps
    ),
)


@hypothesis_settings(deadline=None)
@given(st.lists(part.map(lambda text: base64.urlsafe_b64encode(text.encode()).decode()), min_size=1, max_size=4))
def test_nothing_invented_passes_or_breaks_it(parts: list[str]) -> None:
    verifier = OidcVerifier(settings(OIDC_JWKS_URL="http://127.0.0.1:1/none"), HeldClock(), {})
    with pytest.raises((Unauthenticated, KeysUnavailable)):
        verifier.verify(f"Bearer {'.'.join(parts)}", emails=[OPERATOR])
