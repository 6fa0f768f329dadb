"""Work done at the same time, each piece of which may fail or hang without harm to the others."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, as_completed
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")


def gather(
    tasks: Mapping[Key, Callable[[], Result]], *, workers: int, seconds: float, late: Exception
) -> tuple[dict[Key, Result], dict[Key, Exception]]:
    """Run tasks in threads and return (results, errors), in the tasks' order, after at most `seconds`.

    A task that is not done by then has `late` for its error.
    """
    results: dict[Key, Result] = {}
    errors: dict[Key, Exception] = {}
    ended = dict(completed(tasks, workers=workers, seconds=seconds, late=late))
    for key in tasks:
        error = ended[key].exception()
        if error is None:
            results[key] = ended[key].result()
        elif isinstance(error, Exception):
            errors[key] = error
    return results, errors


def completed(
    tasks: Mapping[Key, Callable[[], Result]], *, workers: int, seconds: float, late: Exception
) -> Iterator[tuple[Key, Future[Result]]]:
    """Run tasks in threads and yield each as it has ended; after `seconds` the others, with `late` for their error.

    The threads are daemons: unlike those of a `ThreadPoolExecutor`, one that hangs does not keep the program from
    ending.
    """
    futures: dict[Key, Future[Result]] = {key: Future() for key in tasks}
    keys = {future: key for key, future in futures.items()}
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
    with suppress(TimeoutError):
        for future in as_completed(futures.values(), timeout=seconds):
            yield keys.pop(future), future
    for future in keys:
        future.cancel()
    for key in keys.values():
        given_up: Future[Result] = Future()
        given_up.set_exception(late)
        yield key, given_up
