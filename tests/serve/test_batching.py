import asyncio
import threading
from collections.abc import Sequence

import pytest

from im2latex_cli.serve.batching import Batcher, BusyError


def doubled(items: Sequence[int]) -> list[int]:
    return [2 * item for item in items]


def batcher(work=doubled, *, limit=4, room=8, seconds=5.0, observe=abs) -> Batcher:
    return Batcher(work, limit=limit, room=room, seconds=seconds, observe=observe)


def test_every_item_gets_its_own_result():
    async def run() -> list[int]:
        async with batcher() as line:
            return await asyncio.gather(*(line.submit(i) for i in range(50)))

    assert asyncio.run(run()) == [2 * i for i in range(50)]


def test_what_arrives_during_a_batch_makes_up_the_next():
    gate, sizes = threading.Event(), []

    def work(items):
        gate.wait(5)
        return doubled(items)

    async def run() -> None:
        async with batcher(work, limit=4, observe=sizes.append) as line:
            first = asyncio.create_task(line.submit(0))
            await asyncio.sleep(0.05)
            rest = [asyncio.create_task(line.submit(i)) for i in range(1, 7)]
            await asyncio.sleep(0.05)
            assert line.waiting == 6
            gate.set()
            await asyncio.gather(first, *rest)

    asyncio.run(run())
    assert sizes == [1, 4, 2]


def test_an_item_out_of_time_is_told_so_and_never_worked_on():
    gate, seen = threading.Event(), []

    def work(items):
        seen.extend(items)
        gate.wait(5)
        return doubled(items)

    async def run() -> None:
        async with batcher(work, seconds=0.1) as line:
            results = await asyncio.gather(
                *(line.submit(i) for i in (1, 2, 3, 4, 5)), return_exceptions=True
            )
            assert all(isinstance(result, BusyError) for result in results)
            gate.set()
            assert await line.submit(9) == 18

    asyncio.run(run())
    assert seen == [1, 2, 3, 4, 9]


def test_places_run_out_and_come_back():
    async def run() -> None:
        line = batcher(room=2)
        with line.place(), line.place(), pytest.raises(BusyError, match="2 pictures"), line.place():
            pass
        with line.place():
            pass

    asyncio.run(run())


def test_a_failing_batch_fails_its_items_and_no_other():
    def work(items):
        if 13 in items:
            raise ZeroDivisionError
        return doubled(items)

    async def run() -> None:
        async with batcher(work, limit=1) as line:
            bad, good = await asyncio.gather(
                line.submit(13), line.submit(1), return_exceptions=True
            )
            assert isinstance(bad, ZeroDivisionError)
            assert good == 2

    asyncio.run(run())


def test_stopping_turns_away_what_waits():
    gate = threading.Event()

    def work(items):
        gate.wait(5)
        return doubled(items)

    async def run() -> None:
        async with batcher(work, limit=1) as line:
            tasks = [asyncio.create_task(line.submit(i)) for i in range(3)]
            await asyncio.sleep(0.05)
            gate.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert any(isinstance(result, BusyError) for result in results)
        assert all(isinstance(result, BusyError | int) for result in results)

    asyncio.run(run())
