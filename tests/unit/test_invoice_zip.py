"""The ZIP of a vehicle's invoices: the same bytes for the same invoices, and a line for each that is missing."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from shared.orders.archive import INDEX, digest, pack
from shared.orders.names import safe_file_name
from shared.reports.snapshot import InvoiceFile

PDF = b"%PDF-1.4 one"


def _stored(content_id: str, data: bytes = PDF) -> InvoiceFile:
    sha256 = hashlib.sha256(data).hexdigest()
    name = f"{content_id.strip('=')}.pdf"
    return InvoiceFile(content_id=content_id, file_name=name, status="ok", object_name=name, sha256=sha256)


def _opened(data: bytes) -> tuple[dict[str, bytes], dict[str, dict[str, str]]]:
    """The files of the ZIP, and the index by content id."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    rows = csv.DictReader(io.StringIO(files.pop(INDEX).decode(), newline=""))
    return files, {row["content_id"]: row for row in rows}


def test_stored_invoices_are_in_it_as_they_are() -> None:
    files, index = _opened(pack([(_stored("a"), PDF)]))
    assert files == {"a.pdf": PDF}
    assert list(index["a"]) == ["content_id", "file_name", "status", "reason", "sha256"]
    assert list(index["a"].values()) == ["a", "a.pdf", "ok", "", hashlib.sha256(PDF).hexdigest()]


def test_the_same_invoices_give_the_same_bytes() -> None:
    found = [(_stored("a"), PDF), (_stored("b"), None)]
    assert pack(found) == pack(found)


def test_what_is_missing_is_named_with_its_reason() -> None:
    failed = InvoiceFile(content_id="failed", file_name="failed.pdf", status="failed", reason="not_found")
    silent = InvoiceFile(content_id="silent", file_name="silent.pdf", status="failed")
    found = [
        (failed, None),
        (silent, None),
        (_stored("gone"), None),
        (_stored("empty", b""), b""),
        (_stored("page", b"<html>"), b"<html>"),
        (_stored("other"), b"%PDF-1.4 two"),
        (_stored("good"), PDF),
        (_stored("large", PDF * 9), PDF * 9),
    ]
    files, index = _opened(pack(found, most_bytes=len(PDF)))
    assert set(files) == {"good.pdf"}
    assert {key: row["reason"] for key, row in index.items() if row["status"] == "failed"} == {
        "failed": "not_found",
        "silent": "failed",
        "gone": "missing",
        "empty": "empty",
        "page": "not_a_pdf",
        "other": "changed",
        "large": "too_large",
    }
    assert {row["sha256"] for row in index.values() if row["status"] == "failed"} == {""}


def test_no_text_of_teslas_is_a_formula_in_a_spreadsheet() -> None:
    _files, index = _opened(pack([(_stored("=HYPERLINK(1)"), PDF)]))
    assert list(index) == ["'=HYPERLINK(1)"]


def test_any_change_of_the_list_is_a_new_list() -> None:
    one = _stored("a")
    lists = [[], [one], [_stored("b")], [one, _stored("b")], [_stored("a", b"%PDF-")]]
    assert len({digest(items) for items in lists}) == len(lists)
    assert digest([one, _stored("b")]) == digest([_stored("b"), one])


@given(st.text(max_size=200), st.text(max_size=40))
def test_any_name_of_teslas_becomes_a_plain_file_name(name: str, key: str) -> None:
    hashed = hashlib.sha256(key.encode()).hexdigest()
    safe = safe_file_name(name, hashed)
    assert safe.endswith(".pdf")
    assert safe.isascii()
    assert not safe.startswith((".", "-"))
    assert not set(safe) & set('/\\:*?"<>| ')
    assert safe != safe_file_name(name, hashlib.sha256(f"{key}2".encode()).hexdigest())
