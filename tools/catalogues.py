"""Brings the catalogues of the interface up to date with what templates and code say. Run by hand after a change.

    python tools/catalogues.py            # then fill in what the new, empty entries of each .po ask for

New messages are added empty, what nothing says any more is dropped, translations stay. Messages come from the
templates, from the calls of gettext in ``service``, and from the few tables whose English is shown to readers. A test
compares. Part of no installation; nothing in the service imports it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from service.desk.frame import SCREENS
from service.desk.keys import KEYS
from service.desk.problem_words import BY_CODE, SENTENCES
from service.partnerships.tiers import QUALIFIERS, Band, Tier
from service.publishing.world_map import SHADES
from service.translations import LANGUAGES, SOURCE

ROOT = Path(__file__).resolve().parents[1]
SERVICE = ROOT / "service"
CATALOGUES = SERVICE / "translations"
JINJA = {"trimmed": "true", "newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"}
PLURALS = {
    "ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);",
}
"""Where Babel's own rule is not the one that translators know."""


def spoken() -> Catalog:
    """Every message, in the order of files and lines, without translations."""
    catalogue = Catalog()
    for path in sorted([*SERVICE.rglob("*.html"), *SERVICE.rglob("*.py")]):
        method: Any = "python" if path.suffix == ".py" else babel_extract
        with path.open("rb") as file:
            for _, message, _, _ in extract(method, file, DEFAULT_KEYWORDS, options=JINJA):
                catalogue.add(message, locations=[(path.relative_to(ROOT).as_posix(), None)])
    for message, place in _shown_from_tables():
        catalogue.add(message, locations=[(place, None)])
    return catalogue


def _shown_from_tables() -> Iterator[tuple[str, str]]:
    tiers = "service/partnerships/tiers.py"
    for tier in Tier:
        yield tier.facts.name_en, tiers
        yield tier.facts.description, tiers
    yield from ((band.names.name_en, tiers) for band in Band)
    yield from ((qualifier.name_en, tiers) for qualifier in QUALIFIERS.values())
    yield from ((words, "service/publishing/world_map.py") for _, words in SHADES)
    yield from ((act.words, "service/desk/keys.py") for act in KEYS)
    errors = "service/desk/problem_words.py"
    yield from ((words, errors) for told in BY_CODE.values() for words in told)
    yield from ((sentence, errors) for sentence in SENTENCES)
    yield from ((words, "service/desk/frame.py") for _, words, *_ in SCREENS)
    yield from ((word, "service/partnerships/register.py") for word in ("high", "medium", "low"))


def read(language: str) -> Catalog:
    """A catalogue as it stands; empty where there is none yet."""
    path = CATALOGUES / f"{language}.po"
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(language: str) -> Catalog:
    """The catalogue of a language with every message that is spoken and no other, the old translations kept."""
    old, new = read(language), Catalog(locale=language, header_comment=f"# {LANGUAGES[language]}", charset="utf-8")
    for message in spoken():
        if message.id:
            known = old.get(message.id)
            new.add(message.id, known.string if known else None, locations=message.locations)
    return new


def write(language: str, catalogue: Catalog) -> None:
    """Write a catalogue without what changes by itself: dates, versions, line numbers."""
    plural = PLURALS.get(language) or f"nplurals={catalogue.num_plurals}; plural={catalogue.plural_expr};"
    head = (
        f"# {LANGUAGES[language]}; the English is in templates and code, tools/catalogues.py keeps step with it\n"
        'msgid ""\nmsgstr ""\n'
        f'"Language: {language}\\n"\n"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Content-Transfer-Encoding: 8bit\\n"\n"Plural-Forms: {plural}\\n"\n\n'
    )
    with (CATALOGUES / f"{language}.po").open("wb") as file:
        file.write(head.encode())
        write_po(file, catalogue, width=0, omit_header=True, include_lineno=False)


if __name__ == "__main__":
    for code in LANGUAGES:
        if code != SOURCE:
            updated = update(code)
            write(code, updated)
            missing = sum(not message.string or not all(message.string) for message in updated if message.id)
            print(f"{code}: {len(updated)} messages, {missing} to translate")
