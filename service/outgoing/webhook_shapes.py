"""The shapes of webhooks in the editor API. No database and no rules."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from service.desk.account_shapes import Name
from service.desk.schemas import Body, Shape
from service.models import Delivery, DeliveryAttempt, Webhook
from service.outgoing.events import Event

Address = Annotated[str, Field(max_length=4_096, examples=["https://receiver.example/huoban"])]
Events = Annotated[list[Event], Field(min_length=1, max_length=len(Event), description="What it wants to hear of.")]


class WebhookIn(Body):
    """An address that wants to hear of what is published."""

    url: Address
    events: Events = Field(default_factory=lambda: list(Event))
    purpose: Name | None = Field(None, description="What it is for, and whom to ask.", examples=["the archive"])


class WebhookPatch(Body):
    """What changes; what is left out stays. Enabling clears the alarm, disabling gives up what waits."""

    url: Address | None = None
    events: Events | None = None
    purpose: Name | None = None
    enabled: bool | None = Field(None, examples=[True])


class WebhookOut(Shape):
    """A webhook without its secret."""

    id: str
    url: str
    purpose: str
    events: list[str]
    enabled: bool
    alarm: str | None = Field(description="Why it was disabled, where no person did it.")
    failing_since: datetime | None = Field(description="The first failure since it last took anything.")
    taken_at: datetime | None = Field(description="When it last took anything.")
    created_at: datetime
    version: int


class WebhookList(Shape):
    """Every webhook, the oldest first; at most fifty."""

    items: list[WebhookOut]


class NewSecret(WebhookOut):
    """A webhook with its secret, this once."""

    secret: str = Field(description="`whsec_…`, the key of every signature. It cannot be shown again.")


class AttemptOut(Shape):
    """One attempt."""

    at: datetime
    seconds: float
    status: int | None = Field(description="The HTTP status; null where there was no answer.")
    detail: str


class DeliveryOut(Shape):
    """One event on its way to a webhook."""

    id: str = Field(description="Its `webhook-id`, the same at every attempt.")
    event: str
    about: str = Field(description="The story or edition, as the journal names it.")
    state: str = Field(description="`waiting`, `sent` or `failed`.")
    created_at: datetime
    due_at: datetime | None = Field(description="When it is tried next; null once it is over.")
    finished_at: datetime | None
    attempts: list[AttemptOut] = Field(description="Oldest first.")


class DeliveryPage(Shape):
    """Deliveries to one webhook, the newest first; those that are over are kept for thirty days."""

    items: list[DeliveryOut]
    next: str | None


def webhook_view(webhook: Webhook) -> WebhookOut:
    """A webhook as the API answers it."""
    return WebhookOut.model_validate(webhook)


def delivery_view(delivery: Delivery, event: str, attempts: list[DeliveryAttempt]) -> DeliveryOut:
    """A delivery as the API answers it."""
    return DeliveryOut(
        id=delivery.id,
        event=event,
        about=delivery.subject,
        state=delivery.state,
        created_at=delivery.created_at,
        due_at=None if delivery.finished_at else delivery.due_at,
        finished_at=delivery.finished_at,
        attempts=[AttemptOut.model_validate(attempt) for attempt in attempts],
    )
