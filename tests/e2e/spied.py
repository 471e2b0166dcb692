"""What must never be seen: every secret that passes through a simulated Tesla, as it passes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.simulator import Simulator, token_endpoint
from tests.simulator.tokens import TokenStore

FORM_FIELDS = ("code", "code_verifier", "refresh_token", "client_secret")


@dataclass
class Secrets:
    """Kind -> values."""

    values: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, kind: str, *values: str) -> None:
        """Remember secrets."""
        self.values[kind].update(values)

    def add_link(self, url: str) -> None:
        """Remember what a consent link or a redirect from Tesla carries."""
        for kind in ("state", "nonce", "code"):
            self.add(kind, *parse_qs(urlsplit(url).query).get(kind, []))

    def found_in(self, text: str, *, but: tuple[str, ...] = ()) -> list[str]:
        """Kinds whose secrets the text holds, as they are or quoted for a URL; of a JWT any part is enough."""
        return sorted(
            kind
            for kind, values in self.values.items()
            if kind not in but and any(part in text for value in values for part in _parts(value))
        )


def _parts(value: str) -> set[str]:
    """The value, its quoted form, and the claims and the signature of a JWT."""
    pieces = value.split(".")
    return {value, quote(value, safe=""), *(pieces[1:] if value.startswith("eyJ") else ())}


@contextmanager
def spied(simulator: Simulator) -> Iterator[Secrets]:
    """Remember everything secret that the simulator is sent or hands out until the block ends."""
    seen = Secrets()
    seen.add("client_secret", simulator.config.client_secret)
    with pytest.MonkeyPatch.context() as patch:
        for kind, method in (
            ("access_token", "access_token"),
            ("id_token", "id_token"),
            ("refresh_token", "_refresh_name"),
            ("code", "issue_code"),
        ):
            patch.setattr(TokenStore, method, _kept(getattr(TokenStore, method), seen, kind))
        patch.setattr(token_endpoint, "_form", _kept_form(token_endpoint._form, seen))
        yield seen


def _kept(method: Callable[..., str], seen: Secrets, kind: str) -> Callable[..., str]:
    @wraps(method)
    def kept(*arguments: Any, **named: Any) -> str:
        value = method(*arguments, **named)
        seen.add(kind, value)
        return value

    return kept


def _kept_form(read: Callable[..., dict[str, str]], seen: Secrets) -> Callable[..., dict[str, str]]:
    def kept(exchange: Any) -> dict[str, str]:
        form = read(exchange)
        for name in FORM_FIELDS:
            seen.add(name, *filter(None, [form.get(name)]))
        return form

    return kept
