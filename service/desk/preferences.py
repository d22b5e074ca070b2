"""How an editor sets up the desk for themselves: interface language, keys, saved filters of the wire.

These are nobody else's affair and decide nothing about a story, so they stand in no journal. Called by
``preference_routes`` and the pages.
"""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from pydantic import AfterValidator, Field
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.db import WriteSession
from service.desk.keys import effective_keys, key_problems
from service.desk.schemas import Body, Code, Line, Shape
from service.errors import FieldError, Invalid, Stale
from service.models import Editor, Preference
from service.partnerships.places import LANGUAGES

FILTERS_MAX = 20
NAME_MAX = 60
FILTER_KEYS = ("state", "feed", "language", "region", "kind", "country", "q", "since", "until", "sort")
"""What a saved filter may hold: the parameters of the wire's list, less its page."""


def _short(name: str) -> str:
    if len(name) > NAME_MAX:
        raise ValueError(f"write {NAME_MAX} characters at the most")
    return name


class FilterIn(Body):
    """A filter of the wire under a name."""

    name: Annotated[Line, AfterValidator(_short)] = Field(examples=["French, Sahel"])
    query: str = Field(max_length=500, description="As the wire's list takes it.", examples=["language=fr&sort=source"])


class PreferencesPatch(Body):
    """What changes; what is left out stays."""

    language: Code | None = Field(None, description="en, fr, es, pt, ar or zh; null: the browser's.")
    single_keys: bool | None = None
    keys: dict[str, str] | None = Field(None, max_length=100, description="Act → key, for those that differ.")
    filters: list[FilterIn] | None = Field(None, max_length=FILTERS_MAX)


class FilterOut(Shape):
    """A saved filter."""

    name: str
    query: str


class PreferencesOut(Shape):
    """An editor's own set-up of the desk."""

    language: str | None
    single_keys: bool
    keys: dict[str, str] = Field(description="Act → key, for every act: what holds for this editor.")
    filters: list[FilterOut]
    version: int


@dataclass(frozen=True)
class Choices:
    """An editor's set-up as the pages need it."""

    language: str | None
    single_keys: bool
    own_keys: dict[str, str]
    filters: tuple[FilterOut, ...]
    version: int


async def choices_of(session: AsyncSession, editor: Editor) -> Choices:
    """The set-up of an editor, as it comes where they changed nothing (version 0)."""
    row = await session.get(Preference, editor.id)
    if row is None:
        return Choices(None, True, {}, (), 0)
    filters = tuple(FilterOut.model_validate(saved) for saved in row.filters)
    return Choices(row.language, row.single_keys, dict(row.keys), filters, row.version)


def preferences_view(choices: Choices) -> PreferencesOut:
    """The set-up as the API answers it."""
    return PreferencesOut(
        language=choices.language,
        single_keys=choices.single_keys,
        keys={each.act: each.key for each in effective_keys(choices.own_keys)},
        filters=list(choices.filters),
        version=choices.version,
    )


async def change_preferences(
    session: WriteSession, wanted: PreferencesPatch, *, version: int, by: Editor
) -> PreferencesOut:
    """Change one's own set-up; ``version`` is the one that was read, 0 before the first change.

    Raises:
        Stale: another window changed it since.
        Invalid: a language that the interface is not in, keys that meet, a filter of unknown parameters.
    """
    before = await choices_of(session, by)
    if version != before.version:
        raise Stale(
            "Your settings were changed in another window. Look at them and try again.",
            current=preferences_view(before).model_dump(mode="json"),
        )
    changes = wanted.model_dump(exclude_unset=True)
    _require_fit(wanted)
    query = select(Preference).where(Preference.editor_id == by.id).with_for_update()
    row = (await session.exec(query)).one_or_none() or Preference(editor_id=by.id, version=0, keys={}, filters=[])
    for name, value in _as_stored(changes).items():
        setattr(row, name, value)
    row.version += 1
    session.add(row)
    await session.flush()
    return preferences_view(await choices_of(session, by))


def _as_stored(changes: dict[str, Any]) -> dict[str, Any]:
    stored = dict(changes)
    for name in ("single_keys", "keys", "filters"):
        if name in stored and stored[name] is None:
            del stored[name]
    if "filters" in stored:
        stored["filters"] = [{"name": f["name"], "query": filter_query(f["query"])} for f in stored["filters"]]
    return stored


def _require_fit(wanted: PreferencesPatch) -> None:
    errors: list[FieldError] = list(key_problems(wanted.keys or {}))
    if wanted.language is not None and wanted.language not in LANGUAGES:
        errors.append(FieldError("language", "the interface is not in this language", LANGUAGES))
    names = [saved.name for saved in wanted.filters or ()]
    errors += [FieldError("filters", f"'{name}' stands twice") for name in set(names) if names.count(name) > 1]
    for number, saved in enumerate(wanted.filters or ()):
        unknown = [key for key, _ in parse_qsl(saved.query) if key not in FILTER_KEYS]
        errors += [FieldError(f"filters[{number}].query", f"'{key}' is no filter", FILTER_KEYS) for key in unknown]
    if errors:
        raise Invalid("These settings cannot be kept; nothing was changed.", errors=errors)


def filter_query(query: str) -> str:
    """A filter's query in its one spelling: known parameters in their order, without empty ones."""
    given = dict(parse_qsl(query))
    return urlencode({key: given[key] for key in FILTER_KEYS if given.get(key)})
