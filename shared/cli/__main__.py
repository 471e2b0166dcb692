"""`./run -a ACTION`: one operator action, its outcome as a table or as JSON, exit code 1 if anything failed."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType

from shared.cli import (
    calls,
    doctor,
    energy_events,
    energy_fleet,
    energy_import_utility,
    energy_sites,
    keygen,
    register,
)
from shared.cli.environment import prepare
from shared.cli.failures import expected, finding_of
from shared.cli.output import Finding, show
from shared.settings import BadSettings

Action = Callable[[argparse.Namespace], list[Finding]]

_ACTIONS: Mapping[str, tuple[Callable[[argparse.ArgumentParser], None], Action, str]] = MappingProxyType(
    {
        "do_tesla_register_partner": (register.arguments, register.run, register.__doc__ or ""),
        "keygen": (keygen.arguments, keygen.run, keygen.__doc__ or ""),
        "doctor": (doctor.arguments, doctor.run, doctor.__doc__ or ""),
        "call": (calls.arguments, calls.run, calls.__doc__ or ""),
        "energy_fleet": (energy_fleet.arguments, energy_fleet.run, energy_fleet.__doc__ or ""),
        "energy_sites": (energy_sites.arguments, energy_sites.run, energy_sites.__doc__ or ""),
        "energy_import_utility": (
            energy_import_utility.arguments,
            energy_import_utility.run,
            energy_import_utility.__doc__ or "",
        ),
        "energy_dispatches": (energy_events.no_arguments, energy_events.listing, energy_events.LIST),
        "energy_plan": (energy_events.wish_arguments, energy_events.planning, energy_events.PLAN),
        "energy_dispatch": (energy_events.wish_arguments, energy_events.dispatching, energy_events.DISPATCH),
        "energy_watch": (energy_events.event_argument, energy_events.watching, energy_events.WATCH),
        "energy_cancel": (energy_events.event_argument, energy_events.cancelling, energy_events.CANCEL),
        "energy_stop": (energy_events.stop_arguments, energy_events.stopping, energy_events.STOP),
        "energy_report": (energy_events.report_arguments, energy_events.reporting, energy_events.REPORT),
    }
)
_EPILOG = "Environment: ENV (dev|tst|prd) or GOOGLE_CLOUD_PROJECT, DOMAIN, REGION; see each action's --help."


def main(arguments: list[str] | None = None) -> int:
    """Run the named action; gives the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    name, rest = _action(given)
    if name is None:
        _overview().print_help()
        return 0 if {"-h", "--help"} & set(given) else 2
    declare, act, doc = _ACTIONS[name]
    parser = argparse.ArgumentParser(prog=f"./run -a {name}", description=doc, epilog=_EPILOG)
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    declare(parser)
    options = parser.parse_args(rest)
    logging.disable(logging.CRITICAL)  # findings are the output; the service's log lines would mix with them
    try:
        prepare(os.environ)
        findings = act(options)
    except BadSettings as error:
        findings = [Finding("settings", "failed", str(error), "set the named environment variables")]
    except expected() as error:
        findings = [finding_of(name, error)]
    show(findings, as_json=options.json)
    return 1 if any(finding.status == "failed" for finding in findings) else 0


def _action(given: list[str]) -> tuple[str | None, list[str]]:
    """The action behind `-a`, and the other words."""
    for flag in ("-a", "--action"):
        if flag in given[:-1]:
            place = given.index(flag)
            name, rest = given[place + 1], given[:place] + given[place + 2 :]
            if name in _ACTIONS:
                return name, rest
            sys.stderr.write(f"there is no action {name!r}\n")
    return None, given


def _overview() -> argparse.ArgumentParser:
    lines = [f"  {name:<28}{doc.strip().splitlines()[0]}" for name, (_, _, doc) in _ACTIONS.items()]
    return argparse.ArgumentParser(
        prog="./run",
        usage="./run -a ACTION [options]",
        description="Operator actions.\n\nactions:\n" + "\n".join(lines),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


if __name__ == "__main__":
    sys.exit(main())
