"""The body of a Pub/Sub push request (docs: Pub/Sub, push subscriptions), both spellings as Google sends them."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

from shared.platform.ports import Delivery


def envelope(delivery: Delivery, subscription: str) -> bytes:
    """The JSON body for one delivery attempt; `subscription` is the full resource name."""
    published = timestamp(delivery.published)
    message = {
        "data": base64.b64encode(delivery.event.data).decode(),
        "attributes": dict(delivery.event.attributes),
        "messageId": delivery.message_id,
        "message_id": delivery.message_id,
        "publishTime": published,
        "publish_time": published,
    }
    body = {"message": message, "subscription": subscription, "deliveryAttempt": delivery.attempt}
    return json.dumps(body).encode()


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
