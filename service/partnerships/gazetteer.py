"""Finds the partners that a text names, offline and without guessing from what a text is about.

The longest form wins (*Guinea-Bissau* before *Guinea*), words are matched whole except in scripts without blanks,
capitals count where the name has them (*Turkey*, not *turkey*), and Arabic prefixes (و ف ب ل ك ال) come off.
Ambiguous words count only with something around them that decides (``data/ambiguous.csv``). What it finds are hints
for a person: it misses rather than misleads. Pure; called by ``desk.suggestions``.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.partnerships.mention_forms import UNSPACED, Form, Reading, fold_letters, forms

_TOKEN = re.compile(f"[{UNSPACED}]+|[^\\W_{UNSPACED}]+")
# What may stand between the words of one name: a blank, a hyphen, an apostrophe, a point, an ampersand.
_GAP = re.compile(r"[\s\-‐‑–'’ʼ.&]{1,3}")
# Words with a capital that stand beside a country rather than make a person's name with it.
_BESIDE = frozenset(
    """
    china chinese chine chinois chinoise beijing pekin sino xi king queen prince princess crown valley president
    prime minister foreign government army parliament embassy ambassador river rift basin lake kingdom republic state
    national central bank north south east west northern southern eastern western roi reine premier ministre rey
    reina ministro rei rainha in the from for to of and with while as at by on after when why how where is are was
    will says say but en le la les et a au aux du de des dans pour par avec sur chez si el los las y e del con para o
    os as do da no na com em ao
    """.split()  # noqa: SIM905 - a list of ninety quoted words would be harder to read
)
_ARABIC = re.compile("[\u0620-\u064a]+")


@dataclass(frozen=True)
class Mention:
    """A partner named in a text."""

    code: str
    part: int
    """Which of the texts, from 0."""
    start: int
    end: int
    """Code points; ``text[start:end]`` is what names it."""


@dataclass(frozen=True)
class _Token:
    plain: str
    start: int
    end: int
    capital: bool


@dataclass(frozen=True)
class _Text:
    """A text, the same without case and accents, and its words."""

    part: int
    written: str
    plain: str
    places: Sequence[int]
    tokens: Sequence[_Token]

    def gap(self, index: int) -> str:
        """What stands between a word and the next."""
        return self.plain[self.tokens[index].end : self.tokens[index + 1].start]


@dataclass(frozen=True)
class _Match:
    """A form found in a text, its readings not yet weighed."""

    text: _Text
    form: Form
    first: int
    """Its first and last token."""
    last: int
    start: int
    """Its span in the plain text."""
    end: int

    @property
    def written(self) -> str:
        start, end = self.span
        return self.text.written[start:end]

    @property
    def span(self) -> tuple[int, int]:
        places = self.text.places
        return places[self.start], places[self.end - 1] + 1


def find_partners(*texts: str) -> tuple[Mention, ...]:
    """Every mention of a partner, in the order of the texts; what one text says decides doubts in the others."""
    matches = [match for part, text in enumerate(texts) for match in _matches(_read(part, text))]
    certain = frozenset(
        reading.code for match in matches for reading in match.form.readings if _is_certain(reading, match)
    )
    words = " ".join(_read(0, text).plain for text in texts)
    spaced = f" {' '.join(_TOKEN.findall(words))} "
    mentions = []
    for match in matches:
        codes = {r.code for r in match.form.readings if _holds(r, match, certain, spaced)}
        if len(codes) == 1:  # of two that could both be meant, neither
            mentions.append(Mention(codes.pop(), match.text.part, *match.span))
    return tuple(mentions)


def _read(part: int, written: str) -> _Text:
    letters = list(fold_letters(written))
    plain = "".join(letter for letter, _ in letters)
    places = [place for _, place in letters]
    tokens = [
        _Token(found[0], found.start(), found.end(), written[places[found.start()]].isupper())
        for found in _TOKEN.finditer(plain)
    ]
    return _Text(part, written, plain, places, tokens)


def _matches(text: _Text) -> Iterator[_Match]:
    position = 0
    for index, token in enumerate(text.tokens):
        if token.start < position:
            continue
        if re.match(f"[{UNSPACED}]", token.plain):
            for match in _unspaced_matches(text, index, position):
                yield match
                position = match.end
        elif (found := _spaced_match(text, index)) is not None:
            yield found
            position = found.end


def _unspaced_matches(text: _Text, index: int, position: int) -> Iterator[_Match]:
    token = text.tokens[index]
    place = max(token.start, position)
    while place < token.end:
        candidates = forms().unspaced.get(text.plain[place], ())
        form = next((form for form in candidates if text.plain.startswith(form.words[0], place)), None)
        if form is None:
            place += 1
            continue
        yield _Match(text, form, index, index, place, place + len(form.words[0]))
        place += len(form.words[0])


def _spaced_match(text: _Text, index: int) -> _Match | None:
    token = text.tokens[index]
    for word in _stems(token.plain):
        for form in forms().spaced.get(word, ()):
            last = index + len(form.words) - 1
            if last < len(text.tokens) and _stands_at(text, index, form):
                start = max(token.end - len(word), token.start)
                return _Match(text, form, index, last, start, text.tokens[last].end)
    return None


def _stands_at(text: _Text, index: int, form: Form) -> bool:
    tokens = text.tokens[index : index + len(form.words)]
    return (
        all(token.plain == word for token, word in zip(tokens[1:], form.words[1:], strict=True))
        and all(token.capital or not capital for token, capital in zip(tokens, form.capitals, strict=True))
        and all(_GAP.fullmatch(text.gap(index + step)) for step in range(len(tokens) - 1))
    )


def _stems(word: str) -> Iterator[str]:
    """The word itself, then without the Arabic particles and article that are written onto it."""
    yield word
    if not _ARABIC.fullmatch(word):
        return
    bases = [word] + ([word[1:]] if word[0] in "وف" else [])
    bases += [base[1:] for base in bases if base[:1] in ("ب", "ل", "ك")]
    bases += ["ا" + base for base in bases if base.startswith("ل") and base not in (word,)]
    bases += [base[2:] for base in bases if base.startswith("ال") and base.endswith(("ي", "ية", "يون", "يين"))]
    for base in dict.fromkeys(bases[1:]):
        if len(base) > 2:
            yield base


def _is_certain(reading: Reading, match: _Match) -> bool:
    return reading.rule == "sure" or (reading.rule == "exact" and match.written == match.form.written)


def _holds(reading: Reading, match: _Match, certain: frozenset[str], spaced: str) -> bool:
    if reading.rule in ("needs", "unless") and reading.code in certain:
        return True
    if reading.rule == "needs":
        return any(_stands_in(word, spaced) for word in reading.context)
    if reading.rule == "unless":
        return not any(_stands_in(word, spaced) for word in reading.context)
    if reading.rule == "person":
        return not _names_a_person(reading, match)
    return _is_certain(reading, match)  # what is blocked never is


def _stands_in(word: str, spaced: str) -> bool:
    if re.match(f"[{UNSPACED}]", word) or _ARABIC.match(word):
        return word in spaced  # no blanks around it, or a particle before it
    return f" {' '.join(_TOKEN.findall(word))} " in spaced


def _names_a_person(reading: Reading, match: _Match) -> bool:
    """Whether the word stands beside another name: ``Michael Jordan``, ``Chad Smith``."""
    tokens = match.text.tokens
    beside = [
        tokens[other]
        for other, gap in ((match.first - 1, match.first - 1), (match.last + 1, match.last))
        if 0 <= other < len(tokens) and match.text.gap(gap) == " "
    ]
    if any(token.plain in reading.context for token in beside):
        return True
    if _in_title_case(tokens):
        return False
    return any(token.capital and token.plain not in _BESIDE and not _is_a_form(token) for token in beside)


def _is_a_form(token: _Token) -> bool:
    return any(form.words[0] == token.plain for form in forms().spaced.get(token.plain, ()))


def _in_title_case(tokens: Sequence[_Token]) -> bool:
    long = [token.capital for token in tokens if len(token.plain) > 3 and token.plain.isascii()]
    return len(long) > 2 and sum(long) > 0.7 * len(long)
