"""The bench harness: which benches there are, what a measurement becomes, and what a failing bench leaves behind."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.bench.__main__ import main
from tests.bench.model import Bench, Better, Invalid, Measurement
from tests.bench.registry import find_benches, in_order
from tests.bench.results import BadResults, entry_of, merge_results, read_results
from tests.bench.sampling import interleaved


def _bench(key: str, *samples: float, better: Better = "lower", **peers: tuple[float, ...]) -> Bench:
    measured = Measurement(samples=samples, peers=peers, note="settings")
    return Bench(key=key, unit="s", better=better, measure=lambda _runs: measured)


def _entry(bench: Bench) -> dict[str, Any]:
    return entry_of(bench, bench.measure(1))


def _failing(_runs: int) -> Measurement:
    raise Invalid("the peer did other work")


SOUND = """
from tests.bench.model import Bench, Measurement
BENCHES = (Bench(key="sound_s", unit="s", better="lower", measure=lambda runs: Measurement(samples=(1.0,))),)
"""
FAILING = Bench(key="broken_s", unit="s", better="lower", measure=_failing)


def test_the_benches_of_the_project_are_found() -> None:
    found = {bench.key: bench for bench in find_benches()}
    assert {"delivery_ms", "order_to_pdf_s", "report_ms", "simulator_answers_per_s", "stack_start_s"} <= set(found)
    assert found["order_to_pdf_s"].better == "lower"
    assert found["simulator_answers_per_s"].better == "higher"
    assert list(found) == sorted(found)


def test_a_module_that_cannot_be_imported_fails_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "benches_of_a_test"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "helper.py").write_text("VALUE = 1")
    (package / "broken.py").write_text("import a_module_that_is_nowhere")
    (package / "sound.py").write_text(SOUND)
    monkeypatch.syspath_prepend(tmp_path)
    found = find_benches(package.name)
    assert [bench.key for bench in found] == ["broken", "sound_s"]
    assert main([], benches=found, results=tmp_path / "bench.json") == 1
    assert set(read_results(tmp_path / "bench.json")) == {"sound_s"}


def test_two_benches_of_one_key_are_refused() -> None:
    with pytest.raises(ValueError, match="more than one bench of the key twice_s"):
        in_order([_bench("twice_s", 1.0), _bench("once_s", 1.0), _bench("twice_s", 2.0)])


def test_runs_alternate_between_us_and_the_peer() -> None:
    order: list[str] = []

    def take(name: str) -> float:
        order.append(name)
        return float(len(order))

    assert interleaved(3, lambda: take("A"), lambda: take("B")) == [(1.0, 3.0, 5.0), (2.0, 4.0, 6.0)]
    assert order == ["A", "B", "A", "B", "A", "B"]


def test_an_entry_holds_medians_and_extremes() -> None:
    assert _entry(_bench("order_s", 9.0, 1.9, 1.5, peer=(2.4, 99.0, 2.0))) == {
        "value": 1.9,
        "unit": "s",
        "better": "lower",
        "peers": {"peer": 2.4},
        "ratio": 0.7917,
        "runs": 3,
        "min": 1.5,
        "max": 9.0,
        "note": "settings",
    }


@pytest.mark.parametrize(("better", "ratio"), [("lower", 2.0), ("higher", 0.5)])
def test_the_ratio_is_to_the_best_peer(better: Better, ratio: float) -> None:
    assert _entry(_bench("x", 2.0, better=better, fast=(1.0,), slow=(4.0,)))["ratio"] == ratio


@pytest.mark.parametrize("peers", [{}, {"nothing": (0.0,)}])
def test_there_is_no_ratio_without_a_peer_to_divide_by(peers: dict[str, tuple[float, ...]]) -> None:
    entry = _entry(
        Bench(key="x", unit="s", better="lower", measure=lambda _: Measurement(samples=(1.0,), peers=peers))
    )
    assert entry["ratio"] is None
    assert "note" not in entry


def test_results_of_other_keys_stay(tmp_path: Path) -> None:
    path = tmp_path / "build" / "bench.json"
    merge_results(path, {"a": {"value": 1.0}, "b": {"value": 2.0}})
    merge_results(path, {"b": {"value": 3.0}})
    assert read_results(path) == {"a": {"value": 1.0}, "b": {"value": 3.0}}
    assert [each.name for each in path.parent.iterdir()] == ["bench.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"'])
def test_a_file_of_something_else_is_not_written_over(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bench.json"
    path.write_text(content)
    with pytest.raises(BadResults):
        main([], benches=[_bench("a_s", 1.0)], results=path)
    assert path.read_text() == content


def test_a_run_writes_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bench.json"
    benches = [_bench("a_s", 1.25), _bench("b_s", 2.0, rival=(4.5,))]
    assert main([], benches=benches, results=path) == 0
    entries = json.loads(path.read_text())
    assert {key: entry["value"] for key, entry in entries.items()} == {"a_s": 1.25, "b_s": 2.0}
    assert entries["a_s"]["note"].startswith("settings; ")
    shown = capsys.readouterr().out
    assert "1.25 s" in shown
    assert "rival" in shown
    assert "4.5" in shown


def test_only_the_chosen_benches_run(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    benches = [_bench(key, 1.0) for key in ("a_s", "b_s", "c_s")]
    assert main(["--only", "a_s", "c_s"], benches=benches, results=path) == 0
    assert set(read_results(path)) == {"a_s", "c_s"}


def test_an_unknown_key_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--only", "typo_s"], benches=[_bench("a_s", 1.0)], results=tmp_path / "bench.json")
    assert ended.value.code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("arguments", "runs"), [([], 7), (["--runs", "3"], 3)])
def test_the_number_of_runs_is_the_benchs_own_unless_asked_for(
    tmp_path: Path, arguments: list[str], runs: int
) -> None:
    def measure(wanted: int) -> Measurement:
        return Measurement(samples=tuple(float(number) for number in range(wanted)))

    bench = Bench(key="a_s", unit="s", better="lower", measure=measure, runs=7)
    assert main(arguments, benches=[bench], results=tmp_path / "bench.json") == 0
    assert read_results(tmp_path / "bench.json")["a_s"]["runs"] == runs


def test_a_failing_bench_is_named_and_the_others_still_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bench.json"
    merge_results(path, {"broken_s": {"value": 5.0}})
    with caplog.at_level(logging.ERROR):
        assert main([], benches=[FAILING, _bench("later_s", 1.0)], results=path) == 1
    assert "broken_s failed" in caplog.text
    assert "the peer did other work" in caplog.text
    assert "failed" in capsys.readouterr().out
    assert read_results(path)["broken_s"] == {"value": 5.0}
    assert read_results(path)["later_s"]["value"] == 1.0


def test_listing_measures_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"], benches=[FAILING], results=tmp_path / "bench.json") == 0
    assert "broken_s" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
