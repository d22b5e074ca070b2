"""Web addresses: which of them name the same article, and which name none.

``canonical_url`` is a key for comparing, not an address to visit: it joins http with https, mobile and AMP
copies with the page, and forgets everything that only counts visits. The address as the feed gave it is what
readers are sent to. Pure. Reached through ``normalize``.
"""

import re
from urllib.parse import SplitResult, parse_qs, quote, unquote_to_bytes, urlsplit

from yarl import URL

# Parameters that say where a visitor came from or which visit it is. Anything else, above all id, p, article and cid,
# may be the page.
_COUNTING = re.compile(
    r"utm_.*|at_(medium|campaign|custom\d?|link.*|ptr_name|bbc_team|format|recipient.*|source|creation|variant)"
    r"|ns_(campaign|mchannel|source|linkname|fee)|fb_(action_.*|ref|source)"
    r"|fbclid|gclid|dclid|msclkid|yclid|twclid|ttclid|li_fat_id|gclsrc|wbraid|gbraid|srsltid|gad_.*|_ga|_gl|guc(e_.*|counter)"
    r"|mc_[ce]id|mkt_tok|_hs(enc|mi)|hsctatracking|vero_(id|conv)|oly_(enc|anon)_id|igsh(id)?|spm|scm|share_token"
    r"|(pk|mtm|piwik|matomo)_.*|wt_?\.?(mc|zmc).*|wtmc|xtor|xt(ref|cr)|cmp(id)?|icid|i?ntcmp|int_(source|medium|campaign)"
    r"|ito|ocid|ncid|s_?cid|smid|smtyp|sref|srnd|taid|ftag|ftcamp|maca|traffic_source|traffic-source|feedtype|feedname"
    r"|amp_(js_v|gsa|.*)|usqp|__twitter_impression|mibextid|trk(campaign|info)?|zanpid|sr_share|shareuid"
    r"|phpsessid|jsessionid|aspsessionid.*|cfid|cftoken"
)
# Parameters that count visits only with such a value.
_COUNTING_VALUES = re.compile(
    r"rss.*|(feed|atom|newsletter|twitter|facebook|fb|tw|homepage|googlenews|gnews|whatsapp|telegram)", re.I
)
_SOMETIMES_COUNTING = frozenset(
    [
        "ref",
        "referer",
        "referrer",
        "source",
        "src",
        "from",
        "partner",
        "emc",
        "mod",
        "origin",
        "via",
        "medium",
        "channel",
    ]
)
_AMP_VALUES = frozenset({"", "1", "true", "amp", "yes"})

