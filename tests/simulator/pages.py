"""The few web pages a person sees: consent, revocation, and a plain error."""

from __future__ import annotations

from html import escape

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;background:#f4f4f4;color:#171a20;margin:0;display:grid;place-items:center;
min-height:100vh}main{background:#fff;padding:2rem 2.5rem;border-radius:8px;width:min(26rem,90vw);
box-shadow:0 2px 12px #0002}h1{font-size:1.35rem;font-weight:500;margin:0 0 .5rem}p{color:#5c5e62;margin:.2rem 0 1rem}
label{display:flex;gap:.6rem;align-items:center;padding:.45rem 0;border-bottom:1px solid #eee}code{color:#5c5e62;
font-size:.8rem;margin-left:auto}select{font:inherit;width:100%;padding:.4rem;margin-bottom:1rem}
button{font:inherit;padding:.6rem;border:0;border-radius:4px;width:100%;margin-top:.7rem;cursor:pointer;
background:#3e6ae1;color:#fff}button.plain{background:#eee;color:#171a20}.error{color:#b42318}
"""


def page(title: str, content: str, locale: str = "en-US") -> str:
    """A whole HTML page; `content` is markup already."""
    return (
        f'<!DOCTYPE html><html lang="{escape(locale)}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main><h1>{escape(title)}</h1>{content}</main></body></html>"
    )


def consent_page(
    ticket: str, emails: list[str], scopes: list[tuple[str, str]], *, fixed: bool, locale: str, error: str = ""
) -> str:
    """The consent form: whose account, which scopes (name and label), allow or deny.

    Args:
        ticket: Names the authorize request in the posted form.
        emails: Accounts to choose from.
        scopes: Optional scopes, each with a ticked box.
        fixed: Whether boxes cannot be unticked (require_requested_scopes).
        locale: The page's language tag.
        error: A line to show above the form.
    """
    people = "".join(f"<option>{escape(email)}</option>" for email in emails)
    lock = " disabled" if fixed else ""
    boxes = "".join(
        f'<label><input type="checkbox" name="scope" value="{escape(name)}" checked{lock}> {escape(label)}'
        f"<code>{escape(name)}</code></label>"
        for name, label in scopes
    )
    form = (
        f'<p class="error">{escape(error)}</p><form method="post" action="/oauth2/v3/authorize">'
        f'<input type="hidden" name="ticket" value="{escape(ticket)}"><select name="email">{people}</select>{boxes}'
        '<button name="action" value="allow">Allow</button>'
        '<button class="plain" name="action" value="deny">Deny</button></form>'
    )
    return page("Car Pulse Tracker wants to access your Tesla account", "<p>Choose what to share.</p>" + form, locale)


def revoke_page(client_id: str, back_url: str, emails: list[str]) -> str:
    """The form with which an owner withdraws the application's consent."""
    people = "".join(f"<option>{escape(email)}</option>" for email in emails)
    form = (
        '<form method="post" action="/user/revoke/consent">'
        f'<input type="hidden" name="revoke_client_id" value="{escape(client_id)}">'
        f'<input type="hidden" name="back_url" value="{escape(back_url)}"><select name="email">{people}</select>'
        "<button>Remove access</button></form>"
    )
    return page("Remove third-party access", form)
