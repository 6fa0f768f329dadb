"""A pipeline as a picture: what waits stands to the right, nothing lies on anything else, circles end."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from local_factory.runs import Status
from local_factory.server.monitor.picture import Box, Group, draw
from support.pipelines import activity, expression, succeed


def boxes(group: Group) -> list[Box]:
    """All boxes of a group and of those in them."""
    return [box for outer in group.boxes for box in (outer, *(b for g in outer.groups for b in boxes(g)))]


def apart(one: Box, other: Box) -> bool:
    return (
        one.x + one.width <= other.x
        or other.x + other.width <= one.x
        or one.y + one.height <= other.y
        or other.y + other.height <= one.y
    )


@given(st.lists(st.sets(st.integers(0, 9), max_size=3), min_size=1, max_size=10))
def test_any_dependencies_circles_too_are_drawn_with_no_box_on_another(after):
    properties = {"activities": [succeed(f"A{n}", *(f"A{m}" for m in of)) for n, of in enumerate(after)]}
    picture = draw(properties, {})
    found = boxes(picture.top)
    assert len(found) == len(after)
    assert all(apart(one, other) for one, other in combinations(found, 2))
    assert all(box.x + box.width <= picture.width and box.y + box.height <= picture.height for box in found)


def test_what_waits_stands_right_of_what_it_waits_for_and_inner_ones_within_their_container():
    inner = activity("If", "IfCondition", "A", expression=expression("@true"), ifTrueActivities=[succeed("Yes")])
    picture = draw({"activities": [succeed("A"), inner]}, {"A": Status.SUCCEEDED})
    a, container = picture.top.boxes
    yes = container.groups[0].boxes[0]
    assert a.x + a.width < container.x
    assert container.x < yes.x
    assert yes.x + yes.width < container.x + container.width
    assert (a.status, container.groups[0].label) == (Status.SUCCEEDED, "True")
    assert picture.outline == ("A: Wait", "If: IfCondition, after A (Succeeded)", "  True:", "    Yes: Wait")