# Wrappers that carry the article's address in their query: host, path, names of the parameter.
_WRAPPERS = (
    (re.compile(r"(www|news)\.google\.[a-z.]{2,6}"), re.compile(r"/url/?|/news/url"), ("url", "q")),
    (re.compile(r"news\.url\.google\.[a-z.]{2,6}"), re.compile(r"/url"), ("url", "q")),
    (re.compile(r"(lm?\.)?(www\.)?facebook\.com"), re.compile(r"/l\.php"), ("u",)),
    (re.compile(r"l\.instagram\.com"), re.compile(r"/"), ("u",)),
    (re.compile(r"(www\.)?bing\.com"), re.compile(r"/news/apiclick\.aspx"), ("url",)),
    (re.compile(r"t\.umblr\.com"), re.compile(r"/redirect"), ("z",)),
    (re.compile(r"getpocket\.com"), re.compile(r"/redirect"), ("url",)),
    (re.compile(r"(out|www)\.reddit\.com"), re.compile(r"/.*"), ("url",)),
    (re.compile(r"(www\.)?youtube\.com"), re.compile(r"/redirect"), ("q",)),
    (re.compile(r"(feedproxy\.google|feeds\.feedburner|rss\.feedsportal)\.com"), re.compile(r"/.*"), ("url", "u")),
    (re.compile(r"steamcommunity\.com|vk\.com"), re.compile(r"/(linkfilter|away\.php)/?"), ("url", "to")),
)
_AMP_CACHE = re.compile(r"(www\.)?google\.[a-z.]{2,6}|[a-z0-9-]+\.cdn\.ampproject\.org|[a-z0-9-]+\.bing-amp\.com")
_AMP_CACHE_PATH = re.compile(r"/(?:amp|[acv])/(?P<s>s/)?(?P<rest>[^/]+\.[^/]+(?:/.*)?)")
_OPAQUE = (
    (re.compile(r"news\.google\.[a-z.]{2,6}"), re.compile(r"/(rss/|__i/rss/|)(articles|read)/.*|/__i/rss/.*")),
    (
        re.compile(r"feedproxy\.google\.com|rss\.feedsportal\.com|feeds\.feedburner\.com"),
        re.compile(r"/~.*|/c/.*|/.*/~.*"),
    ),
    (re.compile(r"(www\.)?bing\.com"), re.compile(r"/news/apiclick\.aspx")),
    (
        re.compile(
            r"t\.co|bit\.ly|ow\.ly|buff\.ly|dlvr\.it|ift\.tt|is\.gd|goo\.gl|tinyurl\.com|t\.cn|url\.cn|dwz\.cn|lnkd\.in"
        ),
        re.compile(r"/.+"),
    ),
)
_SECOND_LEVEL = frozenset(["ac", "co", "com", "edu", "gov", "gob", "go", "org", "net", "mil", "or", "ne"])
_SKINS = frozenset({"www", "m", "mobile", "amp"})
_VISIT = re.compile(r";jsessionid=[^/;]*", re.IGNORECASE)
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_PATH_SAFE = "/:@!$&'()*+,;=~-._"
_LONGEST = 4096


def canonical_url(url: str) -> str:
    """The key under which an article is known; the same for all spellings of its address. Never raises.

    What is not an http or https address comes back trimmed and otherwise as it was.
    """
    given = url.strip()[:_LONGEST].strip()
    for _ in range(3):
        parts = _split(given)
        if parts is None:
            return given
        target = _target(parts)
        if target is None:
            break
        given = target.strip()
    parts = _split(given)
    if parts is None:
        return given
    host = _host(parts)
    port = parts.port
    where = host if port in (None, 80, 443) else f"{host}:{port}"
    query = _query(parts.query)
    fragment = f"#{_encoded(parts.fragment, _PATH_SAFE + '?')}" if parts.fragment.startswith("!") else ""
    return f"https://{where}{_path(parts.path)}{'?' if query else ''}{query}{fragment}"


def unwrap(url: str) -> str:
    """The article's own address out of a redirecting link that carries it readably; else the link as it was."""
    for _ in range(3):
        parts = _split(url.strip())
        target = _target(parts) if parts else None
        if target is None:
            return url
        url = target
    return url


def uncounted(url: str) -> str:
    """The address without the parameters that only say where a visitor came from; else as it was given.

    This is where readers are sent: scheme, host and path stay the publisher's, as does the order of the rest.
    """
    before, mark, query = url.partition("?")
    if not mark or _split(url) is None:
        return url
    query, hash_mark, fragment = query.partition("#")
    fields = [field for field in query.split("&") if field]
    kept = [field for field in fields if not _only_counts(*field.partition("=")[::2])]
    if len(kept) == len(fields):
        return url
    return f"{before}{'?' if kept else ''}{'&'.join(kept)}{hash_mark}{fragment}"


def _only_counts(name: str, value: str) -> bool:
    return name.lower() not in ("amp", "outputtype") and _counts_visits(name.lower().removeprefix("amp;"), value)


