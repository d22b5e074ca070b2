"""What leaves the house by itself: digests by e-mail, pings to the WebSub hub, webhooks.

Everything stands in one outbox first (``models.Delivery``), filled from the journal, so that a restart loses none and
repeats none. It decides nothing: it follows what people decided.
"""
