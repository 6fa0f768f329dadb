"""Work done at the same time, each piece of which may fail or hang without harm to the others."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")


def gather(
    tasks: Mapping[Key, Callable[[], Result]], *, workers: int, seconds: float, late: Exception
) -> tuple[dict[Key, Result], dict[Key, Exception]]:
    """Run tasks in threads and return (results, errors), in the tasks' order, after at most `seconds`.

    A task that is not done by then has `late` for its error. The threads are daemons: unlike those of a
    `ThreadPoolExecutor`, one that hangs does not keep the program from ending.
    """
    futures: dict[Key, Future[Result]] = {key: Future() for key in tasks}
    waiting: SimpleQueue[Key] = SimpleQueue()
    for key in tasks:
        waiting.put(key)

    def work() -> None:
        while True:
            try:
                key = waiting.get_nowait()
            except Empty:
                return
            if not futures[key].set_running_or_notify_cancel():
                continue
            try:
                result = tasks[key]()
            except Exception as error:  # noqa: BLE001 - handed to the caller, who decides
                futures[key].set_exception(error)
            else:
                futures[key].set_result(result)

    for _ in range(min(workers, len(tasks))):
        Thread(target=work, daemon=True).start()
    wait(futures.values(), timeout=seconds)

    results: dict[Key, Result] = {}
    errors: dict[Key, Exception] = {}
    for key, future in futures.items():
        if not future.done():
            future.cancel()
            errors[key] = late
            continue
        error = future.exception()
        if error is None:
            results[key] = future.result()
        elif isinstance(error, Exception):
            errors[key] = error
    return results, errors
