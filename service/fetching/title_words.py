"""The words that decide whether two titles can be about the same news: the lists behind ``title_pieces``.

Data only, in the six languages of the register. Letters are as ``title_pieces`` folds them: small, without
accents. Words that carry no news are left out of the comparison; numbers and their scales must be equal; of two
words that point in opposite directions ("rise", "fall") one title may not have the one and the other the other.
"""

_JOINING = """
a an and are as at be been but by for from had has have he her his how if in into is it its more new no of off on or
our out over s say said she so t than that the their them they this to up us was we were what when where who why
will with would you after about amid says via vs video photo photos live update updates breaking au aux avec ce ces
cette comme d dans de des du elle en entre est et etre il ils l la le les leur lors mais n ou par pas plus pour qu
que qui sa se selon ses son sont sous sur un une vers apres avant ont al como con contra cual del desde donde el
ella es esta este esto ha han hasta las lo los mas muy nos o para pero por segun ser si sin sobre su sus tras una
uno unos y ya ao aos com da das do dos e em foi ja na nas nao num numa os pela pelo pelos pelas sao sem sua seu seus
um uma apos ante diz dice dit في من على الى عن مع ان او ما لا هذا هذه التي الذي بعد قبل بين كما قد كان هو هي ثم حول
عند و ال
"""
STOP_WORDS = frozenset(_JOINING.split())

STOP_SIGNS = frozenset("的了在与及将是被把吗呢吧之于並與將")
"""Chinese signs that only join; runs of text are cut at them."""

_ONE_TO_TWELVE = {
    "en": "one two three four five six seven eight nine ten eleven twelve",
    "fr": "un deux trois quatre cinq six sept huit neuf dix onze douze",
    "es": "uno dos tres cuatro cinco seis siete ocho nueve diez once doce",
    "pt": "um dois tres quatro cinco seis sete oito nove dez onze doze",
    "ar": "واحد اثنان ثلاثة اربعة خمسة ستة سبعة ثمانية تسعة عشرة",
}
_SCALES = {
    "hundred": "hundred hundreds cent cents centaine centaines cien cientos cem centenas مئة مئات",
    "thousand": "thousand thousands mille millier milliers mil miles milhares الف الاف k",
    "million": "million millions millon millones milhao milhoes مليون ملايين m mn mln",
    "billion": "billion billions bn b milliard milliards bilhao bilhoes مليار مليارات",
    "trillion": "trillion trillions tn trilhao trilhoes",
    "percent": "percent pct",
}
SCALES = {word: scale for scale, words in _SCALES.items() for word in words.split()}
"""Words and letters after a figure → how large it is. "One" and its kin are articles too, and left out below."""
NUMBER_WORDS = {
    language: {word: str(value) for value, word in enumerate(words.split(), start=1) if value > 1}
    for language, words in _ONE_TO_TWELVE.items()
}

CHINESE_NUMBERS = "二两兩三四五六七八九十百千万萬亿億"

OPPOSITES: tuple[tuple[str, str], ...] = (
    (
        """
        rise rises rising rose grow grows grew growth increase increases increased gain gains jump jumps surge
        surges soar soars climb climbs up higher expand expands boost boosts raise raises hike hikes hausse augmente
        augmentent augmentation croissance progresse progressent monte relance sube suben subio aumenta aumentan
        aumento crece crecen crecimiento alza sobe sobem aumentam cresce crescem crescimento alta ارتفاع يرتفع ترتفع
        ارتفعت زيادة نمو يزيد 上升 上涨 上漲 增长 增長 增加 攀升 扩大 擴大 提高 走高 大涨
        """,
        """
        fall falls falling fell drop drops dropped decline declines declined decrease decreases slump slumps plunge
        plunges sink sinks slide slides down lower shrink shrinks cut cuts reduce reduces slash slashes ease eases
        baisse baissent diminue diminuent diminution recul recule reculent chute chutent reduit baja bajan bajo cae
        caen cayo disminuye reduce reducen caida cai caem queda diminui reduz recuo recua انخفاض ينخفض تنخفض انخفضت
        تراجع يتراجع هبوط خفض 下降 下跌 减少 減少 下滑 缩小 縮小 降低 走低 回落 大跌 萎缩
        """,
    ),
    (
        """
        approve approves approved accept accepts accepted back backs agree agrees agreed sign signs signed welcome
        welcomes approuve accepte signe signent soutient aprueba acepta firma firman apoya aprova aceita assina
        assinam apoia يوافق توافق يوقع توقع توقيع يدعم 批准 同意 接受 签署 簽署 支持 欢迎
        """,
        """
        reject rejects rejected refuse refuses refused oppose opposes deny denies denied scrap scraps cancel cancels
        cancelled suspend suspends condemn condemns rejette refuse annule suspend condamne rechaza niega cancela
        suspende condena rejeita recusa nega يرفض ترفض ينفي تنفي يلغي تلغي يدين 拒绝 拒絕 反对 反對
        取消 否认 否認 暂停 谴责
        """,
    ),
    (
        """
        win wins won winner gana ganan ganha vence gagne remporte يفوز تفوز 获胜 獲勝 赢得
        """,
        """
        lose loses lost loser pierde pierden perde perd يخسر تخسر 失利 落败 输掉
        """,
    ),
    (
        """
        open opens opened reopen reopens begin begins start starts launch launches resume resumes ouvre rouvre
        commence lance reprend abre reabre comienza lanza reanuda inicia lanca retoma يفتح تفتح يبدا تبدا 开放 開放 开始
        開始 启动 啟動 恢复 重开
        """,
        """
        close closes closed shut shuts end ends ended halt halts stop stops ferme termine arrete cierra termina
        detiene fecha encerra يغلق تغلق ينهي 关闭 關閉 结束 結束 停止 中止
        """,
    ),
    (
        """
        enter enters join joins arrive arrives entra llega chega rejoint arrive 加入 抵达
        """,
        """
        leave leaves quit quits exit exits withdraw withdraws deja abandona quitte retire sai deixa 退出 离开 撤出
        """,
    ),
)
"""Pairs of words that point in opposite ways; blanks part the words."""

_DENYING = {
    "en": "not no never without cannot",
    "fr": "ne n pas jamais non sans",
    "es": "no nunca jamas sin",
    "pt": "nao nunca jamais sem",
    "ar": "لا لم لن ليس ليست بدون",
    "zh": "不 没 沒 无 無",
}
DENIALS = {language: frozenset(words.split()) for language, words in _DENYING.items()}
"""Where one title has such a word and the other has none, they may say the contrary of each other."""
