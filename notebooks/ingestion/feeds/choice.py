"""Which feeds a run takes, by names, globs and tags. Pure: no I/O."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from ingestion.feeds.model import Feed, Table, matches
from ingestion.platform.errors import InvalidSettingError
from ingestion.platform.names import nearest

AnyFeed = TypeVar("AnyFeed", bound=Feed)


def choose(feeds: Sequence[AnyFeed], names: str = "*", tags: str = "") -> list[AnyFeed]:
    """Return the feeds that a run is to take, in their order.

    A feed whose own name is a pattern (`sales.dbo.*`) is taken where the two patterns may mean one table; the run
    chooses among its tables with `is_chosen` once it knows them.

    Args:
        feeds: all there are.
        names: names or globs with commas.
        tags: words with commas, of which a feed carries one; empty for any.

    Raises:
        InvalidSettingError: a name or tag is no feed's, or both together leave none.
    """
    asked, words = _words(names) or ["*"], _words(tags)
    for name in asked:
        if not any(_may_mean(name, feed) for feed in feeds):
            known = nearest(name, [feed.name for feed in feeds])
            raise InvalidSettingError(f"feeds: {name[:80]!r} is no feed of the sources. {known}")
    for word in words:
        if not any(word in feed.tags for feed in feeds):
            known = nearest(word, sorted({tag for feed in feeds for tag in feed.tags}))
            raise InvalidSettingError(f"tags: no feed carries {word[:80]!r}. {known}")
    chosen = [
        feed
        for feed in feeds
        if any(_may_mean(name, feed) for name in asked) and (not words or not set(words).isdisjoint(feed.tags))
    ]
    if not chosen:
        raise InvalidSettingError(f"feeds, tags: no feed of {names!r} carries one of the tags {tags!r}.")
    return chosen


def is_chosen(name: str, names: str) -> bool:
    """Say whether a feed's name is among names or globs with commas."""
    return any(matches(name, pattern) for pattern in _words(names) or ["*"])


def expand(tables: Iterable[Table], present: Sequence[str]) -> list[Table]:
    """Return the feeds of a database that has these tables: patterns give way to the tables that they mean.

    A table that is named by itself is that feed and no pattern's; of several patterns the first one has it.
    """
    tables = list(tables)
    taken = {table.local_name for table in tables if table.pattern is None}
    expanded: list[Table] = []
    for table in tables:
        if table.pattern is None:
            expanded.append(table)
            continue
        for name in present:
            if name not in taken and table.takes(name):
                taken.add(name)
                expanded.append(table.named(name))
    return expanded


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _may_mean(name: str, feed: Feed) -> bool:
    if isinstance(feed, Table) and feed.pattern:
        return _overlap(name, feed.name)
    return matches(feed.name, name)


def _overlap(left: str, right: str) -> bool:
    """Say whether some text matches both patterns."""
    if not left and not right:
        return True
    if left[:1] == "*":
        return _overlap(left[1:], right) or (bool(right) and _overlap(left, right[1:]))
    if right[:1] == "*":
        return _overlap(right, left)
    if not left or not right:
        return False
    return (left[0] == right[0] or "?" in (left[0], right[0])) and _overlap(left[1:], right[1:])
