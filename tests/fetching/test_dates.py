"""What the dates of feeds mean."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fetching.dates import parse_date

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
EARLY = datetime(1990, 1, 1, tzinfo=UTC)
SHANGHAI = "Asia/Shanghai"


@pytest.mark.parametrize(
    ("raw", "utc", "rule"),
    [
        ("Sat, 07 Jan 2017 15:23:58 +0000", "2017-01-07 15:23:58", "rfc822"),
        ("Sat, 7 Jan 17 15:23 GMT", "2017-01-07 15:23:00", "rfc822"),
        ("Monday, 07 Jan 2017 15:23:58 Z", "2017-01-07 15:23:58", "rfc822"),
        ("Fri, 27 Oct 2023 10:33:00 &#43;0800", "2023-10-27 02:33:00", "rfc822"),
        ("Thu,28 Jul 2022 4:35:5 GMT+9", "2022-07-27 19:35:05", "rfc822"),
        ("Tue, 30 May 2023 12:00:00 -0330 (NDT)", "2023-05-30 15:30:00", "rfc822"),
        ("30-May-2023 10:00:00 UTC", "2023-05-30 10:00:00", "rfc822"),
        ("Tue May 30 12:00:33 2023", "2023-05-30 12:00:33", "rfc822+utc"),
        ("Tue May 30 12:00:33 UTC 2023", "2023-05-30 12:00:33", "rfc822"),
        ("May 30, 2023 12:05 am EDT", "2023-05-30 04:05:00", "rfc822"),
        ("Sept 5, 2023", "2023-09-05 00:00:00", "rfc822+day+utc"),
        ("2015-03-16T08:08:07.123456+00:00", "2015-03-16 08:08:07", "iso8601"),
        ("2023-05-30T12:00:00+08:00[Asia/Shanghai]", "2023-05-30 04:00:00", "iso8601"),
        ("2023-05-30 12:00:00 UTC+8", "2023-05-30 04:00:00", "iso8601"),
        ("2023-05-30 12:00:00 +0530", "2023-05-30 06:30:00", "iso8601"),
        ("2023-05-30T24:00:00Z", "2023-05-31 00:00:00", "iso8601"),
        ("2016-12-31T23:59:60Z", "2016-12-31 23:59:59", "iso8601"),
        ("20230530T120000Z", "2023-05-30 12:00:00", "iso8601"),
        ("2023-05-30T12:00:00", "2023-05-30 12:00:00", "iso8601+utc"),
        ("2020/1/10 14:33:00", "2020-01-10 14:33:00", "numeric+utc"),
        ("07.02.2025", "2025-02-07 00:00:00", "numeric+day+utc"),
        ("30/05/2023 10:00", "2023-05-30 10:00:00", "numeric+utc"),
        ("2023年05月30日 12:00:33", "2023-05-30 12:00:33", "chinese+utc"),
        ("2023年5月30日 星期二 下午3时05分", "2023-05-30 15:05:00", "chinese+utc"),
        ("２０２３年５月３０日　１２：００", "2023-05-30 12:00:00", "chinese+utc"),
        ("1685419200", "2023-05-30 04:00:00", "epoch"),
        ("1685419200123", "2023-05-30 04:00:00", "epoch"),
        ("Seg, 24 Set 2018 19:42:40 -0300", "2018-09-24 22:42:40", "month_name"),
        ("30 mai 2023 à 12h30", "2023-05-30 12:30:00", "month_name+utc"),
        ("Mon, 12 août 2023 10:00:00 GMT", "2023-08-12 10:00:00", "month_name"),
        ("Dienstag, 30. März 2021 12:00 MESZ", "2021-03-30 10:00:00", "month_name"),
        ("30 de mayo de 2023", "2023-05-30 00:00:00", "month_name+day+utc"),
        ("30 Mei 2023 10:00 WIB", "2023-05-30 03:00:00", "month_name"),
        ("Вт, 30 мая 2023 10:00 MSK", "2023-05-30 07:00:00", "month_name"),
        ("٣٠ مايو ٢٠٢٣", "2023-05-30 00:00:00", "month_name+day+utc"),
        ("الثلاثاء، 30 مايو 2023 - 10:00", "2023-05-30 10:00:00", "month_name+utc"),
        ("30 مايو/أيار 2023", "2023-05-30 00:00:00", "month_name+day+utc"),
        ("24 نوفمبر/تشرين الثاني 2022", "2022-11-24 00:00:00", "month_name+day+utc"),
        ("\u200f30/05/2023\u200e 10:00", "2023-05-30 10:00:00", "numeric+utc"),
        ("2023-05-30 10:00:00 +0800 CST", "2023-05-30 02:00:00", "iso8601"),
        ("Thứ Ba, 30/5/2023, 10:00 (GMT+7)", "2023-05-30 03:00:00", "numeric"),
        ("Tue, 30 May 2023 10:00:00 +0800 (GMT+7)", "2023-05-30 02:00:00", "rfc822"),
        ("30 мая 2023, 10:00 МСК", "2023-05-30 07:00:00", "month_name"),
    ],
)
def test_every_shape_is_read(raw: str, utc: str, rule: str) -> None:
    moment, found = parse_date(raw, now=NOW)
    assert moment is not None
    assert (moment.strftime("%Y-%m-%d %H:%M:%S"), moment.utcoffset(), found) == (utc, timedelta(0), rule)


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        *(("EAT", 3), ("CAT", 2), ("WAT", 1), ("SAST", 2), ("PKT", 5), ("IST", 5.5), ("NPT", 5.75), ("BDT", 6)),
        *(("WIB", 7), ("HKT", 8), ("SGT", 8), ("PHT", 8), ("MYT", 8), ("BST", 1), ("BRT", -3), ("ART", -3)),
        *(("CLT", -4), ("CET", 1), ("CEST", 2), ("CST", -6), ("EST", -5), ("JST", 9), ("GMT", 0), ("北京时间", 8)),
        *(("GMT+8", 8), ("UTC+8", 8), ("GMT+0800", 8), ("gmt +08:00", 8), ("+08", 8), ("-03", -3)),
    ],
)
def test_zone_is_what_it_means_in_the_news(name: str, hours: float) -> None:
    moment, _ = parse_date(f"Tue, 30 May 2023 12:00:00 {name}", now=NOW)
    assert moment == datetime(2023, 5, 30, 12, tzinfo=UTC) - timedelta(hours=hours)


@pytest.mark.parametrize(
    ("name", "zone", "language", "hours"),
    [
        ("CST", SHANGHAI, None, 8),
        ("CST", None, "zh-CN", 8),
        ("CST", "America/Chicago", "zh", -6),
        ("CST", "America/Havana", None, -5),
        ("IST", "Asia/Jerusalem", None, 2),
        ("IST", "Europe/Dublin", None, 1),
        ("IST", "Asia/Kolkata", "he", 5.5),
        ("BST", "Asia/Dhaka", "en", 6),
        ("PST", "Asia/Manila", None, 8),
        ("AST", "Asia/Riyadh", None, 3),
        ("EAT", SHANGHAI, "zh", 3),
    ],
)
def test_ambiguous_zone_is_settled_by_the_feed(name: str, zone: str | None, language: str | None, hours: float) -> None:
    moment, _ = parse_date(f"2023-05-30 12:00 {name}", now=NOW, zone=zone, language=language)
    assert moment == datetime(2023, 5, 30, 12, tzinfo=UTC) - timedelta(hours=hours)


def test_date_without_zone_is_read_in_the_feeds_own() -> None:
    assert parse_date("2020/1/10 14:33:00", now=NOW, zone=SHANGHAI) == (
        datetime(2020, 1, 10, 6, 33, tzinfo=UTC),
        "numeric+zone",
    )


def test_summer_time_of_the_feeds_zone_is_respected() -> None:
    winter, _ = parse_date("2023-01-30 12:00", now=NOW, zone="Europe/Paris")
    summer, _ = parse_date("2023-07-30 12:00", now=NOW, zone="Europe/Paris")
    assert winter is not None
    assert summer is not None
    assert (winter.hour, summer.hour) == (11, 10)


def test_the_newsrooms_format_comes_first() -> None:
    assert parse_date("03/04/2023 10h", now=NOW, fmt="%m/%d/%Y %Hh", zone="America/Lima") == (
        datetime(2023, 3, 4, 15, tzinfo=UTC),
        "format+zone",
    )
    assert parse_date("2023-05-30", now=NOW, fmt="%d.%m.%Y")[1] == "iso8601+day+utc"


@pytest.mark.parametrize(
    ("language", "zone", "month"),
    [("fr", None, 4), ("en-us", None, 3), ("en", "Africa/Nairobi", 4), ("en", "America/New_York", 3)],
)
def test_slash_date_is_read_as_the_country_writes_it(language: str, zone: str | None, month: int) -> None:
    moment, _ = parse_date("03/04/2023 12:00", now=NOW, language=language, zone=zone)
    assert moment is not None
    assert moment.month == month


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (None, "missing"),
        (" ", "missing"),
        ("yesterday", "unreadable"),
        ("2 hours ago", "unreadable"),
        ("2023-05-30T25:00:00Z", "unreadable"),
        ("2023-05-30T24:30:00Z", "unreadable"),
        ("2023-02-31", "unreadable"),
        ("2023-05", "unreadable"),
        ("Tue, 30 Smarch 2023 10:00", "unreadable"),
        ("2023-05-30 12:00 XYZ", "unreadable"),
        ("2023-05-30 12:00 +9900", "unreadable"),
        ("03/04/2023", "ambiguous"),
        ("Thu, 01 Jan 1970 00:00:00 +0000", "ancient"),
        ("1402-05-30", "ancient"),
        ("Wed, 13 Apr 2035 09:07:01 +0100", "future"),
        ("2123-01-01", "future"),
        ("9999-12-31T23:59:59-14:00", "unreadable"),
    ],
)
def test_uncertain_date_stays_unread_and_says_why(raw: str | None, rule: str) -> None:
    assert parse_date(raw, now=NOW) == (None, rule)


def test_clock_slightly_ahead_is_brought_back_to_now() -> None:
    assert parse_date("2026-11-24T15:00:00Z", now=NOW) == (NOW, "clamped")
    assert parse_date("2026-11-25T12:00:01Z", now=NOW) == (None, "future")


@given(st.integers(0, int((NOW - EARLY).total_seconds())), st.integers(-12 * 4, 14 * 4))
def test_iso_and_rfc_agree(seconds: int, quarters: int) -> None:
    wall = EARLY + timedelta(seconds=seconds)
    sign, minutes = "-" if quarters < 0 else "+", abs(quarters) * 15
    offset = f"{sign}{minutes // 60:02}{minutes % 60:02}"
    month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][wall.month - 1]
    expected = wall - timedelta(minutes=15 * quarters)
    iso, _ = parse_date(f"{wall:%Y-%m-%dT%H:%M:%S}{offset}", now=NOW)
    rfc, _ = parse_date(f"{wall.day} {month} {wall.year} {wall:%H:%M:%S} {offset}", now=NOW)
    if EARLY <= expected <= NOW:
        assert iso == rfc == expected


@given(st.text(max_size=60) | st.text("0123456789/-:.年月日 TZ+GMTJanMay,", max_size=40))
def test_any_text_has_an_answer(raw: str) -> None:
    moment, rule = parse_date(raw, now=NOW, zone=SHANGHAI, fmt="%Y", language="zh")
    assert len(rule) <= 32
    assert moment is None or (moment.utcoffset() == timedelta(0) and EARLY <= moment <= NOW)
