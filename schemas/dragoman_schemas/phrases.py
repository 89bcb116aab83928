"""The agreed phrases of the codebook `starter`, version 1, by key and language.

They are what duty officers say most often. A message names keys; readers see the
phrases in their own language at once. A version never changes: another phrase needs
another version.
"""

from typing import Final

_TEXTS: Final = (
    ("received", "received", "reçu", "收悉"),
    (
        "received_passed_on",
        "received, passed to the competent authority",
        "reçu, transmis à l'autorité compétente",
        "收悉，已转主管部门",
    ),
    ("will_answer_later", "we will answer later", "nous répondrons plus tard", "我方将稍后答复"),
    (
        "answer_being_prepared",
        "an answer is being prepared",
        "une réponse est en préparation",
        "正在准备答复",
    ),
    (
        "no_further_information",
        "no further information",
        "pas d'autre information",
        "暂无进一步信息",
    ),
    (
        "information_being_collected",
        "information is being collected",
        "les informations sont en cours de collecte",
        "正在收集情况",
    ),
    (
        "please_repeat_number",
        "please repeat the message whose number is missing",
        "veuillez répéter le message dont le numéro manque",
        "请重发缺号电文",
    ),
    (
        "please_repeat_unreadable",
        "please repeat, it came unreadable",
        "veuillez répéter, reçu illisible",
        "电文无法辨读，请重发",
    ),
    (
        "please_confirm_reading",
        "please confirm that you read this",
        "veuillez confirmer la lecture",
        "请确认已阅",
    ),
    (
        "please_confirm_figures",
        "please confirm the figures",
        "veuillez confirmer les chiffres",
        "请确认数字",
    ),
    (
        "please_confirm_place",
        "please confirm the place",
        "veuillez confirmer le lieu",
        "请确认地点",
    ),
    ("please_confirm_time", "please confirm the time", "veuillez confirmer l'heure", "请确认时间"),
    ("please_clarify", "please clarify", "veuillez préciser", "请予澄清"),
    (
        "please_call_duty_officer",
        "please call our duty officer",
        "veuillez appeler notre officier de permanence",
        "请致电我方值班人员",
    ),
    ("please_stand_by", "please stand by", "veuillez rester à l'écoute", "请等候"),
    (
        "request_urgent_meeting",
        "we ask for an urgent meeting",
        "nous demandons une réunion urgente",
        "我方请求紧急会晤",
    ),
    (
        "request_expert_contact",
        "we propose direct contact between experts",
        "nous proposons un contact direct entre experts",
        "我方建议专家直接联系",
    ),
    (
        "request_restraint",
        "we ask for restraint by all",
        "nous appelons toutes les parties à la retenue",
        "我方请各方保持克制",
    ),
    (
        "no_hostile_intent",
        "there is no hostile intent",
        "il n'y a aucune intention hostile",
        "并无敌意",
    ),
    (
        "routine_activity",
        "this is routine activity",
        "il s'agit d'une activité de routine",
        "此为例行活动",
    ),
    (
        "exercise_as_notified",
        "this is the exercise that was notified",
        "il s'agit de l'exercice notifié",
        "此为已通报的演习",
    ),
    (
        "accident_not_intended",
        "it was an accident and not intended",
        "c'était un accident, sans intention",
        "此系意外，并非有意",
    ),
    ("under_investigation", "it is under investigation", "une enquête est en cours", "正在调查"),
    (
        "will_inform_of_result",
        "we will inform you of the result",
        "nous vous informerons du résultat",
        "我方将通报结果",
    ),
    (
        "situation_under_control",
        "the situation is under control",
        "la situation est maîtrisée",
        "局势已受控",
    ),
    ("situation_unclear", "the situation is unclear", "la situation n'est pas claire", "情况不明"),
    (
        "situation_unchanged",
        "the situation is unchanged",
        "la situation est inchangée",
        "情况没有变化",
    ),
    ("activity_has_ended", "the activity has ended", "l'activité est terminée", "活动已结束"),
    ("area_is_clear", "the area is clear", "la zone est dégagée", "该区域已解除"),
    (
        "keep_safe_distance",
        "please keep a safe distance",
        "veuillez garder une distance de sécurité",
        "请保持安全距离",
    ),
    (
        "search_and_rescue_in_progress",
        "search and rescue is in progress",
        "opération de recherche et sauvetage en cours",
        "搜救正在进行",
    ),
    ("assistance_needed", "assistance is needed", "une assistance est nécessaire", "需要援助"),
    (
        "assistance_offered",
        "we offer assistance",
        "nous offrons notre assistance",
        "我方愿提供援助",
    ),
    (
        "assistance_not_needed",
        "assistance is not needed, thank you",
        "assistance non nécessaire, merci",
        "不需要援助，谢谢",
    ),
    (
        "casualties_unknown",
        "casualties are not known",
        "le nombre de victimes n'est pas connu",
        "伤亡情况不明",
    ),
    ("no_casualties", "there are no casualties", "il n'y a pas de victimes", "没有人员伤亡"),
    (
        "line_degraded_use_backup",
        "this line is degraded, use the backup",
        "cette ligne est dégradée, utilisez la ligne de secours",
        "本线路质量下降，请用备用线路",
    ),
    ("line_restored", "the line is restored", "la ligne est rétablie", "线路已恢复"),
    (
        "disregard_last_message",
        "disregard the last message",
        "ne pas tenir compte du dernier message",
        "请勿理会上一电文",
    ),
    (
        "sent_as_test",
        "this was sent as a test",
        "ceci a été envoyé à titre d'essai",
        "此为测试电文",
    ),
    (
        "no_view_expressed",
        "no view is expressed by this acknowledgement",
        "cet accusé de réception n'exprime aucune position",
        "本收悉不表示任何立场",
    ),
    (
        "thank_you",
        "thank you for your message",
        "nous vous remercions de votre message",
        "感谢贵方来电",
    ),
)

PHRASES: Final[dict[str, dict[str, str]]] = {
    key: {"en": en, "fr": fr, "zh": zh} for key, en, fr, zh in _TEXTS
}
