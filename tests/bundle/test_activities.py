"""Where activities stand, and whose outcome they can see."""

from typing import Any

from bundle.activities import all_activities, pipeline_activities, upstream


def activity(name: str, *after: str, kind: str = "Wait", **properties: Any) -> dict[str, Any]:
    depends = [{"activity": other, "dependencyConditions": ["Succeeded"]} for other in after]
    return {"name": name, "type": kind, "dependsOn": depends, "typeProperties": properties}


PIPELINE = {
    "activities": [
        activity("First"),
        activity("Second", "FIRST"),
        activity(
            "Fork",
            "Second",
            kind="Switch",
            cases=[{"value": "1", "activities": [activity("One"), activity("Two", "One")]}],
            defaultActivities=[activity("Other")],
        ),
        activity("Poll", kind="Until", expression="@true", activities=[activity("Ask"), activity("Rest", "Ask")]),
        activity("Apart"),
    ]
}


def seen_by() -> dict[str, list[str]]:
    top = pipeline_activities(PIPELINE)
    seen = upstream(top)
    return {found.name: sorted(seen[found.path]) for found in all_activities(top)}


def test_an_activity_sees_what_it_depends_on_directly_or_not() -> None:
    assert seen_by()["Fork"] == ["first", "second"]
    assert seen_by()["Apart"] == []


def test_an_inner_activity_sees_what_is_before_it_and_before_its_container() -> None:
    assert seen_by()["Two"] == ["first", "one", "second"]
    assert seen_by()["Other"] == ["first", "second"]


def test_the_condition_of_an_until_sees_its_own_activities_which_do_not_see_each_other_for_it() -> None:
    assert seen_by()["Poll"] == ["ask", "rest"]
    assert seen_by()["Ask"] == []
    assert seen_by()["Rest"] == ["ask"]


def test_activities_have_the_json_path_of_their_place_in_the_file() -> None:
    paths = {found.name: found.path for found in all_activities(pipeline_activities(PIPELINE))}

    assert paths["Second"] == "$.properties.activities[1]"
    assert paths["Two"] == "$.properties.activities[2].typeProperties.cases[0].activities[1]"
    assert paths["Other"] == "$.properties.activities[2].typeProperties.defaultActivities[0]"


def test_what_a_container_says_itself_is_without_its_inner_activities() -> None:
    poll = next(found for found in pipeline_activities(PIPELINE).activities if found.name == "Poll")

    assert poll.own_document()["typeProperties"] == {"expression": "@true", "activities": []}
    assert len(poll.type_properties["activities"]) == 2


def test_a_circle_of_dependencies_ends() -> None:
    top = pipeline_activities({"activities": [activity("A", "B"), activity("B", "A")]})

    assert sorted(upstream(top)[top.activities[0].path]) == ["a", "b"]