def is_opaque(url: str) -> bool:
    """Whether it is an aggregator's or shortener's link that does not tell which article it leads to."""
    parts = _split(url.strip())
    if parts is None or _target(parts) is not None:
        return False
    host = (parts.hostname or "").lower()
    return any(hosts.fullmatch(host) and paths.fullmatch(parts.path) for hosts, paths in _OPAQUE)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        readable = parts.scheme in ("http", "https") and parts.hostname and parts.port != -1
    except ValueError:  # brackets without an IPv6 address, a port that is no number
        return None
    return parts if readable else None


def _target(parts: SplitResult) -> str | None:
    host = (parts.hostname or "").lower()
    if _AMP_CACHE.fullmatch(host):
        cached = _AMP_CACHE_PATH.fullmatch(parts.path)
        if cached:
            found = f"http{'s' if cached['s'] else ''}://{cached['rest']}{'?' if parts.query else ''}{parts.query}"
            return found if _split(found) else None
    for hosts, paths, names in _WRAPPERS if parts.query else ():
        if hosts.fullmatch(host) and paths.fullmatch(parts.path or "/"):
            values = parse_qs(parts.query, max_num_fields=50) if parts.query.count("&") < 50 else {}
            for name in names:
                value = values.get(name, [""])[0].strip()
                if _split(value):
                    return value
    return None


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    if not host.isascii():
        try:
            host = URL.build(scheme="https", host=host).raw_host or host
        except ValueError:  # no domain name by IDNA 2008; as written it is at least the same each time
            host = quote(host, safe="")
    host = host.lower().rstrip(".")
    if ":" in host:
        return f"[{host}]"
    labels = host.split(".")
    while labels[0] in _SKINS and _is_site(labels[1:]):
        del labels[0]
    if len(labels) > 3 and labels[1] == "m":  # en.m.wikipedia.org
        del labels[1]
    return ".".join(labels)


def _is_site(labels: list[str]) -> bool:
    """Whether these labels can be a site by themselves, and not just a registry such as ``co.uk``."""
    return len(labels) > 2 or (len(labels) == 2 and not (labels[0] in _SECOND_LEVEL and len(labels[1]) == 2))


def _path(path: str) -> str:
    segments: list[str] = []
    for segment in _VISIT.sub("", _encoded(path, _PATH_SAFE)).split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    kept = [segment for segment in segments if segment.lower() != "amp"] or segments
    if kept:
        kept[-1] = re.sub(r"(?<=.)(?:\.amp)+(?=\.html?$|$)", "", kept[-1], flags=re.IGNORECASE)
    return "/" + "/".join(kept)


def _query(query: str) -> str:
    """The parameters that may name the page, sorted: servers do not care for their order, publishers vary it."""
    kept = []
    for field in query.split("&"):
        name, equals, value = field.partition("=")
        name = _encoded(name, _PATH_SAFE.replace("=", "").replace("&", "").replace("+", "") + "?+")
        while name.startswith("amp;"):  # an ampersand that was escaped once too often
            name = name[4:]
        if name or value:
            value = _encoded(value, _PATH_SAFE.replace("&", "") + "?")
            if not _counts_visits(name.lower(), value):
                kept.append((name, equals, value))
    return "&".join("".join(field) for field in sorted(kept))


def _counts_visits(name: str, value: str) -> bool:
    if _COUNTING.fullmatch(name):
        return True
    if name in ("amp", "outputtype"):
        return value.lower() in _AMP_VALUES
    return name in _SOMETIMES_COUNTING and _COUNTING_VALUES.fullmatch(value) is not None


def _encoded(text: str, safe: str) -> str:
    """Percent-encoding as RFC 3986 §6.2.2 wants it: upper case, and only where it is needed."""
    if text.isascii() and text.isalnum():
        return text

    def plain(found: re.Match[str]) -> str:
        character = unquote_to_bytes(found[0]).decode("latin-1")
        return character if character.isascii() and (character.isalnum() or character in "-._~") else found[0].upper()

    return quote(_ESCAPE.sub(plain, text), safe=safe + "%", errors="replace")
