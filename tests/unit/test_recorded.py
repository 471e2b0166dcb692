"""One release reads what the other wrote, while one is deployed and where it is rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Literal

import msgspec
import pytest

from shared import handlers
from shared.manifest import read_manifest
from shared.platform.documents import Collection
from shared.platform.embedded.documents import SqliteDocuments
from tests.recorded.compatible import problems
from tests.recorded.files import read_all, recording_of
from tests.recorded.kinds import Kind, kinds
from tests.recorded.shape import grown
from tests.terraform.schema import ROOT


def test_every_type_is_recorded() -> None:
    assert set(read_all()) == set(kinds()), "run: make recordings"


def test_the_message_of_every_topic_is_recorded() -> None:
    functions = read_manifest(ROOT / "functions" / "functions.yaml").functions
    topics = {name for name, item in functions.items() if item.topic}
    handled = {name for name in topics if hasattr(handlers, name)}
    assert handled == topics, "messages are told from shared/handlers"


@pytest.mark.parametrize("name", sorted(read_all()))
def test_this_release_runs_beside_the_recorded_one(name: str) -> None:
    assert name in kinds(), "run: make recordings"
    assert problems(kinds()[name], read_all()[name]) == []


@pytest.mark.parametrize("name", sorted(name for name in read_all() if name.startswith("document.")))
def test_a_stored_document_of_either_release_is_read(name: str, documents: SqliteDocuments) -> None:
    kind, body = kinds()[name], read_all()[name].example
    documents.put("older", "k", body)
    documents.put("newer", "k", grown(kind.type, body))
    read = [Collection(documents, collection, kind.type).get("k") for collection in ("older", "newer")]
    assert read[0] is not None
    assert read[1] is not None
    assert read[0].value == read[1].value


@pytest.fixture
def documents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteDocuments]:
    """A store of the test's own."""
    with closing(SqliteDocuments(tmp_path_factory.mktemp("documents") / "documents.db")) as store:
        yield store


class Inner(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the document below."""

    a: int


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """As the recorded release knows it."""

    name: str
    state: Literal["open", "shut"] = "open"
    parts: tuple[Inner, ...] = ()


class Compatible(Before, frozen=True, kw_only=True):
    """A field more, with a default, and what is in it is new as a whole."""

    more: Inner | None = None


class NoDefault(Before, frozen=True, kw_only=True):
    """A field more that old documents lack."""

    more: int


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """A field less that the recorded release needs."""

    state: Literal["open", "shut"] = "open"
    parts: tuple[Inner, ...] = ()


class Silent(Before, frozen=True, kw_only=True, omit_defaults=True):
    """A field that is not written any more where it has its new default."""

    name: str = ""


class Fewer(msgspec.Struct, frozen=True, kw_only=True):
    """A value less than old documents may have."""

    name: str
    state: Literal["open"] = "open"
    parts: tuple[Inner, ...] = ()


class Closed(Before, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It refuses what a newer release adds."""


class Retyped(msgspec.Struct, frozen=True, kw_only=True):
    """Another type under an old name."""

    name: int
    state: Literal["open", "shut"] = "open"
    parts: tuple[Inner, ...] = ()


class Listed(msgspec.Struct, frozen=True, array_like=True):
    """Fields by place."""

    name: str


class ListedLonger(msgspec.Struct, frozen=True, array_like=True):
    """A place more, with a default."""

    name: str
    more: float = 0.0


class ListedOtherwise(msgspec.Struct, frozen=True, array_like=True):
    """Another type in an old place."""

    name: float


def _problems(changed: type, before: type = Before) -> list[str]:
    return problems(Kind("document.x", changed, "document"), recording_of(Kind("document.x", before, "document")))


@pytest.mark.parametrize("changed", [Before, Compatible])
def test_what_either_release_reads_is_accepted(changed: type) -> None:
    assert _problems(changed) == []


def test_places_are_added_at_the_end_only() -> None:
    assert _problems(ListedLonger, Listed) == []
    assert any("cannot read what the recording wrote" in problem for problem in _problems(ListedOtherwise, Listed))


@pytest.mark.parametrize(
    ("changed", "seen"),
    [
        (NoDefault, "more is new and has no default"),
        (Gone, "name is not always written any more"),
        (Silent, "name is not always written any more"),
        (Fewer, "state may still be 'shut'"),
        (Closed, "refuses fields of a newer release"),
        (Retyped, "cannot read what the recording wrote"),
    ],
)
def test_what_one_release_could_not_read_is_seen(changed: type, seen: str) -> None:
    assert any(seen in problem for problem in _problems(changed))


def test_a_part_that_is_left_out_as_a_whole_is_no_problem() -> None:
    class Shorter(msgspec.Struct, frozen=True, kw_only=True):
        name: str
        state: Literal["open", "shut"] = "open"

    assert _problems(Shorter) == []
