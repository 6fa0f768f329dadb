"""What a run is said to have landed."""

import os
from datetime import UTC, datetime
from pathlib import Path

from local_factory.lake import landed_since
from local_factory.runs import LandedData

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def write(lake: Path, name: str, size: int, seconds_after_noon: int) -> None:
    file = lake / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x" * size)
    moment = NOON.timestamp() + seconds_after_noon
    os.utime(file, (moment, moment))


def test_files_of_a_parquet_folder_are_one_entry_and_others_one_each(tmp_path: Path) -> None:
    write(tmp_path, "customer_data/part-0.parquet", 10, 1)
    write(tmp_path, "customer_data/part-1.parquet", 20, 2)
    write(tmp_path, "customer_data/_SUCCESS", 0, 2)
    write(tmp_path, "countries/india.json", 5, 1)
    write(tmp_path, "countries/uk.json", 6, 1)
    assert landed_since(tmp_path, NOON, lambda folder: 601 if folder.name == "customer_data" else 0) == [
        LandedData("countries/india.json", 1, None, 5),
        LandedData("countries/uk.json", 1, None, 6),
        LandedData("customer_data/", 2, 601, 30),
    ]


def test_a_delta_table_is_one_entry_with_what_says_which_of_its_rows_are_deleted(tmp_path: Path) -> None:
    write(tmp_path, "orders/_delta_log/00000000000000000001.json", 7, 1)
    write(tmp_path, "orders/deletion_vector_1.bin", 1, 1)
    write(tmp_path, "orders/part-0.parquet", 10, 1)
    assert landed_since(tmp_path, NOON, lambda _: 9) == [LandedData("orders/", 2, 9, 11)]


def test_what_was_there_before_and_what_readers_do_not_see_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "countries/india.json", 5, -1)
    write(tmp_path, "_staging/run/part-0.parquet", 5, 1)
    write(tmp_path, "countries/.uk.json.crc", 5, 1)
    assert landed_since(tmp_path, NOON, lambda _: 0) == []
