"""A folder and ADLS Gen2 do the same, whatever is asked of them in whatever order: one is the model of the other."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.dfs_service import DfsService
from ingestion.lake.folder_storage import FolderStorage
from ingestion.lake.storage import Storage
from ingestion.platform.errors import LakeError

PATHS = st.sampled_from(["a", "b", "a/b", "a/c", "b/a", "a/b/c", "d/e/f"])
CONTENTS = st.sampled_from([b"", b"x", b"long" * 1000])
STEPS = st.one_of(
    st.tuples(st.just("list"), PATHS),
    st.tuples(st.just("read"), PATHS),
    st.tuples(st.just("write"), PATHS, CONTENTS),
    st.tuples(st.just("create"), PATHS, CONTENTS),
    st.tuples(st.just("delete"), PATHS),
    st.tuples(st.just("rename"), PATHS, PATHS, st.booleans(), st.booleans()).filter(
        lambda step: not f"{step[2]}/".startswith(f"{step[1]}/")
    ),
)


@pytest.fixture(scope="module")
def service() -> Iterator[DfsService]:
    with DfsService(page=2) as service:
        yield service


def do(storage: Storage, step: tuple[Any, ...]) -> Any:
    """Return what comes of a step: its value, or that it was refused."""
    name, path, *rest = step
    try:
        if name == "list":
            return [(entry.name, entry.size, entry.is_folder) for entry in storage.list(path)]
        if name == "rename":
            new_path, replace, parents = rest
            return storage.rename(path, new_path, replace=replace, parents=parents)
        return getattr(storage, name)(path, *rest)
    except LakeError:
        return "refused"


def tree(storage: Storage, folder: str = "") -> dict[str, bytes | None]:
    """Return what a lake holds, by path; None for a folder."""
    found: dict[str, bytes | None] = {}
    for entry in storage.list(folder):
        path = f"{folder}/{entry.name}".lstrip("/")
        found |= {path: None, **tree(storage, path)} if entry.is_folder else {path: storage.read(path)}
    return found


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=14))
def test_both_storages_come_to_the_same_by_any_steps(service: DfsService, steps: list[tuple[Any, ...]]) -> None:
    service.nodes.clear()
    root = Path(tempfile.mkdtemp())
    try:
        folder, container = FolderStorage(str(root)), service.storage()
        for number, step in enumerate(steps):
            # What lies below a file: the folder says which file is in the way, the service that nothing is there.
            if any((root / parent).is_file() for parent in Path(step[1]).parents):
                continue
            assert do(folder, step) == do(container, step), steps[: number + 1]
        assert tree(folder) == tree(container)
    finally:
        shutil.rmtree(root)
