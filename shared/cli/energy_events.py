"""Actions on dispatch events: list, plan, dispatch, watch, cancel, stop, report. They work on the stores directly."""

from __future__ import annotations

import argparse
import getpass
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from shared import bootstrap
from shared.cli.energy_words import in_utc
from shared.cli.output import Finding
from shared.energy.dispatch.answers import SignalAnswer, Verdict
from shared.energy.dispatch.desk import DispatchDesk
from shared.energy.dispatch.event_csv import intervals_csv, sites_csv
from shared.energy.dispatch.event_facts import EventFacts
from shared.energy.dispatch.event_report import render_event
from shared.energy.dispatch.model import BadSignal, Dispatch, Signal, Strategy, require_plausible
from shared.platform.errors import NotFound, WorkBusy

T = TypeVar("T")
LIST = """List dispatch events, the latest first: ENV=dev ./run -a energy_dispatches."""
PLAN = """Plan a dispatch and keep nothing: ENV=dev ./run -a energy_plan --kw 500 --minutes 60."""
DISPATCH = """Dispatch the fleet: ENV=dev ./run -a energy_dispatch --kw 500 --minutes 60 --strategy export."""
WATCH = """Watch an event until it is over: ENV=dev ./run -a energy_watch EVENT."""
CANCEL = """End an event now and restore its sites: ENV=dev ./run -a energy_cancel EVENT."""
STOP = """Cancel every event and restore every site: ENV=dev ./run -a energy_stop --reason TEXT."""
REPORT = """Write an event's report, sites and intervals to a folder: ENV=dev ./run -a energy_report EVENT."""

_LOOK_S = 5.0
_MOST_KW, _LEAST_MINUTES, _MOST_MINUTES = 1e7, 5, 1_440
_MOST_RAMP_MINUTES = 240
_LONGEST_PROGRAMME, _LONGEST_REASON = 100, 200
_FONTS = Path(__file__).resolve().parents[2] / "functions" / "build_report" / "fonts"
_WRONG_ID = "list the events with energy_dispatches"
_KEPT = (Verdict.ACCEPTED, Verdict.LESS)
_REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        Verdict.REFUSED: "see what the fleet has with energy_fleet, and when it could be commanded below",
        Verdict.EXPIRED: "name a start that lies ahead",
        Verdict.DISABLED: "dispatch is switched off (DISPATCH_ENABLED)",
    }
)


def no_arguments(parser: argparse.ArgumentParser) -> None:
    """No options of its own."""
    parser.set_defaults()


def event_argument(parser: argparse.ArgumentParser) -> None:
    """The event, and why it is ended."""
    parser.add_argument("event", metavar="EVENT", help="the event's id")
    stop_arguments(parser)


def stop_arguments(parser: argparse.ArgumentParser) -> None:
    """Why."""
    parser.add_argument("--reason", type=_reason, default="", help="for the audit trail")


def wish_arguments(parser: argparse.ArgumentParser) -> None:
    """What the fleet is asked for."""
    parser.add_argument("--kw", type=_kw, required=True, help="kW to deliver")
    parser.add_argument("--minutes", type=_minutes, default=60, help="for how long, 5 to 1440 (60)")
    parser.add_argument("--start", type=_moment, help="ISO 8601 with offset; now without it")
    parser.add_argument("--strategy", choices=[one.value for one in Strategy], default=Strategy.DISCHARGE.value)
    parser.add_argument("--programme", type=_programme, default="", help="the utility's programme")
    parser.add_argument("--priority", type=int, choices=range(1_001), default=0, metavar="N", help="0 is the highest")
    parser.add_argument("--test", action="store_true", help="mark the event as a test")
    parser.add_argument("--ramp", type=_ramp, default=0.0, metavar="MINUTES", help="begin in steps, 0 to 240 (0)")


def report_arguments(parser: argparse.ArgumentParser) -> None:
    """Which event, and where to."""
    parser.add_argument("event", metavar="EVENT", help="the event's id")
    parser.add_argument("--to", type=Path, default=Path("build"), help="folder for the files (build)")


