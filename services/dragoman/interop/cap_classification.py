"""The classification of CAP alerts, by categories and by words in their names.

Each table has a value of the format and the pattern of its words. The words are looked
for in the event names and headlines, in lower case. The first match counts.
"""

import re
from typing import Final
from xml.etree import ElementTree as ET

from dragoman.interop.cap_values import (
    child_texts,
)

_EMERGENCIES: Final = frozenset({"Geo", "Met", "Fire", "Health", "Env", "CBRNE"})
"""Categories whose alerts become an `emergency-notification`.

One of the words below has the same effect, unless the only category is Security. An
alert of Security with a word for terror becomes a `terrorism-warning`. Any other alert
becomes a `hazardous-incident`.
"""


_TERROR: Final = re.compile(r"terror|恐怖|恐袭")


NATURES: Final = {
    "radiological": r"radiolog|radiation|radioactiv|放射|辐射",
    "nuclear": r"nuclear|reactor|核",
    "gas_leak": r"gas leak|leak of gas|天然气泄漏|燃气泄漏",
    "oil_spill": r"oil (spill|slick)|溢油|漏油",
    "earthquake": r"earthquake|seismic|aftershock|地震",
    "landslide": r"land ?slide|mudslide|滑坡|泥石流",
    "flood_wave": r"flood wave|dam (break|failure)|洪水波|溃坝",
    "flood": r"flood|tsunami|洪|海啸",
    "epidemic": r"epidemic|pandemic|outbreak|疫",
    "drought": r"drought|干旱|旱灾",
    "pollution": r"pollution|polluted|污染",
    "industrial": r"industrial|chemical|hazmat|hazardous material|toxic|explosion|化学|危险品|泄漏|爆炸",
    "wildfire": r"\bwildfires?\b|(forest|bush) ?fires?\b|山火|森林火灾",
    "fire": r"\bfires?\b(?! control)|火灾",
    "storm": r"storm|hurricane|typhoon|cyclone|tornado|blizzard|high wind|台风|暴雨|暴雪|龙卷风",
}
"""The natures of an `emergency-notification`."""


INCIDENTS: Final = {
    "near_miss": r"near miss|险些相撞",
    "collision": r"collision|collided|相撞|碰撞",
    "grounding": r"aground|grounding|搁浅",
    "crash": r"crash|坠毁|坠机",
    "persons_in_distress_or_held": r"distress|missing|abduct|kidnap|hostage|search and "
    r"rescue|遇险|失踪|绑架",
    "fire_control_radar": r"fire control radar|火控雷达",
    "laser": r"\blaser|激光",
    "jamming": r"jamming|电子干扰",
    "landslide": r"land ?slide|mudslide|滑坡|泥石流",
    "gas_leak": r"gas leak|leak of gas|天然气泄漏|燃气泄漏",
    "sabotage": r"sabotage|蓄意破坏",
    "attack": r"\battack|袭击",
    "fire_or_explosion": r"\bfire\b|explosion|爆炸|火灾",
}
"""The kinds of a `hazardous-incident`."""


THREATS: Final = {
    "hijacking": r"hijack|劫持",
    "hostage_taking": r"hostage|人质",
    "smuggling": r"smuggl|走私",
    "cyber": r"cyber|网络",
    "attack": r"attack|bomb|shooting|袭|炸",
}
"""The threats of a `terrorism-warning`."""


def act_of(infos: list[ET.Element]) -> str:
    """Return the format for an alert that is not our own."""
    categories = {item for info in infos for item in child_texts(info, "category")}
    text = names_in(infos)
    if "Security" in categories and _TERROR.search(text):
        return "terrorism-warning"
    if categories & _EMERGENCIES or (categories - {"Security"} and first_match(NATURES, text)):
        return "emergency-notification"
    return "hazardous-incident"


def names_in(infos: list[ET.Element]) -> str:
    """Return the event names and headlines of all infos, in lower case."""
    return "\n".join(
        text for info in infos for name in ("event", "headline") for text in child_texts(info, name)
    ).lower()


def first_match(table: dict[str, str], text: str) -> str:
    """Return the first value whose pattern is in a text, or an empty text."""
    return next((name for name, pattern in table.items() if re.search(pattern, text)), "")
