"""An HTTP server of raw sockets that behaves as badly as its paths say, and remembers every request."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import NamedTuple

_BIG = 100_000
_RESET = struct.pack("ii", 1, 0)


class Request(NamedTuple):
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class Peer:
    """What the server saw. `release` lets everything go that hangs; `closed`: it closed a connection."""

    url: str
    requests: list[Request] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)

    def paths(self) -> list[str]:
        """In the order of arrival."""
        return [request.path for request in self.requests]

    def connections(self) -> int:
        """How many carried a request."""
        return len({request.connection for request in self.requests})


def reply(status: str, body: bytes, *headers: str) -> bytes:
    """An answer as it goes over the wire."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[Peer]:
    """A server until the block ends, with TLS if there is a certificate."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    scheme = "https" if certificate else "http"
    peer = Peer(f"{scheme}://127.0.0.1:{listening.getsockname()[1]}")
    accepting = threading.Thread(target=_accept, args=(listening, peer, certificate))
    accepting.start()
    try:
        yield peer
    finally:
        peer.release.set()
        listening.shutdown(socket.SHUT_RDWR)
        accepting.join()
        listening.close()


def _accept(listening: socket.socket, peer: Peer, certificate: Path | None) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if certificate:
        context.load_cert_chain(certificate)
    number = 0
    with suppress(OSError):  # the end: the listening socket is shut
        while True:
            connection, _ = listening.accept()
            number += 1
            threading.Thread(
                target=_serve, args=(connection, context if certificate else None, peer, number), daemon=True
            ).start()


def _serve(raw: socket.socket, context: ssl.SSLContext | None, peer: Peer, number: int) -> None:
    with raw, suppress(OSError):  # clients that leave are part of the tests
        connection = context.wrap_socket(raw, server_side=True) if context else raw
        with connection:
            while (request := _read(connection, number)) is not None:
                peer.requests.append(request)
                if not _behave(connection, request, peer):
                    break
    peer.closed.set()


def _read(connection: socket.socket, number: int) -> Request | None:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65_536)
        if not piece:
            return None
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65_536)
    method, path, _ = first.split(" ")
    return Request(method, path, headers, body, number)


def _behave(connection: socket.socket, request: Request, peer: Peer) -> bool:
    """Do what the path says; whether the connection goes on."""
    kind = request.path.strip("/").partition("/")[0]
    if kind in _ANSWERS:
        connection.sendall(_ANSWERS[kind](request))
        return True
    if kind == "hang":
        peer.release.wait()
    if kind == "dribble":
        _dribble(connection, peer)
    if kind == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    if kind == "goodbye":
        connection.sendall(_echo(request))
    if kind == "truncated":
        connection.sendall(reply("200 OK", bytes(1000))[:-500])
    return False


def _dribble(connection: socket.socket, peer: Peer) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not peer.release.wait(0.02):
        connection.sendall(b".")


def _echo(request: Request) -> bytes:
    return reply("200 OK", json.dumps({"path": request.path}).encode())


def _zip(size: int) -> bytes:
    return reply("200 OK", gzip.compress(bytes(size)), "Content-Encoding: gzip")


def _in_an_hour(_request: Request) -> bytes:
    return reply("503 Unavailable", b"", f"Retry-After: {format_datetime(datetime.now(UTC) + timedelta(hours=1))}")


_ANSWERS: dict[str, Callable[[Request], bytes]] = {
    "ok": _echo,
    "big": lambda _: reply("200 OK", bytes(_BIG)),
    "chunked": lambda _: (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"3e8\r\n" + bytes(1000) + b"\r\n0\r\n\r\n"
    ),
    "zip": lambda _: _zip(500),
    "bomb": lambda _: _zip(5_000_000),
    "garbled": lambda _: reply("200 OK", b"no gzip at all", "Content-Encoding: gzip"),
    "redirect": lambda _: reply("302 Found", b"", "Location: /ok/elsewhere", "Set-Cookie: a=b"),
    "limited": lambda _: reply("429 Too Many Requests", b"", "Retry-After: 7"),
    "in-an-hour": _in_an_hour,
    "reset-header": lambda _: reply("429 Too Many Requests", b"", "RateLimit-Minute-Reset: 12"),
    "failing": lambda _: reply("500 Internal Server Error", b"{}"),
}
