"""The page behind a report's QR code: a verdict, and a field for the PDF, which never leaves the browser.

The one script is allowed by its hash. Where it does not run (switched off, or an address without TLS), the digest can
be made by hand and sent with a plain form.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from html import escape
from types import MappingProxyType

from shared.api.page import page
from shared.orders.verification import Verification

_MOST_BYTES = 50_000_000

_STYLE = (
    ".verdict{padding:1rem;border-left:.4rem solid #8a94a3;background:#eef1f5;border-radius:.3rem}"
    ".good{border-color:#1b7f4b;background:#e8f5ee}.bad{border-color:#b3261e;background:#fdeceb}"
    "b{color:#1c2430}dt{font-size:.85rem;color:#667}dd{margin:0 0 .6rem;overflow-wrap:anywhere}"
    "label{display:block;font-weight:600;margin-bottom:.4rem}input{font:inherit;max-width:100%}"
    "input[name]{width:100%;box-sizing:border-box;padding:.4rem;margin-bottom:.5rem}"
    "button{font:inherit;padding:.4rem 1rem}section,details{margin:1.5rem 0}summary{cursor:pointer}"
    "code{margin:.4rem 0}small{color:#667}"
)
_SCRIPT = (
    "(()=>{const pick=document.getElementById('pick'),note=document.getElementById('note');"
    "if(!window.crypto||!crypto.subtle)return;pick.hidden=false;"
    "document.getElementById('hand').open=false;"
    "document.getElementById('file').addEventListener('change',async event=>{"
    "const file=event.target.files[0];if(!file)return;"
    f"if(file.size>{_MOST_BYTES}){{note.textContent='This file is too large to be a report.';return}}"
    "note.textContent='Reading the file …';try{"
    "const digest=new Uint8Array(await crypto.subtle.digest('SHA-256',await file.arrayBuffer()));"
    "location.search='?sha256='+Array.from(digest,byte=>byte.toString(16).padStart(2,'0')).join('')"
    "}catch(error){note.textContent='The file cannot be read.'}})})()"
)
_FORMS = (
    '<section id="pick" hidden><label for="file">Check a PDF</label>'
    '<input id="file" type="file" accept="application/pdf,.pdf"> <span id="note" role="status"></span>'
    "<p><small>The file stays on this device; only its SHA-256 digest is sent.</small></p></section>"
    '<details id="hand" open><summary>Check a PDF by its SHA-256 digest</summary>'
    '<form method="get"><p><label for="digest">SHA-256 of the file, 64 hexadecimal digits</label>'
    '<input id="digest" name="sha256" required maxlength="100" pattern="\\s*[0-9A-Fa-f]{64}\\s*" autocomplete="off" '
    'spellcheck="false"><button>Compare</button></p></form>'
    "<dl><dt>How to make it on Linux</dt><dd><code>sha256sum report.pdf</code></dd>"
    "<dt>on macOS</dt><dd><code>shasum -a 256 report.pdf</code></dd>"
    "<dt>on Windows</dt><dd><code>certutil -hashfile report.pdf SHA256</code></dd></dl></details>"
    "<p><small>This page tells whether a file is the one that was made, byte for byte. It says nothing about the "
    "vehicle, whose state may have changed since. Compare the report id above with the one that the PDF shows, and "
    "make sure that the address of this page is one that you trust.</small></p>"
)

_WORDS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "absent": (
            "No such report",
            "bad",
            "There is no report with this id: it was never made, its owner has erased it, or the time for which it "
            "was kept is over. Nothing can be said about a file.",
        ),
        "exists": (
            "This report exists",
            "",
            "It was made {built}. Whether a PDF is the unchanged report shows when you check the file.",
        ),
        "genuine": ("✓ Genuine", "good", "The file is this report, unchanged since it was made {issued}."),
        "earlier": (
            "Replaced by a newer file",
            "",
            "The file is an earlier edition of this report, made {issued} and unchanged. The present one, from the "
            "same data, was made {built}.",
        ),
        "other": (
            "✕ Not the file that was made",
            "bad",
            "The report exists, made {built}, but this file is not it: it was changed afterwards, or it is another "
            "file. Do not rely on it.",
        ),
    }
)
"""State -> title, kind and sentence."""


def verify_page(found: Verification) -> str:
    """The verdict in words."""
    title, kind, words = _WORDS[_state(found)]
    said = words.format(built=_moment(found.built_at), issued=_moment(found.issued_at))
    return _page(title, kind, said, found.report_id)


def bad_digest_page(report_id: str) -> str:
    """What was sent is no digest."""
    return _page("This is no SHA-256 digest", "bad", "It has 64 hexadecimal digits. Please try again.", report_id)


@cache
def policy() -> str:
    """The Content-Security-Policy of the page: its own style, its one script, and a form that comes back here."""
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


def _page(title: str, kind: str, words: str, report_id: str) -> str:
    facts = f"<dl><dt>Report id</dt><dd>{escape(report_id)}</dd></dl>"
    body = f'<p class="verdict {kind}" role="status">{words}</p>{facts}{_FORMS}<script>{_SCRIPT}</script>'
    return page(title, body, style=_STYLE)


def _state(found: Verification) -> str:
    """Which of `_WORDS` it is."""
    if not found.known:
        return "absent"
    if found.verdict == "replaced":
        return "earlier" if found.issued_at else "other"
    return found.verdict or "exists"


def _moment(at: datetime | None) -> str:
    return f"on <b>{at.astimezone(UTC):%d %B %Y, %H:%M} UTC</b>" if at else "earlier"
