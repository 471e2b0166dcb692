"""A stand-in for the provider `hashicorp/google`: plans (and applies) without a cloud, from the stored schema alone.

Terraform checks the configuration against the schema and fills in references; this side echoes what is planned, with
what only the service knows as unknown. Where the real provider's value follows from the arguments (`_KNOWN`), the
plan carries it, so that tests can compare it. Not caught: what the real provider checks itself (enumerations,
patterns, arguments that exclude each other).
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc  # type: ignore[import-untyped]  # the package ships no types
from msgspec import msgpack

from tests.terraform.schema import Block, field, load, read_fields, schema_answer

PROJECT_NUMBER: Final = "123456789012"

_UNKNOWN: Final = msgpack.Ext(0, b"\0")
"""Terraform's mark of a value that is known after apply."""

_EMAIL: Final = "{account_id}@{project}.iam.gserviceaccount.com"
_KNOWN: Final[dict[str, dict[str, str]]] = {
    "google_cloud_scheduler_job": {"id": "projects/{project}/locations/{region}/jobs/{name}"},
    "google_compute_backend_service": {"id": "projects/{project}/global/backendServices/{name}"},
    "google_project": {"number": PROJECT_NUMBER},
    "google_project_iam_custom_role": {"id": "projects/{project}/roles/{role_id}"},
    "google_pubsub_subscription": {"id": "projects/{project}/subscriptions/{name}"},
    "google_pubsub_topic": {"id": "projects/{project}/topics/{name}"},
    "google_secret_manager_secret": {"id": "projects/{project}/secrets/{secret_id}"},
    "google_service_account": {
        "email": _EMAIL,
        "member": f"serviceAccount:{_EMAIL}",
        "name": f"projects/{{project}}/serviceAccounts/{_EMAIL}",
    },
}

State = dict[str, Any]


class _Provider:
    """The protocol's calls that a plan of new resources makes; any other one gets an empty answer."""

    def __init__(self) -> None:
        self._project = ""
        self._calls: dict[str, Callable[[bytes], bytes]] = {
            "GetProviderSchema": lambda _request: schema_answer(),
            "ConfigureProvider": self._configure,
            "ApplyResourceChange": _apply,
            "PlanResourceChange": self._plan,
            "ReadDataSource": self._read,
        }

    def service(self, details: Any) -> Any:
        """What answers the call that gRPC is about to make."""
        name = details.method.rpartition("/")[2]
        answer = self._calls.get(name, _answer_nothing)
        if name == "GetMetadata":
            return None  # Terraform then asks for the schema
        return grpc.unary_unary_rpc_method_handler(lambda request, _context: answer(request))

    def _configure(self, request: bytes) -> bytes:
        self._project = (_value(request, 2) or {}).get("project") or ""
        return b""

    def _plan(self, request: bytes) -> bytes:
        name, state = _type_name(request), _value(request, 3)
        if state is not None:
            self._fill_known(name, state)
            _mark_unknown(load()["resources"][name], state)
        return field(1, field(1, msgpack.encode(state)))

    def _read(self, request: bytes) -> bytes:
        state = _value(request, 2) or {}
        self._fill_known(_type_name(request), state)
        return field(1, field(1, msgpack.encode(state)))

    def _fill_known(self, name: str, state: State) -> None:
        arguments = {**state, "project": state.get("project") or self._project}
        for key, template in _KNOWN.get(name, {}).items():
            state[key] = template.format_map(arguments)


def _apply(request: bytes) -> bytes:
    """Make what was planned: nothing but the state that Terraform then stores."""
    name, state = _type_name(request), _value(request, 3)
    if state is not None:
        _settle(load()["resources"][name], state)
    return field(1, field(1, msgpack.encode(state)))


def _answer_nothing(_request: bytes) -> bytes:
    return b""


def _type_name(request: bytes) -> str:
    name = read_fields(request)[1]
    return name.decode() if isinstance(name, bytes) else ""


def _value(request: bytes, number: int) -> State | None:
    """The object in the request's `DynamicValue` of that number."""
    wrapped = read_fields(request)[number]
    packed = read_fields(wrapped)[1] if isinstance(wrapped, bytes) else b""
    value: State | None = msgpack.decode(packed) if isinstance(packed, bytes) else None
    return value


def _mark_unknown(block: Block, state: State) -> None:
    for name, (_kind, flags) in block["attributes"].items():
        if state.get(name) is None and (flags == "computed" or name == "id"):
            state[name] = _UNKNOWN
    for name, nested in block["blocks"].items():
        for each in _found(state, name):
            _mark_unknown(nested["block"], each)


def _found(state: State, name: str) -> list[State]:
    """The blocks of that name, whether there may be one or many."""
    found = state.get(name)
    return [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict)]


def _settle(block: Block, state: State) -> None:
    """Give a value to everything that only the service would have known."""
    for name, (kind, _flags) in block["attributes"].items():
        if isinstance(state.get(name), msgpack.Ext):
            state[name] = f"some-{name}" if kind == "string" else None
    for name, nested in block["blocks"].items():
        for each in _found(state, name):
            _settle(nested["block"], each)


@contextmanager
def provider_environment() -> Iterator[dict[str, str]]:
    """The environment in which `terraform` uses a stand-in that runs until the block ends."""
    provider = _Provider()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(8) as threads:
        socket = str(Path(folder) / "provider.sock")
        server = grpc.server(threads)
        server.add_generic_rpc_handlers((_Handler(provider),))
        server.add_insecure_port(f"unix://{socket}")
        server.start()
        attached = {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": os.getpid(),
            "Test": True,
            "Addr": {"Network": "unix", "String": socket},
        }
        reattach = json.dumps({"hashicorp/google": attached})
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
        try:
            yield {**kept, "TF_REATTACH_PROVIDERS": reattach, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
        finally:
            server.stop(None).wait()


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # the package ships no types
    """Hands every call to the provider, as bytes."""

    def __init__(self, provider: _Provider) -> None:
        self._provider = provider

    def service(self, handler_call_details: Any) -> Any:
        return self._provider.service(handler_call_details)
