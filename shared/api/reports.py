"""The public route of the `orders` function: whether a report is genuine."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from shared.api.services import Services
from shared.api.verify_page import bad_digest_page, policy, verify_page
from shared.edge.problems import INVALID_QUERY, Problem
from shared.edge.routes import Call, Reply, Route
from shared.orders.verification import Verification, verify

_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_LONGEST = 100


class VerifyQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The SHA-256 of a PDF in 64 hexadecimal digits; without it only the report itself is looked up."""

    sha256: Annotated[str, msgspec.Meta(max_length=_LONGEST)] = ""


def verify_report(services: Services, call: Call) -> Reply:
    """The verdict: as data, or as a page for whoever scans the code in the PDF."""
    query: VerifyQuery = call.query
    report_id, sha256 = call.path["report_id"], query.sha256.strip()
    if sha256 and not _SHA256.fullmatch(sha256):
        if call.wants_html:
            return _page(bad_digest_page(report_id), status=INVALID_QUERY.status)
        raise Problem(INVALID_QUERY, "sha256 has 64 hexadecimal digits")
    found = verify(services.desk.book, services.desk.clock.now(), report_id, sha256)
    return _page(verify_page(found)) if call.wants_html else Reply(found, headers={"Vary": "Accept"})


def _page(html: str, status: int = 200) -> Reply:
    return Reply(html=html, status=status, headers={"Content-Security-Policy": policy(), "Vary": "Accept"})


ROUTES: tuple[Route[Services], ...] = (
    Route(
        method="GET",
        path="/api/v1/reports/<report_id>/verify",
        name="verifyReport",
        summary="Whether a report exists and, with the SHA-256 of a PDF, whether that file is it",
        handler=verify_report,
        query=VerifyQuery,
        answer=Verification,
        page=True,
    ),
)
