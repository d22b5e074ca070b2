"""The ten tiers: our reading of the official wordings, and the qualifiers that colour them.

Pure. Beijing publishes no order of its partnerships. The rank here is ours, inferred from the wording, and
serves sorting and colour scales only; the official label is the fact and is stored beside the tier. Used by
``register``, by the desk when a story is tagged, and by the pages that explain a tier. Knows no partner
(``places``) and no date (``register``).
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Tier(StrEnum):
    """How China words its tie with a partner, the closest wording first."""

    STRATEGIC_COORDINATION = "strategic_coordination"
    ALL_WEATHER = "all_weather"
    COMPREHENSIVE_STRATEGIC_COOPERATIVE = "comprehensive_strategic_cooperative"
    COMPREHENSIVE_STRATEGIC = "comprehensive_strategic"
    STRATEGIC_COOPERATIVE = "strategic_cooperative"
    STRATEGIC = "strategic"
    COMPREHENSIVE_COOPERATIVE = "comprehensive_cooperative"
    COOPERATIVE = "cooperative"
    NONE = "none"
    NO_RELATIONS = "no_relations"

    @property
    def facts(self) -> "TierFacts":
        """Rank, band, names and description."""
        return _FACTS[self]


class Band(StrEnum):
    """Tiers that a map or a list shows alike. The keys say nothing about colours; a style sheet does."""

    APEX = "apex"
    COMPREHENSIVE_STRATEGIC = "comprehensive_strategic"
    STRATEGIC = "strategic"
    COMPREHENSIVE = "comprehensive"
    COOPERATIVE = "cooperative"
    NONE = "none"

    @property
    def names(self) -> "BandNames":
        """The band's heading in English and Chinese."""
        return _BAND_NAMES[self]


@dataclass(frozen=True)
class BandNames:
    """What a band is called on a page."""

    name_en: str
    name_zh: str


@dataclass(frozen=True)
class TierFacts:
    """What there is to say about one tier."""

    rank: int | None
    """8 for the closest wording to 0 for none; ours, not Beijing's. None: no relations, nothing to rank."""
    band: Band
    name_en: str
    name_zh: str
    description: str
    """What sets the wording apart, in one English sentence."""


@dataclass(frozen=True)
class Qualifier:
    """A word that colours a label without changing its tier, or a remark of ours about the row."""

    name_en: str
    name_zh: str
    ours: bool = False
    """True for an editorial remark that is no part of the official label."""


_BAND_NAMES: Mapping[Band, BandNames] = MappingProxyType(
    {
        Band.APEX: BandNames("Apex", "最高层级"),
        Band.COMPREHENSIVE_STRATEGIC: BandNames("Comprehensive strategic", "全面战略"),
        Band.STRATEGIC: BandNames("Strategic", "战略"),
        Band.COMPREHENSIVE: BandNames("Comprehensive", "全面"),
        Band.COOPERATIVE: BandNames("Cooperative", "合作"),
        Band.NONE: BandNames("No partnership", "无伙伴关系"),
    }
)

_FACTS: Mapping[Tier, TierFacts] = MappingProxyType(
    {
        Tier.STRATEGIC_COORDINATION: TierFacts(
            8,
            Band.APEX,
            "strategic partnership of coordination",
            "战略协作伙伴关系",
            "The two sides coordinate (协作) rather than cooperate: they align positions, security included.",
        ),
        Tier.ALL_WEATHER: TierFacts(
            7,
            Band.APEX,
            "all-weather or permanent strategic partnership",
            "全天候或永久战略伙伴关系",
            "It begins with 全天候 (all-weather) or 永久 (permanent), a promise to outlast governments.",
        ),
        Tier.COMPREHENSIVE_STRATEGIC_COOPERATIVE: TierFacts(
            6,
            Band.COMPREHENSIVE_STRATEGIC,
            "comprehensive strategic cooperative partnership",
            "全面战略合作伙伴关系",
            "All fields (全面), strategic, and cooperation (合作) named; common in Africa and Asia.",
        ),
        Tier.COMPREHENSIVE_STRATEGIC: TierFacts(
            5,
            Band.COMPREHENSIVE_STRATEGIC,
            "comprehensive strategic partnership",
            "全面战略伙伴关系",
            "Every field (全面) and strategic; China uses it with many of the larger economies.",
        ),
        Tier.STRATEGIC_COOPERATIVE: TierFacts(
            4,
            Band.STRATEGIC,
            "strategic cooperative partnership",
            "战略合作伙伴关系",
            "Strategic, with cooperation named, and no claim to cover all fields.",
        ),
        Tier.STRATEGIC: TierFacts(
            3,
            Band.STRATEGIC,
            "strategic partnership",
            "战略伙伴关系",
            "Strategic (战略) and no more; more partners hold this wording than any other.",
        ),
        Tier.COMPREHENSIVE_COOPERATIVE: TierFacts(
            2,
            Band.COMPREHENSIVE,
            "comprehensive cooperative partnership",
            "全面合作伙伴关系",
            "Many fields (全面 or 全方位), and no 战略.",
        ),
        Tier.COOPERATIVE: TierFacts(
            1,
            Band.COOPERATIVE,
            "cooperative partnership",
            "合作伙伴关系",
            "A partnership that is called neither comprehensive nor strategic; mostly early wordings.",
        ),
        Tier.NONE: TierFacts(
            0,
            Band.NONE,
            "relations without a partnership",
            "无伙伴关系定位",
            "Diplomatic relations, perhaps close ones under another formula, but no partnership.",
        ),
        Tier.NO_RELATIONS: TierFacts(
            None,
            Band.NONE,
            "no diplomatic relations",
            "未建交",
            "The two governments have no diplomatic relations.",
        ),
    }
)

