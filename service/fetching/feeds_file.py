"""``feeds.yaml``: reads it, and says everything that is wrong with it, each with file, line and remedy.

The text is bounded, read without tags, anchors or aliases, and checked whole before anything is accepted.
Plain scalars are read by YAML 1.2's core rules, so that ``country: NO`` is Norway and not a refusal. It
touches no database; ``catalogue.sync_feeds`` takes what it answers. Called by ``cli`` and ``app``; the
schema is explained in ``docs/feeds.md``, and a test holds the two together.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from service.errors import SetupError
from service.fetching.feed_schema import FeedEntry, FeedsFile, GroupEntry, Options
from service.fetching.options import Catalogue, FeedSpec, FetchOptions
from service.fetching.vocabulary import BadValue, check_url, nearest, url_key
from service.settings import Settings

MAX_BYTES = 1_000_000
MAX_DEPTH = 12

_Path = tuple[str | int, ...]
_INTEGER = re.compile(r"[-+]?[0-9]+")
_WORDS: dict[str, str] = {
    "string_type": "this must be text (in quotes where YAML reads something else)",
    "bool_type": "this must be true or false",
    "int_type": "this must be a whole number",
    "list_type": "this must be a list",
    "dict_type": "this must be keys with values",
    "model_type": "this must be keys with values",
}


@dataclass(frozen=True, order=True)
class _Problem:
    line: int
    message: str


@dataclass
class _Reading:
    """What has been read so far: where each value began, and what was wrong."""

    lines: dict[_Path, int] = field(default_factory=dict)
    problems: list[_Problem] = field(default_factory=list)

    def line(self, path: _Path) -> int:
        """The line of the value at ``path``, or of the nearest thing around it."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)

    def refuse(self, where: int | _Path, message: str) -> None:
        """Note a problem at a line or at the line of a path."""
        line = where if isinstance(where, int) else self.line(where)
        self.problems.append(_Problem(line, message))

    def stop_if_refused(self, path: Path) -> None:
        """Raise all the problems, in the order of their lines, if there are any."""
        if self.problems:
            unique = sorted(set(self.problems))
            raise SetupError("\n".join(f"{path}:{problem.line}: {problem.message}" for problem in unique))


def find_feeds_file(settings: Settings) -> Path:
    """The list of sources to load: the setting's, else ``./feeds.yaml``, else the one that ships.

    Raises:
        SetupError: the setting names no file, or none was found.
    """
    if settings.feeds_file is not None:
        if settings.feeds_file.is_file():
            return settings.feeds_file
        raise SetupError(f"HUOBAN_FEEDS_FILE names {settings.feeds_file}, which is not a file.")
    package = Path(__file__).parents[1]
    places = (Path("feeds.yaml"), package / "feeds.yaml", package.parent / "feeds.yaml")
    for place in places:
        if place.is_file():
            return place
    raise SetupError("There is no feeds.yaml. Write one (docs/feeds.md), or name one in HUOBAN_FEEDS_FILE.")


def load_feeds_file(path: Path) -> Catalogue:
    """Read and check a feeds file.

    Raises:
        SetupError: it cannot be read, or one line per thing that is wrong: ``feeds.yaml:12: …``.
    """
    reading = _Reading()
    data = _to_data(_compose(path, reading), (), reading)
    reading.stop_if_refused(path)
    _check_across(data, reading)
    file = None
    try:
        file = FeedsFile.model_validate(data)
    except ValidationError as error:
        for detail in error.errors():
            reading.refuse(tuple(detail["loc"]), _named(data, detail["loc"]) + _explain(detail))
    reading.stop_if_refused(path)
    assert file is not None  # noqa: S101  (any refusal was raised above)
    return Catalogue(tuple(_specs(file)), path)


def _compose(path: Path, reading: _Reading) -> yaml.Node:
    """The file as YAML nodes, which know their lines; stops at what makes it unreadable."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise SetupError(f"{path}:1: the file is larger than {MAX_BYTES:,} bytes.")
        text = raw.decode("utf-8-sig")
        _refuse_references(text, reading)
        reading.stop_if_refused(path)
        root = yaml.compose(text, Loader=_LOADER)
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SetupError(f"{path}:{line}: the file is not UTF-8.") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SetupError(f"{path}:{line}: a character that YAML does not allow.") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SetupError(f"{path}:{line}: this is not YAML: {error.problem or error.context}.") from error
    if root is None:
        raise SetupError(f"{path}:1: the file is empty; it needs version and feeds.")
    return root


# libyaml where PyYAML was built with it: ten times faster, and the same safe subset.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _refuse_references(text: str, reading: _Reading) -> None:
    """Look at the stream of events before any tree is built, so that nothing can grow or recurse."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            reading.refuse(line, "anchors (&) and aliases (*) are not used here; write the value out")
        elif getattr(event, "tag", None) not in (None, "!"):
            reading.refuse(line, "tags (!) are not used here")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            reading.refuse(line, f"nested more than {MAX_DEPTH} deep")
            return


