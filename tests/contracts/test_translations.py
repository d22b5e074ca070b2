"""Every word of the interface is said in every language, and no catalogue holds what nothing says any more."""

import re
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from service.translations import LANGUAGES, SOURCE, translations
from tools.catalogues import CATALOGUES, spoken

OTHERS = [language for language in LANGUAGES if language != SOURCE]
ARABIC_SAMPLES = (0, 1, 2, 3, 11, 100)
"""One number for each of the six forms (CLDR plural rules)."""


def catalogue(language: str) -> Catalog:
    with (CATALOGUES / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def keys(messages: Catalog) -> set[Any]:
    return {message.id for message in messages if message.id}


def forms(text: Any) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", text))


def markup(text: str) -> list[str]:
    """The tags of a message; a translation may turn a piece left to right, and changes nothing else of them."""
    return sorted(tag.replace(' dir="ltr"', "") for tag in re.findall(r"</?\w+[^>]*>", text) if "bdi" not in tag)


@pytest.fixture(scope="module")
def said() -> Catalog:
    return spoken()


def test_every_language_has_a_catalogue_and_no_other() -> None:
    assert {path.stem for path in CATALOGUES.glob("*.po")} == set(OTHERS)


@pytest.mark.parametrize("language", OTHERS)
def test_catalogue_holds_what_is_said_and_nothing_else(language: str, said: Catalog) -> None:
    found = catalogue(language)
    assert keys(said) - keys(found) == set(), "run tools/catalogues.py and translate what is new"
    assert keys(found) - keys(said) == set(), "run tools/catalogues.py to drop what nothing says any more"
    assert not found.obsolete


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_translated_with_its_values_and_its_markup(language: str) -> None:
    found = catalogue(language)
    wrong = [message.id for message in found if message.id and not _is_whole(message, found.num_plurals)]
    assert wrong == []


def _is_whole(message: Message, plurals: int) -> bool:
    ids, strings = forms(message.id), forms(message.string)
    if message.fuzzy or not all(strings) or len(strings) != (plurals if len(ids) > 1 else 1):
        return False
    values, tags = placeholders(ids[-1]), markup(ids[-1])
    # A form for one number only may say it in a word: two stories are خبران.
    spare = {"count", "num"} if len(ids) > 1 else set()
    return all(values - placeholders(text) <= spare and placeholders(text) <= values for text in strings) and all(
        markup(text) == tags for text in strings
    )


@pytest.mark.parametrize("language", OTHERS)
def test_no_message_breaks_when_it_is_filled_in(language: str) -> None:
    for message in catalogue(language):
        for text in forms(message.string) if message.id else ():
            values = dict.fromkeys(placeholders(text), "x")
            assert "%(" not in text % values
            assert "%" not in re.sub(r"%\(\w+\)s|%%", "", text)


def test_arabic_knows_its_six_forms() -> None:
    words = translations("ar")
    told = {words.ngettext("%(day)s, %(count)s story", "%(day)s, %(count)s stories", n) for n in ARABIC_SAMPLES}
    assert len(told) == len(ARABIC_SAMPLES)
