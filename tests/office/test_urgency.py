"""The urgency is chosen with the message's kind, and the check page tells it truthfully."""

import json

import pytest

from office import Office

CALM = "nato-china"


@pytest.mark.parametrize(
    ("kind", "own", "said", "recorded"),
    [
        (
            "collision",
            "",
            "This goes as FLASH. FLASH is the rule for: collision. It wakes the duty officer of CHINA now.",
            None,
        ),
        ("near miss", "", "This goes as IMMEDIATE. IMMEDIATE is the rule for: near miss.", None),
        ("near miss", "flash", "You raise this from IMMEDIATE to FLASH.", "flash"),
        ("collision", "routine", "You lower this from FLASH to ROUTINE.", "routine"),
    ],
)
def test_the_urgency_is_chosen_with_the_kind_and_told_truthfully(
    demo: Office, kind: str, own: str, said: str, recorded: str | None
) -> None:
    nato = demo.person("nato/duty_officer").open(f"/c/{CALM}/compose/hazardous-incident")
    nato.at("//*[@id='f-precedence']").see("FLASH: attack, collision").within("")
    nato.at("//*[@id='f-kind']").choose(kind)
    if own:
        (level,) = nato.xpath(f"//*[@data-level='{own}']")
        nato.at("//*[@id='f-precedence']").choose(nato.name_of(level))
    for id, value in (("f-time", "5 min ago"), ("f-place", "15-07N 116-26E")):
        nato.xpath(f"//*[@id='{id}']")[0].set("value", value)
    nato.xpath("//textarea[starts-with(@name, 'f.facts')]")[0].text = "Two ships."
    nato.press_at("//main//*[@name='do'][@value='check']").see(said)
    act = json.loads(nato.xpath("//*[@id='checking']//*[@name='act']/@value")[0])
    assert act.get("precedence") == recorded
