"""Zone abbreviations → offsets from UTC, right for the part of the world that this desk reads.

An abbreviation is not unique (CST is China, Cuba or the central United States). The feed's own zone decides
first, if that zone calls itself so; then its language; then the commonest meaning in news feeds. Pure, and
called by ``dates`` only. Offsets as in the IANA time zone database of 2026.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_HOURS: dict[float, str] = {
    -11: "SST",
    -10: "HST",
    -9: "AKST HDT",
    -8: "PST AKDT",
    -7: "MST PDT",
    -6: "CST MDT GALT",
    -5: "EST CDT COT PET ECT ACT",
    -4: "EDT AST BOT VET GYT CLT AMT",
    -3.5: "NST",
    -3: "BRT ART UYT PYT SRT GFT CLST ADT WGT",
    -2.5: "NDT",
    -2: "BRST FNT UYST",
    -1: "AZOT CVT EGT",
    0: "Z UT UTC GMT WET AZOST WGST",
    1: "CET BST WEST WAT MEZ MET",
    2: "EET CEST CAT SAST MESZ MEST WAST IST_IL KALT",
    3: "MSK EAT TRT EEST IDT SYOT AST_AR",
    3.5: "IRST",
    4: "GST AZT GET MUT SCT RET SAMT MSD AMST",
    4.5: "AFT IRDT",
    5: "PKT UZT TJT TMT MVT YEKT AQTT ORAT",
    5.5: "IST SLST LKT",
    5.75: "NPT",
    6: "BDT BTT KGT OMST ALMT BST_BD",
    6.5: "MMT",
    7: "WIB ICT KRAT HOVT NOVT",
    8: "HKT SGT PHT MYT WITA ULAT IRKT AWST BNT CST_CN BJT PST_PH MST_MY",
    9: "JST KST WIT TLT YAKT",
    9.5: "ACST",
    10: "AEST PGT VLAT CHST",
    10.5: "ACDT",
    11: "AEDT SBT NCT VUT MAGT",
    12: "NZST FJT PETT TVT",
    13: "NZDT TOT WST",
}
_OFFSETS = {name: timedelta(hours=hours) for hours, names in _HOURS.items() for name in names.split()}
_SPOKEN = {
    ("CST", "zh"): "CST_CN",
    ("IST", "he"): "IST_IL",
    ("BST", "bn"): "BST_BD",
    ("AST", "ar"): "AST_AR",
    ("PST", "fil"): "PST_PH",
    ("PST", "tl"): "PST_PH",
    ("MST", "ms"): "MST_MY",
}
_AMBIGUOUS = frozenset(["CST", "IST", "BST", "AST", "PST", "MST", "SST", "AMT", "GST", "ECT", "ACT", "WST"])
_NAMED = {
    "北京时间": "CST_CN",
    "北京時間": "CST_CN",
    "BEIJING TIME": "CST_CN",
    "HONG KONG TIME": "HKT",
    "HKST": "HKT",
    "МСК": "MSK",
}


def abbreviation_offset(text: str, at: datetime, *, zone: ZoneInfo | None, language: str) -> timedelta | None:
    """What ``text`` stands for at the wall time ``at`` (naive); None if it is no abbreviation known here.

    Args:
        text: such as ``CST``, in any case.
        at: wall time in the unknown zone: decides between standard and summer time of the feed's zone.
        zone: the feed's own zone.
        language: BCP 47 in lower case, may be empty.
    """
    name = text.strip().upper().rstrip(".")
    if zone is not None:
        days = (at, at.replace(month=1, day=1), at.replace(month=7, day=1))
        for local in (day.replace(tzinfo=zone) for day in days):
            if local.tzname() == name:
                return local.utcoffset()
        # The database writes Dhaka, Dubai, Singapore and others as bare numbers, which answers to any name.
        if name in _AMBIGUOUS and (at.replace(tzinfo=zone).tzname() or "")[:1] in ("+", "-"):
            return at.replace(tzinfo=zone).utcoffset()
    name = _NAMED.get(name) or _SPOKEN.get((name, language.split("-")[0])) or name
    return _OFFSETS.get(name)
