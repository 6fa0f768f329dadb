"""Delta's jars: brought once from a Maven repository, used only when they are the right ones to the byte."""

import shutil
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local_factory.cluster.delta import DeltaJarsError, bring_delta_jars, delta_jars
from local_factory.cluster.spark import Cluster
from support.requirements import require


@pytest.fixture
def jars() -> list[Path]:
    require(None if delta_jars() else "Delta's jars are not here: `make delta` brings them from Maven Central")
    return delta_jars()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing of a request."""


@pytest.fixture
def repository(jars: list[Path], tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Return the address of a Maven repository that has the jars, and its folder."""
    folder = tmp_path / "repository"
    for jar in jars:
        name, version = jar.stem.rsplit("-", 1)
        place = folder / "io" / "delta" / name / version
        place.mkdir(parents=True)
        shutil.copy(jar, place)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", folder
    server.shutdown()
    thread.join()
    server.server_close()


def test_they_are_brought_once(repository: tuple[str, Path], jars: list[Path], tmp_path: Path) -> None:
    address, folder = repository
    bring_delta_jars(tmp_path / "jars", address)
    assert {file.name for file in (tmp_path / "jars").iterdir()} == {jar.name for jar in jars}
    shutil.rmtree(folder)
    bring_delta_jars(tmp_path / "jars", address)


def test_a_jar_that_is_not_the_right_one_is_not_kept(repository: tuple[str, Path], tmp_path: Path) -> None:
    address, folder = repository
    (jar,) = folder.rglob("delta-storage-*.jar")
    jar.write_bytes(jar.read_bytes() + b"\0")
    with pytest.raises(DeltaJarsError, match=r"delta-storage-4\.0\.1\.jar has SHA-256 \w+, not \w+"):
        bring_delta_jars(tmp_path / "jars", address)
    assert delta_jars(tmp_path / "jars") == list((tmp_path / "jars").iterdir()) == []


def test_a_repository_that_cannot_be_reached_is_named_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    with pytest.raises(DeltaJarsError, match="did not give delta-spark") as failure:
        bring_delta_jars(tmp_path / "jars", address)
    assert str(failure.value).startswith(address)
    assert "\n" not in str(failure.value)


@pytest.mark.usefixtures("jars")
def test_the_rows_of_a_delta_table_are_counted(cluster: Cluster, tmp_path: Path) -> None:
    table = tmp_path / "table"
    for rows in (3, 601):
        cluster.session.range(rows).write.format("delta").mode("overwrite").save(str(table))
    assert cluster.count_rows(table) == 601
