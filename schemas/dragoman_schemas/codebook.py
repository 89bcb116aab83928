"""The codebooks that sides adopt: coded messages and agreed phrases.

A code word and a number choose a coded message. A key chooses a phrase. The notices
that some messages show, whoever sends them, are here too.
"""

from typing import Final

from msgspec import Struct

from dragoman_schemas.phrases import PHRASES


class Codebook(Struct, frozen=True, kw_only=True):
    """A version of a codebook.

    `texts` are by designator and language, `phrases` by key and language.
    """

    name: str
    version: int
    code_word: str
    texts: dict[int, dict[str, str]]
    phrases: dict[str, dict[str, str]]


STARTER: Final = Codebook(
    name="starter",
    version=1,
    code_word="HERON",
    texts={
        1: {
            "en": "unexplained incident here",
            "fr": "incident inexpliqué chez nous",
            "zh": "我方发生原因不明的事件",
            "ru": "у нас происшествие невыясненного характера",
        },
        2: {
            "en": "unidentified objects seen, please explain",
            "fr": "objets non identifiés observés, veuillez expliquer",
            "zh": "发现不明物体，请予说明",
            "ru": "обнаружены неопознанные объекты, просим разъяснить",
        },
        3: {
            "en": "accidental launch, harmless / possibly harmful",
            "fr": "tir accidentel, sans danger / peut-être dangereux",
            "zh": "意外发射，无害／可能有害",
            "ru": "случайный пуск, не опасен / возможно, опасен",
        },
        4: {
            "en": "loss of control over a craft near you",
            "fr": "perte de contrôle d'un engin près de vous",
            "zh": "我方一航行器在贵方附近失去控制",
            "ru": "потеря управления аппаратом вблизи вас",
        },
        5: {
            "en": "hazardous activity halted",
            "fr": "activité dangereuse arrêtée",
            "zh": "危险活动已停止",
            "ru": "опасная деятельность прекращена",
        },
        6: {
            "en": "disregard, test error",
            "fr": "ne pas tenir compte, erreur d'essai",
            "zh": "请勿理会，测试错误",
            "ru": "не принимать во внимание, ошибка при проверке",
        },
    },
    phrases=PHRASES,
)

NOTICES: Final[dict[str, dict[str, str]]] = {
    "danger-area": {
        "en": "This notification replaces neither a NOTAM nor a NAVAREA warning.",
        "fr": "La présente notification ne remplace ni un NOTAM ni un avertissement NAVAREA.",
        "zh": "本通报不代替航行通告（NOTAM）或航行警告（NAVAREA）。",
        "ru": "Настоящее уведомление не заменяет ни НОТАМ, ни предупреждение НАВАРЕА.",
    },
    "humanitarian-notification": {
        "en": "This notification asks no permission. Protection under law does not depend on it.",
        "fr": "La présente notification ne demande aucune autorisation. La protection conférée par le droit n'en dépend pas.",
        "zh": "本通报不是请求许可。法律所给予的保护不取决于本通报。",
        "ru": "Настоящее уведомление не является просьбой о разрешении. Защита, предоставляемая правом, от него не зависит.",
    },
}
"""The notice that every message of a format shows, by language."""

CODEBOOKS: Final[dict[str, Codebook]] = {STARTER.name: STARTER}
