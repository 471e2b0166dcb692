"""`python -m tests.smoke URL`: whether a deployed service answers as it should, without changing anything in it.

Every request is one that anybody may make and that is refused or only reads: nothing is created, Tesla is not asked,
and no right is needed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shared.api.partner_key import PATH as PUBLIC_KEY
from shared.manifest import read_manifest

OPENAPI: Final = "/api/v1/openapi.json"
ORDER: Final = "/api/v1/orders/smoke-test-no-such-order"
ACCOUNT: Final = "/api/v1/tesla/account"
UNKNOWN: Final = "/api/v1/orders/no/such/path"
STRANGER: Final = "https://stranger.example"

_MANIFEST: Final = Path(__file__).resolve().parents[1] / "functions" / "functions.yaml"
_TIMEOUT_S: Final = 30.0
_SECURITY: Final = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_PROBLEM_TYPE: Final = "application/problem+json"
_PROBLEM: Final = ("type", "title", "status", "detail", "instance", "trace")


class Wrong(Exception):
    """An answer is not what it should be; the message says in which way."""


class NotChecked(Exception):
    """The check does not apply here; the message says why."""


@dataclass(frozen=True, slots=True)
class Service:
    """The service under `base_url`, which has no slash at its end. `origin`: one of its CORS_ORIGINS, or empty."""

    base_url: str
    origin: str = ""

    def ask(self, path: str, *, method: str = "GET", **headers: str) -> requests.Response:
        """One answer, redirects not followed; `Some_Header` stands for `Some-Header`. Raises RequestException."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.request(method, self.base_url + path, headers=sent, timeout=_TIMEOUT_S, allow_redirects=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found: `wrong` is empty where all is well, `left_out` says why it did not look."""

    check: str
    wrong: str = ""
    left_out: str = ""

    @property
    def text(self) -> str:
        """The outcome as it is shown."""
        if self.wrong:
            return f"[red]{escape(self.wrong)}"
        return f"[yellow]not checked: {escape(self.left_out)}" if self.left_out else "[green]ok"


def _public_key(service: Service) -> None:
    """Tesla finds an EC public key of the curve that it asks for."""
    reply = _answered(service.ask(PUBLIC_KEY), 200)
    key = serialization.load_pem_public_key(reply.content)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Wrong("it is no key of the curve prime256v1")


def _document(service: Service) -> None:
    """The OpenAPI document is there and names this address."""
    document: Any = _answered(service.ask(OPENAPI), 200).json()
    servers = [str(each.get("url", "")).rstrip("/") for each in document.get("servers", ())]
    if not str(document.get("openapi", "")).startswith("3.") or not document.get("paths"):
        raise Wrong("it is no OpenAPI 3 document")
    if urlsplit(service.base_url).scheme == "https" and service.base_url not in servers:
        raise Wrong(f"PUBLIC_URL is {', '.join(servers) or 'not named'}")


def _functions(service: Service) -> None:
    """Every function with paths answers them itself: what comes from in front of it is no document of ours."""
    for name, item in read_manifest(_MANIFEST).functions.items():
        for path in item.paths:
            reply = service.ask(path)
            own = reply.ok or reply.headers.get("Content-Type") == _PROBLEM_TYPE
            if not own or reply.status_code >= requests.codes.server_error:
                raise Wrong(f"{name} answers {reply.status_code} at {path}")


def _order(service: Service) -> None:
    """An order is hidden from whoever has no grant for it."""
    _refused(service.ask(ORDER), 404)


def _account(service: Service) -> None:
    """The function of consents asks for a grant."""
    reply = _refused(service.ask(ACCOUNT), 401)
    if not reply.headers.get("WWW-Authenticate", "").startswith("Bearer"):
        raise Wrong("the answer does not say how to authenticate")


def _usage(service: Service) -> None:
    """What operators may see is not shown to others."""
    _refused(service.ask("/api/v1/usage"), 401)


def _forged(service: Service) -> None:
    """A token that nobody signed opens nothing."""
    _refused(service.ask("/api/v1/usage", Authorization="Bearer e30.e30.e30"), 401)


def _unknown(service: Service) -> None:
    """A path of no route is not found."""
    _refused(service.ask(UNKNOWN), 404)


