"""Commands about webhooks: ``webhooks add | list | enable | disable | deliveries``."""

import typer
from rich.table import Table

from service.commands import console, ready_service, run
from service.models import Webhook
from service.outgoing import webhook_shapes as shapes
from service.outgoing import webhooks as acts
from service.outgoing.events import Event

webhooks = typer.Typer(help="Addresses that are told of what is published.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.add_typer(webhooks, name="webhooks")


@webhooks.command("add")
def add(
    url: str,
    event: list[Event] = typer.Option(list(Event), "--event", help="What it wants to hear of; without it, all."),
    purpose: str = typer.Option("", help="What it is for."),
) -> None:
    """Make a webhook and print its id and its secret, which cannot be shown again."""

    async def work() -> Webhook:
        async with ready_service() as runtime, runtime.database.write() as session:
            wanted = shapes.WebhookIn(url=url, events=event, purpose=purpose or None)
            allowed = runtime.settings.allowed_networks
            return await acts.add_webhook(session, wanted, allowed=allowed, now=runtime.clock(), by="operator")

    webhook = run(work())
    typer.echo(f"{webhook.id} {webhook.secret}")


@webhooks.command("list")
def list_all() -> None:
    """Every webhook."""

    async def work() -> list[Webhook]:
        async with ready_service() as runtime, runtime.database.read() as session:
            return list(await acts.list_webhooks(session))

    table = Table("id", "state", "took last", "events", "address", "for", box=None, pad_edge=False)
    for webhook in run(work()):
        state = "in use" if webhook.enabled else f"disabled: {webhook.alarm}" if webhook.alarm else "disabled"
        if webhook.enabled and webhook.failing_since:
            state = f"failing since {webhook.failing_since:%Y-%m-%d %H:%M}"
        taken = f"{webhook.taken_at:%Y-%m-%d %H:%M}" if webhook.taken_at else "–"
        table.add_row(webhook.id, state, taken, " ".join(webhook.events), webhook.url, webhook.purpose)
    console().print(table)


@webhooks.command("enable")
def enable(webhook_id: str) -> None:
    """Send to a webhook again; clears its alarm."""
    _switch(webhook_id, enabled=True)


@webhooks.command("disable")
def disable(webhook_id: str) -> None:
    """Send nothing more to a webhook; what waits for it is given up."""
    _switch(webhook_id, enabled=False)


def _switch(webhook_id: str, *, enabled: bool) -> None:
    async def work() -> None:
        async with ready_service() as runtime, runtime.database.write() as session:
            webhook = await acts.webhook_for_change(session, webhook_id, None)
            wanted, allowed = shapes.WebhookPatch(enabled=enabled), runtime.settings.allowed_networks
            await acts.change_webhook(session, webhook, wanted, allowed=allowed, now=runtime.clock(), by="operator")

    run(work())
    typer.echo(f"{webhook_id} is {'in use' if enabled else 'disabled'}.")


@webhooks.command("deliveries")
def deliveries(webhook_id: str, limit: int = typer.Option(20, min=1, max=100, help="How many to show.")) -> None:
    """What became of what a webhook was sent, the newest first."""

    async def work() -> shapes.DeliveryPage:
        async with ready_service() as runtime, runtime.database.read() as session:
            webhook = await acts.get_webhook(session, webhook_id)
            return await acts.list_deliveries(session, webhook, cursor=None, limit=limit)

    table = Table("at", "event", "about", "state", "attempts", "last answer", box=None, pad_edge=False)
    for delivery in run(work()).items:
        last = delivery.attempts[-1].detail if delivery.attempts else ""
        tried = str(len(delivery.attempts))
        at = f"{delivery.created_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(at, delivery.event, delivery.about, delivery.state, tried, last)
    console().print(table)
