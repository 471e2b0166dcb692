"""Command line options, made from the fields of `SimulatorConfig`."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any, get_args, get_origin, get_type_hints

from .config import SimulatorConfig


def parse(arguments: list[str] | None = None) -> SimulatorConfig:
    """The configuration of a command line; exits with a message on a bad one."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulator", description="A simulated Tesla Fleet API on loopback ports."
    )
    hints = get_type_hints(SimulatorConfig)
    for field in dataclasses.fields(SimulatorConfig):
        flag = "--" + field.name.replace("_", "-")
        text = f"{field.metadata['help']} (default: {field.default})"
        parser.add_argument(flag, dest=field.name, help=text, **_kind(hints[field.name], field.default))
    values = vars(parser.parse_args(arguments))
    return SimulatorConfig(**{name: _value(value) for name, value in values.items() if value is not None})


def _kind(hint: Any, default: Any) -> dict[str, Any]:
    """Argparse's keywords for one field type; an absent option is None."""
    if hint is bool:
        return {"action": argparse.BooleanOptionalAction, "default": None}
    if get_origin(hint) is tuple:
        return {"action": "append", **_choices(get_args(hint)[0])}
    return _choices(hint) or {"type": type(default)}


def _choices(hint: Any) -> dict[str, Any]:
    return {"choices": get_args(hint)} if get_args(hint) else {}


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
