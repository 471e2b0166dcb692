"""Our own pages at the end of a consent, for installations without a frontend."""

from __future__ import annotations

from html import escape

from shared.api.page import page


def claim_page(claim: str) -> str:
    """The owner's claim code, to be given to the program that started the consent. It is shown nowhere else."""
    return page(
        "Your Tesla account is ready to be connected",
        "<p>Give this one-time code to the program that sent you here. It holds for a few minutes.</p>"
        f'<code id="claim">{escape(claim)}</code>',
    )


def problem_page(title: str, detail: str) -> str:
    """What went wrong with a consent."""
    return page(title, f"<p>{escape(detail)}. You can close this page and start again.</p>")
