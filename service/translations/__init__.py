"""The words of the interface in every language it is read in: which languages there are, and their catalogues.

English is the source: what is written in templates and code is English, and ``<language>.po`` beside this file says the
same in another language. ``tools/catalogues.py`` brings the catalogues up to date with what is written; a test holds
them complete. They are read at first use. Stories keep their own language: nothing here touches what people and feeds
wrote. How days and moments read is ``dates``'. Used by ``publishing`` and by the desk.
"""

from collections.abc import Mapping
from functools import cache
from gettext import NullTranslations
from importlib import resources
from io import BytesIO
from types import MappingProxyType
from typing import Literal

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

SOURCE = "en"
"""The language that templates and code are written in."""

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {SOURCE: "English", "fr": "Français", "es": "Español", "pt": "Português", "ar": "العربية", "zh": "中文"}
)
"""The languages of the interface, each with its own name for itself, in the order in which readers are offered them."""


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of a language: ``gettext``, ``ngettext`` and ``pgettext`` by the English words.

    Raises:
        KeyError: it is none of ``LANGUAGES``.
    """
    if language == SOURCE:
        return NullTranslations()
    if language not in LANGUAGES:
        raise KeyError(language)
    compiled = BytesIO()
    with resources.files(__name__).joinpath(f"{language}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def nearest(tag: str) -> str:
    """The language of the interface that a BCP 47 tag begins with: ``pt`` for ``pt-BR``; English for any other tag."""
    first = tag.split("-")[0].lower()
    return first if first in LANGUAGES else SOURCE


def direction(language: str) -> Literal["ltr", "rtl"]:
    """Which way a language of the interface runs, as ``dir`` says it in HTML."""
    return "rtl" if Locale.parse(language).text_direction == "rtl" else "ltr"


def choose(accept_language: str) -> str:
    """The language of the interface that an Accept-Language header likes best (RFC 9110 §12.5.4); else English.

    A range counts by its first part: Portuguese of Angola is served Portuguese. Of equal weights the first wins.
    """
    best, most = SOURCE, 0.0
    for part in accept_language[:400].split(","):
        tag, *parameters = part.split(";")
        language = tag.strip().split("-")[0].lower()
        weight = _weight(parameters)
        if language in LANGUAGES and weight > most:
            best, most = language, weight
    return best


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0  # a weight that cannot be read recommends nothing
    return 1.0
