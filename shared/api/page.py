"""The frame of our own few HTML pages."""

from __future__ import annotations

from html import escape

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.5rem;color:#1c2430}"
    "h1{font-size:1.5rem}code{display:block;padding:.8rem;background:#eef1f5;border-radius:.5rem;"
    "overflow-wrap:anywhere;user-select:all}p{color:#445}"
)


def page(title: str, body: str, *, style: str = "") -> str:
    """A page with this title and body; `body` and `style` are ours, and escaped where they quote others."""
    heading = escape(title)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{heading}</title><style>{_STYLE}{style}</style></head>"
        f"<body><main><h1>{heading}</h1>{body}</main></body></html>"
    )
