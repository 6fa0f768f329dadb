"""A factory with a folder and a database behind its linked services, for the tests of data activities."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_factory.testing import LocalFactory, Run
from support.factories import Json, copy, dataset_reference, linked_service_reference, write_object, write_pipeline


class DataFactory:
    """A factory in a temporary folder. `store` stands in for the storage account `Blob`, an SQLite file for `Sql`."""

    def __init__(self, folder: Path) -> None:
        self.adf = folder / "adf"
        self.store = folder / "store"
        self.store.mkdir(parents=True)
        self.database = folder / "database.sqlite"
        self.stand_ins: dict[str, Any] = {
            "Blob": {"folder": str(self.store)},
            "Sql": {"jdbc": f"jdbc:sqlite:{self.database}"},
        }
        write_object(self.adf, "linkedService", "Blob", {"type": "AzureBlobStorage", "typeProperties": {}})
        write_object(self.adf, "linkedService", "Sql", {"type": "AzureSqlDatabase", "typeProperties": {}})

    def put(self, path: str, content: str | bytes) -> Path:
        """Put a file into the store."""
        file = self.store / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def files(self, folder: str = ".") -> dict[str, bytes]:
        """Return the files of a folder of the store, by their path below it."""
        root = self.store / folder
        return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}

    def sql(self, *statements: str) -> list[Any]:
        """Run statements in the database and return the last one's rows."""
        connection = sqlite3.connect(self.database)
        rows: list[Any] = []
        for statement in statements:
            rows = connection.execute(statement).fetchall()
        connection.commit()
        connection.close()
        return rows

    def dataset(
        self, name: str, kind: str, service: str, properties: Json, parameters: Json | None = None, **more: Any
    ) -> None:
        body = {"type": kind, "linkedServiceName": linked_service_reference(service), "typeProperties": properties}
        write_object(self.adf, "dataset", name, {**body, **({"parameters": parameters} if parameters else {}), **more})

    def file_dataset(self, name: str, kind: str, path: str, **properties: Any) -> None:
        """Write a dataset of files: the path's first part is the container; one that ends in a slash is a folder."""
        container, _, rest = path.partition("/")
        folder, _, file = rest.rpartition("/")
        location = {"type": "AzureBlobStorageLocation", "container": container}
        location |= {"folderPath": folder} if folder else {}
        location |= {"fileName": file} if file else {}
        self.dataset(name, kind, "Blob", {"location": location, **properties})

    def table_dataset(
        self, name: str, table: str, service: str = "Sql", kind: str = "AzureSqlTable", **more: Any
    ) -> None:
        self.dataset(name, kind, service, {"table": table, **more})

    def run(self, *activities: Json, stubs: Mapping[str, Any] | None = None, **properties: Any) -> Run:
        """Run a pipeline of these activities."""
        write_pipeline(self.adf, "PL", activities, **properties)
        return LocalFactory(self.adf, stubs, self.stand_ins).run("PL")

    def copy(self, source: Json | None = None, sink: Json | None = None, **more: Any) -> dict[str, Any]:
        """Run a copy from the dataset Source to the dataset Sink and return the activity's run."""
        return self.run(copy("C", source or {}, sink or {}, **more)).activity("C")


__all__ = ["DataFactory", "copy", "dataset_reference", "linked_service_reference"]
