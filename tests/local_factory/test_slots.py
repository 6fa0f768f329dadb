"""Runs beyond a pipeline's concurrency wait, in their order; one that is cancelled gives its place up."""

import asyncio

from local_factory.slots import Slots


async def _hold(
    slots: Slots, pipeline: str, name: str, told: list[str], release: asyncio.Event, *, most: int | None = 1
):
    async with slots.taken(pipeline, most):
        told.append(name)
        await release.wait()


def _run(scenario):
    return asyncio.run(asyncio.wait_for(scenario(), 20))


def test_a_run_starts_when_the_one_before_it_has_ended_in_the_order_of_their_coming():
    async def scenario():
        slots, told, ends = Slots(), [], [asyncio.Event() for _ in range(3)]
        tasks = [asyncio.create_task(_hold(slots, "PL", f"{n}", told, ends[n])) for n in range(3)]
        await asyncio.sleep(0)
        assert told == ["0"]
        assert slots.waiting("PL") == 2
        for number in range(3):
            ends[number].set()
            await tasks[number]
        assert told == ["0", "1", "2"]

    _run(scenario)


def test_pipelines_do_not_wait_for_each_other_and_none_waits_without_a_bound():
    async def scenario():
        slots, told, end = Slots(), [], asyncio.Event()
        tasks = [asyncio.create_task(_hold(slots, "A", "a", told, end)) for _ in range(2)]
        tasks += [asyncio.create_task(_hold(slots, "B", "b", told, end)) for _ in range(1)]
        tasks += [asyncio.create_task(_hold(slots, "C", "c", told, end, most=None)) for _ in range(9)]
        await asyncio.sleep(0.01)
        assert sorted(told) == ["a", "b", *["c"] * 9]
        end.set()
        await asyncio.gather(*tasks)

    _run(scenario)


def test_a_cancelled_run_gives_its_place_up_whether_it_waits_or_runs():
    async def scenario():
        slots, told, end = Slots(), [], asyncio.Event()
        first, second, third = (asyncio.create_task(_hold(slots, "PL", n, told, end)) for n in "abc")
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        assert slots.waiting("PL") == 1
        first.cancel()
        await asyncio.wait([first])
        await asyncio.sleep(0)
        assert told == ["a", "c"]
        end.set()
        await third

    _run(scenario)