def listing(_options: argparse.Namespace) -> list[Finding]:
    """One finding per event."""
    found = [_finding(one) for one in _desk().book.all()]
    return found or [Finding("events", "skipped", "there are none")]


def planning(options: argparse.Namespace) -> list[Finding]:
    """The plan."""
    return _ask(options, dry_run=True)


def dispatching(options: argparse.Namespace) -> list[Finding]:
    """The answer, and how to follow it."""
    return _ask(options, dry_run=False)


def watching(options: argparse.Namespace) -> list[Finding]:
    """Progress line by line while the event runs; its end as the finding."""
    desk, shown = _desk(), ""
    while True:
        try:
            dispatch = desk.proof.dispatch(options.event)
        except NotFound:
            return [Finding(options.event, "failed", "no such event", _WRONG_ID)]
        line = _progress(dispatch)
        if line != shown and not options.json:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
            shown = line
        if dispatch.state.final:
            return [_finding(dispatch)]
        try:
            bootstrap.clock.sleep(_LOOK_S)
        except KeyboardInterrupt:  # whoever watches may stop watching
            return [_finding(dispatch)]


def cancelling(options: argparse.Namespace) -> list[Finding]:
    """What became of it."""
    try:
        return [_finding(_desk().service.cancel(options.event, _actor(), options.reason))]
    except NotFound:
        return [Finding(options.event, "failed", "no such event", _WRONG_ID)]


def stopping(options: argparse.Namespace) -> list[Finding]:
    """The events that were cancelled."""
    found = _desk().service.stop_all(_actor(), options.reason)
    done = [Finding(name, "ok", "cancelled; its sites are restored now") for name in found]
    return done or [Finding("events", "skipped", "none is under way")]


def reporting(options: argparse.Namespace) -> list[Finding]:
    """The files that were written."""
    try:
        facts = _desk().proof.facts(options.event)
    except NotFound:
        return [Finding(options.event, "failed", "no such event", _WRONG_ID)]
    try:
        options.to.mkdir(parents=True, exist_ok=True)
        return list(_written(facts, options.to))
    except OSError as error:
        told = f"cannot be written: {error.strerror or type(error).__name__}"
        return [Finding(str(options.to), "failed", told, "name another folder with --to")]


