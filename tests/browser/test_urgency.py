"""The form shows how urgent a message is before it is sent. The urgency is chosen with the
message's kind, and the check page tells it truthfully.
"""

import json

import pytest
from playwright.async_api import expect

from browsing import Visiting
from service import Gateway

pytestmark = pytest.mark.browser

CALM = "nato-china"


@pytest.mark.parametrize("scripts", [True, False])
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
async def test_the_urgency_is_chosen_with_the_kind_and_told_truthfully(
    visit: Visiting,
    demo: Gateway,
    kind: str,
    own: str,
    said: str,
    recorded: str | None,
    *,
    scripts: bool,
) -> None:
    nato = await visit(java_script_enabled=scripts)
    page = nato.page
    await nato.sign_in("nato/duty_officer", CALM)
    await page.goto(f"{demo.base_url}/c/{CALM}/compose/hazardous-incident")
    await expect(page.locator("#f-precedence")).to_contain_text("FLASH: attack, collision")
    await page.get_by_label(kind, exact=True).check()
    if scripts:
        rule = "flash" if kind == "collision" else "immediate"
        await expect(page.locator(f"[data-level={rule}]")).to_be_checked()
        await expect(page.locator("#f-precedence .note:visible")).to_contain_text(
            f"{rule.upper()} is the rule for what you choose above."
        )
    if own:
        await page.locator(f"[data-level={own}]").check()
    await page.locator("#f-time").fill("5 min ago")
    await page.locator("#f-place").fill("15-07N 116-26E")
    await page.locator("textarea[name^='f.facts']").first.fill("Two ships.")
    await page.locator("[name=do][value=check]").click()
    await expect(page.locator(".verdict").first).to_contain_text(said)
    act = json.loads(await page.locator("#checking [name=act]").input_value())
    assert act.get("precedence") == recorded