QUALIFIERS: Mapping[str, Qualifier] = MappingProxyType(
    {
        "all_weather": Qualifier("all-weather", "全天候"),
        "permanent": Qualifier("permanent", "永久"),
        "new_era": Qualifier("for a new era", "新时代"),
        "comprehensive": Qualifier("comprehensive", "全面"),
        "cooperative": Qualifier("cooperative", "合作"),
        "all_round": Qualifier("all-round", "全方位"),
        "global": Qualifier("global", "全球"),
        "innovative": Qualifier("innovative", "创新"),
        "friendly": Qualifier("friendly", "友好"),
        "traditional": Qualifier("traditional", "传统"),
        "good_neighbourly": Qualifier("good-neighbourly", "睦邻"),
        "everlasting_friendship": Qualifier("everlasting friendship", "世代友好"),
        "mutually_beneficial": Qualifier("mutually beneficial", "互惠"),
        "win_win": Qualifier("win-win", "互利共赢"),
        "mutual_respect": Qualifier("mutual respect", "相互尊重"),
        "development": Qualifier("for development", "发展"),
        "new_type": Qualifier("new type", "新型"),
        "constructive": Qualifier("constructive", "建设性"),
        "closer": Qualifier("closer", "更加紧密"),
        "close_lasting": Qualifier("close and lasting", "紧密持久"),
        "long_term": Qualifier("long-term", "长期"),
        "long_term_consistent": Qualifier("long-term and stable", "长期稳定"),
        "open_pragmatic": Qualifier("open and pragmatic", "开放务实"),
        "future_oriented": Qualifier("future-oriented", "面向未来"),
        "high_quality": Qualifier("high-quality", "高质量"),
        "century_21": Qualifier("for the 21st century", "面向21世纪"),
        "community": Qualifier("community with a shared future", "命运共同体"),
        "community_all_weather": Qualifier("all-weather community with a shared future", "全天候命运共同体"),
        "relation_only": Qualifier("the word partner is absent", "只称关系", ours=True),
        "treaty": Qualifier("rests on a treaty", "条约关系", ours=True),
        "strategic_stability": Qualifier("strategic stability", "战略稳定"),
        "aspirational": Qualifier("an aim, not yet a fact", "尚属目标", ours=True),
        "lapsed": Qualifier("no longer used", "已不再使用", ours=True),
        "blanket_focac": Qualifier("inferred from a summit's blanket statement", "据峰会总体表述推定", ours=True),
        "bhutan_case": Qualifier("relations with neither Beijing nor Taipei", "与两岸均无邦交", ours=True),
    }
)
"""The closed set of qualifiers by key, in the order in which a form offers them. ``community`` is a track of
its own beside the partnership, not a tier."""

_WORDINGS = (
    ("战略协作", Tier.STRATEGIC_COORDINATION),
    ("全天候|永久", Tier.ALL_WEATHER),
    ("(全面|全方位)战略性?合作", Tier.COMPREHENSIVE_STRATEGIC_COOPERATIVE),
    ("(全面|全方位)战略", Tier.COMPREHENSIVE_STRATEGIC),
    ("战略性?合作", Tier.STRATEGIC_COOPERATIVE),
    ("战略", Tier.STRATEGIC),
    ("全面|全方位", Tier.COMPREHENSIVE_COOPERATIVE),
    ("伙伴", Tier.COOPERATIVE),
)


def tier_of_wording(label_zh: str) -> Tier | None:
    """The tier that a Chinese label reads as, or None when it names no partnership (伙伴).

    A reading aid for forms and for ``register.check_register``, not a verdict: people set the tier. Clauses
    that deny a partnership or speak of a community with a shared future count for nothing, and neither does
    a frame that belongs to another partner (在…框架内).
    """
    clauses = [clause for clause in re.split(r"[\uff1b;]", label_zh) if "伙伴" in clause]
    if not clauses or re.search("未见|不再|无伙伴", clauses[0]):
        return None
    wording = re.sub("在.*框架内", "", clauses[0])
    return next(tier for pattern, tier in _WORDINGS if re.search(pattern, wording))


def near_tiers(word: str) -> tuple[str, ...]:
    """Up to three tier keys that someone who wrote ``word`` may have meant, the nearest first.

    Keys, English names and Chinese names are compared, so a label from a readout finds its tier.
    """
    wanted = _plain(word)
    if not wanted:
        return ()
    names = {
        _plain(name): tier.value
        for tier in Tier
        for name in (
            tier.value,
            tier.facts.name_en,
            tier.facts.name_en.replace(" partnership", ""),
            tier.facts.name_zh,
        )
    }
    close = difflib.get_close_matches(wanted, names, n=6, cutoff=0.6)
    read = tier_of_wording(word)
    return tuple(dict.fromkeys([*([read.value] if read else []), *(names[name] for name in close)]))[:3]


def _plain(word: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", word.casefold()).split())
