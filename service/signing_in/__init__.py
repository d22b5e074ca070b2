"""Signing in through the organisation's own provider, by OpenID Connect Core 1.0: optional, off without its settings.

The way of one sign-in: ``routes`` sends the browser away with an ``attempt`` bound to it, the provider sends it back
with a code, ``provider`` exchanges that over the guarded client, ``tokens`` checks what comes, ``accounts`` finds the
account that it belongs to. Accounts are made by admins only; the provider says who somebody is, and no more.
"""
