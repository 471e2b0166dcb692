"""Who may pass: grants of owners, OIDC identities of creators, operators and the account that pushes messages."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping

import msgspec

from shared.accounts.grants import Grant
from shared.edge.idempotency import Idempotency
from shared.edge.jwks import KeysUnavailable
from shared.edge.oidc import NotAllowed, OidcVerifier, Unauthenticated
from shared.edge.problems import FORBIDDEN, NOT_FOUND, STORE_UNAVAILABLE, UNAUTHORIZED, Problem
from shared.edge.routes import Auth, Route, S
from shared.platform.ports import Clock
from shared.settings import Settings

_LONGEST_GRANT = 512
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


class Caller(msgspec.Struct, frozen=True):
    """Who was admitted: a grant, a creator's or operator's e-mail address, or nobody in particular."""

    grant: Grant | None = None
    principal: str = ""


def _no_grants(_key: str) -> Grant | None:
    return None


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """What an edge needs to tell callers apart. Nothing here touches a store before it is called.

    `find_grant` looks a grant up by the hex SHA-256 of its token; `idempotency` builds the keeper of answers and is
    needed where a route is idempotent.
    """

    settings: Settings
    clock: Clock
    verifier: OidcVerifier
    find_grant: Callable[[str], Grant | None] = _no_grants
    idempotency: Callable[[], Idempotency] | None = None

    def admit(self, route: Route[S], path: Mapping[str, str], authorization: str | None) -> Caller:
        """Who calls this route. Raises Problem for everyone who may not."""
        if route.auth is Auth.GRANT:
            return self._admit_owner(route, path, authorization)
        if route.auth is Auth.GRANT_OR_CREATOR:
            return self._admit_either(authorization)
        if route.auth is Auth.PUBLIC or (route.auth is Auth.CREATOR and self._open_to_all):
            return Caller()
        admitted = self._creators if route.auth is Auth.CREATOR else self.settings.operators
        return Caller(principal=self.identify(authorization, admitted))

    def identify(self, authorization: str | None, emails: Collection[str], *, iam_checked: bool = False) -> str:
        """The e-mail address of an OIDC identity on the list (`iam_checked`: see `oidc`). Raises Problem."""
        try:
            return self.verifier.verify(authorization, emails=emails, iam_checked=iam_checked).email
        except Unauthenticated as error:
            raise Problem(UNAUTHORIZED, str(error), headers=_CHALLENGE) from None
        except NotAllowed as error:
            raise Problem(FORBIDDEN, str(error)) from None
        except KeysUnavailable as error:
            raise Problem(STORE_UNAVAILABLE, str(error), headers={"Retry-After": "5"}) from error

    @property
    def _creators(self) -> tuple[str, ...]:
        """Who may create; operators may everything."""
        return self.settings.creators + self.settings.operators

    @property
    def _open_to_all(self) -> bool:
        """Whether anyone may create."""
        return self.settings.orders_require == "none"

    def _admit_either(self, authorization: str | None) -> Caller:
        """An owner by the grant, or else a creator. Who presents a token is never taken for nobody in particular."""
        grant = self._grant(authorization)
        if grant is not None:
            return Caller(grant=grant, principal=grant.key)
        if authorization is None and self._open_to_all:
            return Caller()
        return Caller(principal=self.identify(authorization, self._creators))

    def _admit_owner(self, route: Route[S], path: Mapping[str, str], authorization: str | None) -> Caller:
        """A missing grant, an unknown one and somebody else's get one and the same answer."""
        grant = self._grant(authorization)
        wanted = path[route.grant_subject] if route.grant_subject else None
        if wanted is None and grant is None:
            raise Problem(UNAUTHORIZED, "present the grant of an order or an enrolment", headers=_CHALLENGE)
        if grant is None or not _is_for(grant, wanted):
            raise Problem(NOT_FOUND, "nothing here belongs to the grant presented, if one was")
        return Caller(grant=grant, principal=grant.key)

    def _grant(self, authorization: str | None) -> Grant | None:
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not 0 < len(token) <= _LONGEST_GRANT:
            return None
        return self.find_grant(grant_key(token))


def _is_for(grant: Grant, wanted: str | None) -> bool:
    return wanted is None or hmac.compare_digest(grant.subject.encode(), wanted.encode())


def grant_key(token: str) -> str:
    """The key under which the grant of a token is stored: its hex SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()
