"""What the public may see of a source's address: all of it, unless it looks like a key to something.

Some publishers hand out feeds by a personal address, or for a header that we send. Such a feed is named in
public, but its address is not, and it stands in no list that others could subscribe from. Pure. Called by
``status``, ``public_routes`` and ``reports``.
"""

import re

from yarl import URL

from service.models import Feed

_KEY_NAMES = re.compile(
    r"(?:^|[_.-])(?:api_?key|auth|authorization|credential|key|pass|passwd|password|pwd|secret|session|sid|sig|signature"
    r"|ticket|token)s?(?:$|[_.-])|(?:token|apikey|secret|password)$",
    re.IGNORECASE,
)
_LONG_MIX = re.compile(r"(?=[A-Za-z_-]*[0-9])(?=[0-9_-]*[A-Za-z])[A-Za-z0-9_-]{28,}={0,2}")
"""A long word of letters and digits, as keys are; search words, numbers and channels' ids are not like that."""


def address_holds_key(url: str) -> bool:
    """Whether an address looks as if it let in whoever knows it: by user-info, or by its query."""
    try:
        parts = URL(url)
    except ValueError:
        return True  # what cannot be read cannot be shown to be harmless
    if parts.raw_user is not None or parts.raw_password is not None:
        return True
    return any(_KEY_NAMES.search(name) or _LONG_MIX.fullmatch(value) for name, value in parts.query.items())


def holds_secret(feed: Feed) -> bool:
    """Whether this feed's addresses are for us alone: it is asked with headers of its own, or one holds a key."""
    return bool(feed.options.get("headers")) or any(address_holds_key(url) for url in (feed.url, *feed.alt_urls))
