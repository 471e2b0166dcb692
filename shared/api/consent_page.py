"""Our own pages at the end of a consent, for installations without a frontend."""

from __future__ import annotations

from html import escape

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.5rem;color:#1c2430}"
    "h1{font-size:1.5rem}code{display:block;padding:.8rem;background:#eef1f5;border-radius:.5rem;"
    "overflow-wrap:anywhere;user-select:all}p{color:#445}"
)


def claim_page(claim: str) -> str:
    """The owner's claim code, to be given to the program that started the consent. It is shown nowhere else."""
    return _page(
        "Your Tesla account is ready to be connected",
        "<p>Give this one-time code to the program that sent you here. It holds for a few minutes.</p>"
        f'<code id="claim">{escape(claim)}</code>',
    )


def problem_page(title: str, detail: str) -> str:
    """What went wrong with a consent."""
    return _page(title, f"<p>{escape(detail)}. You can close this page and start again.</p>")


def _page(title: str, body: str) -> str:
    heading = escape(title)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{heading}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{heading}</h1>{body}</main></body></html>"
    )