def _stranger(service: Service) -> None:
    """A page from anywhere else may not read answers."""
    for reply in (
        service.ask(OPENAPI, Origin=STRANGER),
        service.ask(OPENAPI, method="OPTIONS", Origin=STRANGER, Access_Control_Request_Method="GET"),
    ):
        if "Access-Control-Allow-Origin" in reply.headers:
            raise Wrong("CORS lets a strange origin in")


def _frontend(service: Service) -> None:
    """A page of the frontend may read answers."""
    if not service.origin:
        raise NotChecked("no --origin is named")
    allowed = service.ask(OPENAPI, Origin=service.origin).headers.get("Access-Control-Allow-Origin")
    if allowed != service.origin:
        raise Wrong(f"CORS lets {allowed} in, not {service.origin}")


def _headers(service: Service) -> None:
    """Answers tell browsers what not to do with them."""
    headers = service.ask(OPENAPI).headers
    for name, value in _SECURITY.items():
        if headers.get(name) != value:
            raise Wrong(f"{name} is {headers.get(name)!r}")
    if "default-src 'none'" not in headers.get("Content-Security-Policy", ""):
        raise Wrong("there is no Content-Security-Policy")
    if urlsplit(service.base_url).scheme == "https" and "Strict-Transport-Security" not in headers:
        raise Wrong("there is no Strict-Transport-Security")


def _redirect(service: Service) -> None:
    """What is asked without TLS is sent to where there is some."""
    if urlsplit(service.base_url).scheme != "https":
        raise NotChecked("the URL is not https")
    plain = Service(f"http://{urlsplit(service.base_url).netloc}")
    reply = plain.ask(OPENAPI)
    if not reply.is_redirect or not reply.headers["Location"].startswith("https://"):
        raise Wrong(f"http:// answers {reply.status_code}")


CHECKS: Final[Mapping[str, Callable[[Service], None]]] = {
    "public key for Tesla": _public_key,
    "OpenAPI document": _document,
    "every function": _functions,
    "order without a grant": _order,
    "account without a grant": _account,
    "usage without a token": _usage,
    "usage with a forged token": _forged,
    "unknown path": _unknown,
    "CORS of a strange origin": _stranger,
    "CORS of the frontend": _frontend,
    "security headers": _headers,
    "redirect to https": _redirect,
}


def check(service: Service) -> Iterator[Outcome]:
    """Every check, each on its own: one that fails does not stop the others."""
    for name, run in CHECKS.items():
        try:
            run(service)
        except NotChecked as reason:
            yield Outcome(name, left_out=str(reason))
        except (Wrong, ValueError) as error:  # first: what is no JSON is both a ValueError and a RequestException
            yield Outcome(name, str(error) or type(error).__name__)
        except requests.RequestException as error:
            yield Outcome(name, f"no answer: {type(error).__name__}")
        else:
            yield Outcome(name)


def _answered(reply: requests.Response, status: int) -> requests.Response:
    if reply.status_code != status:
        raise Wrong(f"{urlsplit(reply.url).path} answers {reply.status_code}, not {status}")
    return reply


def _refused(reply: requests.Response, status: int) -> requests.Response:
    """The refusal, which has to be a problem document. Raises Wrong."""
    _answered(reply, status)
    if reply.headers.get("Content-Type") != _PROBLEM_TYPE:
        raise Wrong(f"the refusal is {reply.headers.get('Content-Type')}, not problem+json")
    document: Any = reply.json()
    if missing := [name for name in _PROBLEM if name not in document]:
        raise Wrong(f"the problem lacks {', '.join(missing)}")
    return reply


def main(arguments: list[str] | None = None) -> int:
    """Check the service that the command line names; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="make smoke", description=(__doc__ or "").split(": ", 1)[1])
    parser.add_argument("url", metavar="URL", help="where the service is, such as https://api.example.com")
    parser.add_argument("--origin", default="", help="origin of a frontend that CORS_ORIGINS names")
    options = parser.parse_args(arguments)
    url = options.url.rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path:
        parser.error("URL is http(s)://<host>, without a path")
    outcomes = list(check(Service(url, options.origin)))
    table = Table("check", "outcome", title=escape(url), title_justify="left")
    for outcome in outcomes:
        table.add_row(outcome.check, outcome.text)
    Console().print(table)
    return 1 if any(outcome.wrong for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
