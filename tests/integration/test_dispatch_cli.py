"""Events on the command line: plan, dispatch, list, watch, cancel, stop and report, each as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta, timezone
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from shared import bootstrap
from tests.integration.dispatch_place import Place, running_place
from tests.lab import ROOT
from tests.simulator import Simulator, SimulatorConfig
from tests.simulator.energy_control import SiteChange

Done: TypeAlias = subprocess.CompletedProcess[str]
Run: TypeAlias = Callable[..., Done]
ACTIONS = ("dispatches", "plan", "dispatch", "watch", "cancel", "stop", "report")


@pytest.fixture(scope="module")
def tesla() -> Iterator[Simulator]:
    """One owner with a few sites."""
    config = SimulatorConfig(accounts=1, vehicles=0, sites=6, mixed_settings=True, empty_site=False)
    with Simulator(config) as simulator:
        yield simulator


@pytest.fixture
def place(tesla: Simulator, tmp_path: Path) -> Iterator[Place]:
    with running_place(tesla, tmp_path) as found:
        yield found


@pytest.fixture
def run(place: Place, tmp_path: Path) -> Run:
    """`./run -a energy_ACTION WORDS` at the place's time."""

    def started(action: str, *words: str) -> Done:
        command = [str(ROOT / "run"), "-a", f"energy_{action}", *words]
        return subprocess.run(command, env=_environ(place, tmp_path), capture_output=True, text=True, check=False)

    return started


def _environ(place: Place, folder: Path) -> dict[str, str]:
    ahead = folder / "ahead"
    ahead.write_text(str(place.lab.clock.shift.total_seconds()))
    return {
        "PATH": os.environ["PATH"],
        "BACKEND": "embedded",
        "STATE_DIR": bootstrap.settings().state_dir,
        "CLOCK_OFFSET_FILE": str(ahead),
        "SECRET_BNC_CPT_TOKEN_KEY": os.environ["SECRET_BNC_CPT_TOKEN_KEY"],
        "SECRET_LOCAL_URL_KEY": os.environ["SECRET_LOCAL_URL_KEY"],
    }


def _findings(done: Done) -> dict[str, Any]:
    return {finding["subject"]: finding for finding in json.loads(done.stdout)}