def _to_data(node: yaml.Node, path: _Path, reading: _Reading) -> Any:
    """Plain Python values of a node, noting the line of each and every key that comes twice."""
    reading.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_to_data(child, (*path, index), reading) for index, child in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    values: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            reading.refuse(line, "a key must be a word")
        elif key.value in values:
            first = reading.lines[(*path, key.value)]
            reading.refuse(line, f"the key {key.value!r} stands here twice; first in line {first}")
        else:
            reading.lines[(*path, key.value)] = line
            values[key.value] = _to_data(value, (*path, key.value), reading)
    return values


def _scalar(node: yaml.ScalarNode) -> str | int | bool | None:
    """YAML 1.2 core schema without floats, which no option takes; quoted scalars are text."""
    word = str(node.value)
    if node.style:  # quoted or block; plain ones have None or, from libyaml, an empty style
        return word
    if word in ("", "~", "null"):
        return None
    if word in ("true", "false"):
        return word == "true"
    # A longer run of digits is no number that an option takes, and int() would refuse it.
    return int(word) if _INTEGER.fullmatch(word) and len(word) < 20 else word


def _check_across(data: Any, reading: _Reading) -> None:
    """What no single value shows: ids and addresses given twice, groups that do not exist."""
    groups = list(_mapping(_mapping(data).get("groups")))
    ids: dict[str, int] = {}
    addresses: dict[str, tuple[str, int]] = {}
    for index, feed in _entries(data):
        path: _Path = ("feeds", index)
        name = _label(feed, index)
        if name in ids:
            reading.refuse((*path, "id"), f"{name}: duplicate id; first in line {ids[name]}")
        ids.setdefault(name, reading.line((*path, "id")))
        for where, url in _addresses(feed):
            line = reading.line((*path, *where))
            if url_key(url) in addresses:
                other, first = addresses[url_key(url)]
                reading.refuse(line, f"{name}: duplicate URL {url!r}; {other} has it in line {first}")
            addresses.setdefault(url_key(url), (name, line))
        for place, group in enumerate(_list(feed.get("groups"))):
            if isinstance(group, str) and group not in groups:
                unknown = BadValue(f"{name}: unknown group {group!r}", nearest(group, groups))
                reading.refuse((*path, "groups", place), str(unknown))


def _label(feed: dict[str, Any], index: int) -> str:
    """How a message calls an entry: by its id, or by its place in the list."""
    return f"feed {feed['id']!r}" if isinstance(feed.get("id"), str) else f"feed number {index + 1}"


def _entries(data: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, feed in enumerate(_list(_mapping(data).get("feeds"))):
        if isinstance(feed, dict):
            yield index, feed


def _addresses(feed: dict[str, Any]) -> Iterator[tuple[_Path, str]]:
    """The addresses of an entry that can be read as such; the schema refuses the others."""
    given: list[tuple[_Path, Any]] = [(("url",), feed.get("url"))]
    given += [(("alt_urls", place), url) for place, url in enumerate(_list(feed.get("alt_urls")))]
    for where, url in given:
        if isinstance(url, str):
            try:
                yield where, check_url(url)
            except BadValue:  # the schema names this one with its line
                continue


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _named(data: Any, loc: tuple[int | str, ...]) -> str:
    """The words that lead a message: which feed or group, and which key of it."""
    head, rest = "", list(loc)
    if len(loc) > 1 and loc[0] == "feeds" and isinstance(loc[1], int):
        head, rest = _label(_mapping(data["feeds"][loc[1]]), loc[1]) + ": ", rest[2:]
    elif len(loc) > 1 and loc[0] == "groups":
        head, rest = f"group {loc[1]!r}: ", rest[2:]
    keys = [part for part in rest if isinstance(part, str) and part != "[key]"]
    return head + (f"{'.'.join(keys)}: " if keys else "")


def _explain(detail: ErrorDetails) -> str:
    """What is wrong in our words, with the nearest key or value where there is one."""
    kind, loc = detail["type"], detail["loc"]
    if kind == "extra_forbidden":
        return str(BadValue("unknown key", nearest(str(loc[-1]), _keys_at(loc))))
    if kind == "missing":
        return "this key is missing"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    return _WORDS.get(kind, detail["msg"].replace("Input", "this").replace("should", "must"))


def _keys_at(loc: tuple[int | str, ...]) -> Iterable[str]:
    if len(loc) == 1:
        return FeedsFile.model_fields
    models: dict[str, type[BaseModel]] = {"defaults": Options, "groups": GroupEntry, "feeds": FeedEntry}
    return models[str(loc[0])].model_fields


def _specs(file: FeedsFile) -> Iterator[FeedSpec]:
    """Each feed with its effective options: defaults, then its groups in the order listed, then its own."""
    groups = file.groups or {}
    for feed in file.feeds or []:
        layers: list[Options | None] = [file.defaults, *(groups[name] for name in feed.groups or ()), feed]
        said: dict[str, Any] = {}
        for layer in layers:
            said |= layer.said() if layer else {}
        enabled = said.pop("enabled", True)
        options = FetchOptions(**said, quirks=tuple(feed.quirks or ()))
        yield FeedSpec(
            id=feed.id,
            name=feed.name,
            url=feed.url,
            alt_urls=tuple(feed.alt_urls or ()),
            homepage=feed.homepage,
            language=feed.language,
            country=feed.country,
            region=feed.region,
            kind=feed.kind,
            groups=tuple(feed.groups or ()),
            core=bool(feed.core),
            enabled=enabled,
            options=options,
        )
