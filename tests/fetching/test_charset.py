"""Which charset a document is read in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fetching.charset import decode


def a_feed(title: str, headline: str) -> str:
    return f"<rss><channel><title>{title}</title><item><title>{headline}</title></item></channel></rss>"


CHINESE = a_feed("新闻", "中非合作论坛北京峰会开幕，习近平发表主旨讲话")
TAIWANESE = a_feed("新聞", "臺灣與日本簽署經濟合作協定，雙方將加強貿易往來")
RUSSIAN = a_feed("Новости", "Россия и Китай подписали соглашение о сотрудничестве")
ARABIC = a_feed("أخبار", "الصين ومصر توقعان اتفاقية شراكة استراتيجية شاملة")
PORTUGUESE = a_feed("Notícias", "Eleições: inquérito não avança na região")
POLISH = a_feed("Wiadomości", "Zażółć gęślą jaźń: rząd przyjął uchwałę o współpracy, źródło PAP")


@pytest.mark.parametrize(
    ("text", "charset", "found"),
    [
        (CHINESE, "gbk", "gb18030"),
        (TAIWANESE, "big5", "big5hkscs"),
        (RUSSIAN, "cp1251", "cp1251"),
        (ARABIC, "cp1256", "cp1256"),
        (PORTUGUESE, "cp1252", "cp1252"),
        (POLISH, "cp1250", "cp1250"),
        (RUSSIAN, "utf-8", "utf-8"),
    ],
)
def test_undeclared_charset_is_detected(text: str, charset: str, found: str) -> None:
    decoded = decode(text.encode(charset), None)
    assert (decoded.text, decoded.charset, decoded.broken) == (text, found, False)


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-8"])
@pytest.mark.parametrize("mark", ["\ufeff", ""])
def test_unicode_is_read_with_and_without_a_mark(charset: str, mark: str) -> None:
    decoded = decode((mark + ARABIC).encode(charset), "text/xml; charset=iso-8859-1")
    assert (decoded.text, decoded.broken) == (ARABIC, False)


def test_gb2312_means_its_superset() -> None:
    text = '<?xml version="1.0" encoding="gb2312"?><title>朱镕基与镕字</title>'
    decoded = decode(text.encode("gbk"), None)
    assert (decoded.text, decoded.charset) == (text, "gb18030")


@pytest.mark.parametrize("charset", ["iso-2022-jp", "iso-2022-kr", "hz"])
def test_charset_that_shifts_within_ascii_bytes_is_read_where_it_is_declared(charset: str) -> None:
    text = {"iso-2022-kr": "철도 협정", "hz": "铁路协议"}.get(charset, "鉄道協定")
    document = f"<?xml version='1.0' encoding='{charset}'?><rss><title>{text}</title></rss>"
    body = document.encode(charset)
    assert body.isascii()
    assert decode(body, None).text == document
    assert decode(body, f"text/xml; charset={charset}").text == document
    assert decode(b"<rss>costs ~{5} \x1b[0m</rss>", None).charset == "utf-8"


def test_header_comes_before_declaration() -> None:
    text = '<?xml version="1.0" encoding="windows-1252"?><title>Новости дня</title>'
    assert decode(text.encode("cp1251"), 'application/xml; Charset="windows-1251"').text == text


def test_declaration_that_does_not_decode_falls_through() -> None:
    text = f'<?xml version="1.0" encoding="shift_jis"?>{CHINESE}'
    assert decode(text.encode("gbk"), "text/xml; charset=utf-8").text == text


@pytest.mark.parametrize(
    "label", ["no-such-charset", "rot13", "unicode_escape", "idna", "utf-7", "undefined", "base64"]
)
def test_label_that_is_no_charset_of_documents_is_ignored(label: str) -> None:
    text = f'<?xml version="1.0" encoding="{label}"?><title>+AD4- \\u0041</title>'
    assert decode(text.encode(), f"text/xml; charset={label}").text == text


def test_valid_utf8_beats_a_servers_default_charset() -> None:
    assert decode(PORTUGUESE.encode(), "text/xml; charset=iso-8859-1").text == PORTUGUESE


def test_the_newsrooms_setting_beats_everything() -> None:
    body = '<?xml version="1.0" encoding="windows-1252"?><title>привет</title>'.encode("koi8-r")
    assert "привет" in decode(body, "text/xml; charset=windows-1251", charset="koi8-r").text


def test_a_few_bad_bytes_do_not_turn_utf8_into_something_else() -> None:
    decoded = decode(RUSSIAN.encode() + b"\xff\xfe<a>", "text/xml; charset=utf-8")
    assert (decoded.charset, decoded.broken) == ("utf-8", True)
    assert RUSSIAN in decoded.text


def test_a_cut_character_at_the_end_is_no_reason_to_guess() -> None:
    decoded = decode(CHINESE.encode()[:-40][:120].rstrip(b">") + "中".encode()[:1], None)
    assert decoded.charset == "utf-8"


@given(st.binary(max_size=300), st.none() | st.text(max_size=40), st.none() | st.sampled_from(["gbk", "x", "utf-16"]))
def test_any_bytes_give_text(body: bytes, content_type: str | None, charset: str | None) -> None:
    decode(body, content_type, charset).text.encode("utf-8", "surrogatepass")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1))
def test_utf8_comes_back_as_it_was(text: str) -> None:
    body = ("<t>" + text + "</t>").encode()
    assert decode(body, "text/xml; charset=utf-8").text == "<t>" + text + "</t>"
