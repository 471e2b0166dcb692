"""The guard: nobody who presents a token passes for nobody in particular, and no creator for an operator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.accounts.grants import Grant
from shared.api.tables import every_route
from shared.edge.guard import Caller, Guard, grant_key
from shared.edge.oidc import OidcVerifier
from shared.edge.problems import Problem
from shared.edge.routes import Auth, Reply, Route
from tests.unit.edge import CREATOR, OPERATOR, START, HeldClock, KeyServer, key_server, settings, token

ROUTE: Route[None] = Route(
    method="POST",
    path="/begin",
    name="begin",
    summary="Begin",
    handler=lambda _services, _call: Reply(),
    auth=Auth.GRANT_OR_CREATOR,
    grant_subject=None,
)
MINE = Grant(grant_key("cpt_mine"), "enrolment", "e1", START + timedelta(days=1))


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyServer]:
    with key_server() as server:
        yield server


def _guard(keys: KeyServer, orders_require: str, **changes: str) -> Guard:
    chosen, clock = settings(ORDERS_REQUIRE=orders_require, OIDC_JWKS_URL=keys.url, **changes), HeldClock()
    return Guard(
        settings=chosen,
        clock=clock,
        verifier=OidcVerifier(chosen, clock, {}),
        find_grant=lambda key: MINE if key == MINE.key else None,
    )


@pytest.mark.parametrize("orders_require", ["none", "operator"])
def test_a_grant_admits_its_owner(keys: KeyServer, orders_require: str) -> None:
    caller = _guard(keys, orders_require).admit(ROUTE, {}, "Bearer cpt_mine")
    assert caller == Caller(grant=MINE, principal=MINE.key)


@pytest.mark.parametrize("orders_require", ["none", "operator"])
def test_an_operator_is_a_creator(keys: KeyServer, orders_require: str) -> None:
    assert _guard(keys, orders_require).admit(ROUTE, {}, token()) == Caller(principal=OPERATOR)


def test_without_a_token_the_setting_decides(keys: KeyServer) -> None:
    assert _guard(keys, "none").admit(ROUTE, {}, None) == Caller()
    with pytest.raises(Problem) as raised:
        _guard(keys, "operator").admit(ROUTE, {}, None)
    assert raised.value.kind.slug == "unauthorized"


@pytest.mark.parametrize("orders_require", ["none", "operator"])
@pytest.mark.parametrize("presented", ["Bearer cpt_unknown", "Bearer ", "Basic cpt_mine", "cpt_mine", ""])
def test_a_grant_that_is_none_is_refused_whatever_the_setting(
    keys: KeyServer, orders_require: str, presented: str
) -> None:
    with pytest.raises(Problem) as raised:
        _guard(keys, orders_require).admit(ROUTE, {}, presented)
    assert raised.value.kind.slug == "unauthorized"


def test_another_account_is_no_creator(keys: KeyServer) -> None:
    with pytest.raises(Problem) as raised:
        _guard(keys, "none").admit(ROUTE, {}, token(email="somebody@project.example"))
    assert raised.value.kind.slug == "forbidden"


REFUSED = {Auth.GRANT: {"unauthorized", "not-found"}, Auth.OPERATOR: {"forbidden"}}
"""What a creator's token is worth at routes that are not for creators."""


@pytest.mark.parametrize("orders_require", ["none", "operator"])
@pytest.mark.parametrize("route", every_route(), ids=lambda route: route.name)
def test_a_creator_may_create_and_nothing_else(keys: KeyServer, route: Route[Any], orders_require: str) -> None:
    guard, path = _guard(keys, orders_require), dict.fromkeys(route.parameters, "x")
    if route.auth in REFUSED:
        with pytest.raises(Problem) as raised:
            guard.admit(route, path, token(email=CREATOR))
        assert raised.value.kind.slug in REFUSED[route.auth]
    else:
        known = route.auth is Auth.GRANT_OR_CREATOR or (route.auth is Auth.CREATOR and orders_require == "operator")
        assert guard.admit(route, path, token(email=CREATOR)) == Caller(principal=CREATOR if known else "")


def test_creators_create_orders_enrolments_and_consents() -> None:
    creating = {route.name for route in every_route() if route.auth in (Auth.CREATOR, Auth.GRANT_OR_CREATOR)}
    assert creating == {"createOrder", "createEnrolment", "initiateConsent"}


@pytest.mark.parametrize(("operators", "creators"), [(OPERATOR, ""), ("", CREATOR)])
def test_either_list_will_do(keys: KeyServer, operators: str, creators: str) -> None:
    guard = _guard(keys, "operator", OPERATORS=operators, CREATORS=creators)
    listed, other = (OPERATOR, CREATOR) if operators else (CREATOR, OPERATOR)
    assert guard.admit(ROUTE, {}, token(email=listed)) == Caller(principal=listed)
    with pytest.raises(Problem) as raised:
        guard.admit(ROUTE, {}, token(email=other))
    assert raised.value.kind.slug == "forbidden"
