"""A page shows the panels that have something to say, in the order of their table."""

from dragoman.console.matter.panel import Panel, ShownPanel, shown_for


async def silent(subject: str) -> ShownPanel | None:
    return None


async def spoken(subject: str) -> ShownPanel | None:
    return ShownPanel(template=f"{subject}.html")


async def later(subject: str) -> ShownPanel | None:
    return ShownPanel(template="later.html", value=subject)


async def test_panels_stand_in_their_places_in_the_order_of_the_table() -> None:
    table = (
        Panel(place="side", of=later),
        Panel(place="main", of=spoken),
        Panel(place="main", of=silent),
        Panel(place="main", of=later),
    )
    shown = await shown_for(table, "buoy")
    assert [panel.template for panel in shown["main"]] == ["buoy.html", "later.html"]
    assert [panel.value for panel in shown["side"]] == ["buoy"]
    assert shown["watch"] == []