def _dispatched(run: Run, *words: str) -> str:
    done = run("dispatch", "--kw", "3", "--json", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(_findings(done)["event"]["data"])


def test_a_plan_is_shown_and_not_kept(place: Place, run: Run) -> None:
    done = run("plan", "--kw", "3", "--minutes", "30")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3.0 of 3.0 kW" in done.stdout
    assert "event" not in {line.split()[1] for line in done.stdout.splitlines()}
    assert place.desk.book.all() == []
    assert "there are none" in run("dispatches").stdout


def test_more_than_the_fleet_has_is_committed_as_less_with_the_reason_in_words(run: Run) -> None:
    found = _findings(run("plan", "--kw", "5000", "--strategy", "export", "--json"))
    assert found["verdict"]["detail"] == "less"
    assert found["limit"]["detail"] == "The eligible sites cannot carry the whole target to the end of the event."


def test_an_event_may_begin_in_steps(place: Place, run: Run) -> None:
    name = _dispatched(run, "--ramp", "15")
    assert place.dispatch(name).signal.ramp_minutes == 15
    planned = run("plan", "--kw", "3", "--minutes", "10", "--ramp", "15")
    assert planned.returncode == 1
    assert "The ramp is longer than the event." in planned.stdout
    refused = run("plan", "--kw", "3", "--ramp", "241")
    assert refused.returncode == 2
    assert "0 to 240 minutes" in refused.stderr


def test_an_event_is_dispatched_listed_watched_and_reported(place: Place, run: Run, tmp_path: Path) -> None:
    name = _dispatched(run, "--minutes", "20", "--programme", "drill", "--test")
    listed = run("dispatches")
    assert f"{name}  scheduled, discharge" in listed.stdout
    place.work_off()
    assert place.changed()
    watcher = subprocess.Popen(
        [ROOT / "run", "-a", "energy_watch", name],
        env=_environ(place, tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watcher.stdout is not None
    assert "active: " in watcher.stdout.readline()
    place.live_through(30)
    seen, _ = watcher.communicate(timeout=60)
    assert watcher.returncode == 0
    assert f"{name}  done, discharge" in seen
    assert place.changed() == []
    final = json.loads(run("watch", name, "--json").stdout)
    assert (len(final), final[0]["data"]["state"]) == (1, "done")
    folder = tmp_path / "reports" / "of-today"
    done = run("report", name, "--to", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert files[f"{name}.pdf"].startswith(b"%PDF-")
    assert files[f"{name}-sites.csv"].count(b"\n") == 1 + len(place.records(name))
    assert files[f"{name}-intervals.csv"].count(b"\n") == 5


def test_an_event_is_cancelled_and_the_rest_stopped(place: Place, run: Run) -> None:
    names = [_dispatched(run, "--kw", "1"), _dispatched(run, "--kw", "1")]
    place.work_off()
    assert run("cancel", names[0], "--reason", "drill").returncode == 0
    place.work_off()
    stop = place.dispatch(names[0]).stop
    assert place.dispatch(names[1]).stop is None
    assert not place.dispatch(names[1]).state.final
    assert stop is not None
    assert (stop.reason, stop.actor.startswith("command line (")) == ("drill", True)
    stopped = json.loads(run("stop", "--json").stdout)
    assert [finding["subject"] for finding in stopped] == [names[1]]
    place.work_off()
    assert place.changed() == []
    assert "none is under way" in run("stop").stdout


@pytest.mark.parametrize("action", ["watch", "cancel", "report"])
@pytest.mark.parametrize("name", ["none-such", "../../x", "a.0000"])
def test_an_event_that_there_is_not_fails_in_words(run: Run, action: str, name: str) -> None:
    done = run(action, name)
    assert done.returncode == 1
    assert "no such event" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["--kw", "0"], "kW above 0"),
        (["--kw", "nan"], "kW above 0"),
        (["--kw", "much"], "--kw: name kW above 0"),
        (["--minutes", "5"], "--kw"),
        (["--kw", "3", "--minutes", "1441"], "5 to 1440 minutes"),
        (["--kw", "3", "--start", "2026-07-14T18:00"], "offset"),
        (["--kw", "3", "--start", "9999-12-31T23:59+00:00"], "years"),
        (["--kw", "3", "--minutes", "an hour"], "--minutes: 5 to 1440 minutes"),
        (["--kw", "3", "--start", "tomorrow"], "--start: name a moment as ISO 8601"),
        (["--kw", "3", "--strategy", "sell"], "--strategy"),
        (["--kw", "3", "--priority", "-1"], "--priority"),
        (["--kw", "3", "--programme", "x" * 101], "--programme"),
    ],
    ids=str,
)
def test_a_wish_of_the_wrong_form_is_refused_before_anything_is_asked(run: Run, words: list[str], wrong: str) -> None:
    done = run("dispatch", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert wrong in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_has_help(run: Run, action: str) -> None:
    done = run(action, "--help")
    assert (done.returncode, "usage" in done.stdout) == (0, True)


def test_a_start_in_the_past_is_answered_as_expired(run: Run) -> None:
    done = run("dispatch", "--kw", "3", "--start", "2020-07-14T18:00+02:00")
    assert done.returncode == 1
    assert "expired" in done.stdout
    assert "name a start that lies ahead" in done.stdout


def test_what_is_refused_is_not_named_as_an_event(place: Place, run: Run) -> None:
    for site in place.sites:
        place.simulator.control.change_site(site, SiteChange(percentage_charged=1.0))
    place.poll()
    done = run("dispatch", "--kw", "3", "--json")
    assert (done.returncode, _findings(done)["verdict"]["detail"]) == (1, "refused")
    assert "event" not in _findings(done)
    assert "there are none" in run("dispatches").stdout


def test_times_are_told_in_utc_and_to_the_minute(place: Place, run: Run) -> None:
    start = (place.now + timedelta(days=2)).astimezone(timezone(timedelta(hours=-8)))
    found = _findings(run("plan", "--kw", "3", "--start", start.isoformat(), "--json"))
    assert found["commands from"]["detail"].endswith(f"earliest start {start.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    assert found["commands from"]["detail"].count(" UTC") == 2


@pytest.mark.parametrize("words", [["cancel", "any"], ["stop"]], ids=str)
def test_a_reason_has_an_end(run: Run, words: list[str]) -> None:
    done = run(*words, "--reason", "x" * 201)
    assert (done.returncode, done.stdout) == (2, "")
    assert "at most 200 characters" in done.stderr


def test_a_report_that_cannot_be_written_says_so(run: Run, tmp_path: Path) -> None:
    name = _dispatched(run)
    (tmp_path / "file").write_text("no folder")
    done = run("report", name, "--to", str(tmp_path / "file"))
    assert (done.returncode, done.stderr) == (1, "")
    assert "cannot be written" in done.stdout