def _written(facts: EventFacts, folder: Path) -> Iterator[Finding]:
    event = facts.dispatch.signal
    installed = [path for path in map(Path, bootstrap.settings().report_fallback_fonts) if path.is_file()]
    files = {
        f"{event.id}.pdf": render_event(facts, fonts=_FONTS, fallback_fonts=installed),
        f"{event.id}-sites.csv": sites_csv(facts.records, event.start, event.ends_at).encode(),
        f"{event.id}-intervals.csv": intervals_csv(facts.settlement).encode(),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
        yield Finding(name, "ok", str(folder / name))


def _ask(options: argparse.Namespace, *, dry_run: bool) -> list[Finding]:
    start = options.start or bootstrap.clock.now()
    signal = Signal(
        id=f"manual-{start:%Y%m%d-%H%M}-{secrets.token_hex(4)}",
        start=start,
        end=start + timedelta(minutes=options.minutes),
        target_kw=options.kw,
        strategy=Strategy(options.strategy),
        programme=options.programme,
        priority=options.priority,
        test=options.test,
        ramp_minutes=options.ramp,
    )
    try:
        return list(_answered(_desk().service.receive(signal, _actor(), dry_run=dry_run)))
    except BadSignal as error:
        return [Finding("signal", "failed", problem, "change it and try again") for problem in error.problems]
    except WorkBusy as error:
        return [Finding("signal", "failed", str(error), "try again in a moment")]


def _answered(answer: SignalAnswer) -> Iterator[Finding]:
    plan, kept = answer.plan, answer.verdict in _KEPT
    remedy = _REMEDIES.get(answer.verdict, "")
    yield Finding("verdict", "ok" if kept else "failed", answer.verdict, remedy, data=answer)
    if plan is None:
        return
    yield Finding("committed", "ok", f"{plan.committed_kw:.1f} of {plan.target_kw:.1f} kW for {plan.hours:.2f} h")
    yield Finding("sites", "ok", f"{plan.sites}, and {plan.bench} in reserve")
    yield Finding("commands from", "ok", f"{in_utc(plan.command_from)}, earliest start {in_utc(plan.earliest_start)}")
    yield Finding("cost", "ok", f"{plan.calls} calls, ${plan.cost_usd:.4f}")
    for code, sites in plan.excluded.items():
        yield Finding(code, "warning", f"{sites} site(s) left out", answer.words[code])
    for reason in plan.reasons:
        yield Finding("limit", "warning", answer.words[reason])
    if kept and not answer.dry_run:
        yield Finding("event", "ok", answer.dispatch, data=answer.dispatch)


def _finding(dispatch: Dispatch) -> Finding:
    signal, counts = dispatch.signal, dispatch.counts
    detail = (
        f"{dispatch.state}, {signal.strategy}, {signal.start:%Y-%m-%d %H:%M} to {signal.ends_at:%H:%M} UTC, "
        f"{dispatch.plan.committed_kw:.1f} of {signal.target_kw:.1f} kW committed, "
        f"{counts.confirmed} sites confirmed, {counts.restored} restored, {counts.unfinished} unfinished"
    )
    return Finding(
        signal.id, "warning" if counts.not_restored else "ok", detail, "see the sites in its report", data=dispatch
    )


def _progress(dispatch: Dispatch) -> str:
    counts, last = dispatch.counts, dispatch.progress[-1] if dispatch.progress else None
    now = f"{last.at:%H:%M:%S} {last.delivered_kw:.1f} kW" if last else "nothing delivered yet"
    goal_kw = dispatch.course.goal_kw(last.at) if last else dispatch.plan.committed_kw
    return (
        f"{dispatch.state}: {now} of {goal_kw:.1f} committed; accepted {counts.accepted}, "
        f"confirmed {counts.confirmed}, delivering {counts.delivering}, restored {counts.restored}"
    )


def _desk() -> DispatchDesk:
    return bootstrap.dispatch_desk()


def _actor() -> str:
    return f"command line ({getpass.getuser()})"


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("name a moment as ISO 8601, such as 2026-07-14T18:00+02:00") from None
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("name the offset from UTC, such as 2026-07-14T18:00+02:00")
    try:
        require_plausible(moment)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return moment


def _kw(text: str) -> float:
    value = _number(text, float)
    if value is None or not 0 < value <= _MOST_KW:
        raise argparse.ArgumentTypeError(f"name kW above 0, at most {_MOST_KW:.0f}")
    return value


def _minutes(text: str) -> int:
    value = _number(text, int)
    if value is None or not _LEAST_MINUTES <= value <= _MOST_MINUTES:
        raise argparse.ArgumentTypeError(f"{_LEAST_MINUTES} to {_MOST_MINUTES} minutes")
    return value


def _ramp(text: str) -> float:
    value = _number(text, float)
    if value is None or not 0 <= value <= _MOST_RAMP_MINUTES:
        raise argparse.ArgumentTypeError(f"0 to {_MOST_RAMP_MINUTES} minutes")
    return value


def _number(text: str, kind: Callable[[str], T]) -> T | None:
    """The number; None where the text is none, for which argparse would name our function."""
    try:
        return kind(text)
    except ValueError:
        return None


def _programme(text: str) -> str:
    return _short(text, _LONGEST_PROGRAMME)


def _reason(text: str) -> str:
    return _short(text, _LONGEST_REASON)


def _short(text: str, most: int) -> str:
    if len(text) > most:
        raise argparse.ArgumentTypeError(f"at most {most} characters")
    return text
