"""The demo database on real Derby, read as the notebooks read it: over JDBC with Spark."""

import json
import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pyspark
import pytest
from chispa import assert_df_equality
from py4j.protocol import Py4JJavaError
from pyspark.sql import functions as F  # noqa: N812

from local_factory.demo import rows
from local_factory.demo.database import DemoDatabase, only_user, prepare_database, shutdown_database
from local_factory.errors import DemoDatabaseError, DemoDatabaseInUseError
from local_factory.java import java_home

CUSTOMER_TYPES = {
    "CustomerId": "int",
    "FirstName": "string",
    "LastName": "string",
    "Email": "string",
    "Phone": "string",
    "AddressLine": "string",
    "City": "string",
    "StateProvince": "string",
    "PostalCode": "string",
    "CountryCode": "string",
    "DateOfBirth": "date",
    "CreditLimit": "decimal(12,2)",
    "IsActive": "boolean",
    "CreatedAt": "timestamp",
    "UpdatedAt": "timestamp",
}
PRODUCT_TYPES = {
    "ProductId": "int",
    "Sku": "string",
    "Name": "string",
    "Category": "string",
    "Description": "string",
    "UnitPrice": "decimal(10,2)",
    "CurrencyCode": "string",
    "StockQuantity": "int",
    "WeightKg": "decimal(8,3)",
    "IsDiscontinued": "boolean",
    "CreatedAt": "timestamp",
    "UpdatedAt": "timestamp",
}
KEYS = {"Customers": "CustomerId", "Products": "ProductId"}


@pytest.fixture(scope="module")
def database(spark, tmp_path_factory):
    prepared = prepare_database(spark, tmp_path_factory.mktemp("derby"), customers=600, products=40)
    yield prepared
    shutdown_database(spark, prepared)


@pytest.fixture
def folder(spark, tmp_path):
    """A folder whose database, if any, is closed when the test ends."""
    folder = tmp_path / "derby"
    yield folder
    if (folder / "database.json").exists():
        password = json.loads((folder / "database.json").read_text())["password"]
        shutdown_database(spark, DemoDatabase(f"jdbc:derby:{folder}/database", "INGESTION", password))


@pytest.fixture(scope="module")
def customers(spark):
    return rows.customers(spark, 5000).cache()


def read(spark, database, table):
    return spark.read.jdbc(database.url, table, properties={"user": database.user, "password": database.password})


def execute(spark, database, sql):
    manager = spark.sparkContext._jvm.java.sql.DriverManager
    connection = manager.getConnection(database.url, database.user, database.password)
    try:
        connection.createStatement().execute(sql)
    finally:
        connection.close()


def made(folder):
    """Tells one making of a database from the next."""
    return (folder / "database" / "service.properties").stat().st_mtime_ns, json.loads(
        (folder / "database.json").read_text()
    )


class TestTables:
    def test_the_columns_are_those_of_azure_sql(self, spark, database):
        assert dict(read(spark, database, "Customers").dtypes) == CUSTOMER_TYPES
        assert dict(read(spark, database, "Products").dtypes) == PRODUCT_TYPES

    @pytest.mark.parametrize(
        ("table", "generate", "count"), [("Customers", rows.customers, 600), ("Products", rows.products, 40)]
    )
    def test_they_hold_the_generated_rows_unchanged(self, spark, database, table, generate, count):
        moments = {column: F.col(column).cast("timestamp") for column in ("CreatedAt", "UpdatedAt")}
        expected = generate(spark, count).withColumns(moments)
        landed = read(spark, database, table)
        assert_df_equality(landed, expected, ignore_row_order=True, ignore_nullable=True, ignore_metadata=True)

    def test_a_query_needs_no_schema_name(self, spark, database):
        query = '(SELECT COUNT(*) AS "n", MAX("CustomerId") AS "last" FROM customers) AS q'
        assert read(spark, database, query).first().asDict() == {"n": 600, "last": 600}

    @pytest.mark.parametrize(
        "broken",
        [
            'INSERT INTO Customers SELECT * FROM Customers WHERE "CustomerId" = 1',
            """UPDATE Customers SET "Email" = 'same@example.com'""",
            'UPDATE Customers SET "Email" = NULL',
            'UPDATE Customers SET "CreditLimit" = -0.01',
            """UPDATE Customers SET "CountryCode" = 'in'""",
            """UPDATE Customers SET "UpdatedAt" = TIMESTAMP('1999-01-01 00:00:00')""",
            """UPDATE Products SET "Sku" = 'BK-1'""",
            'UPDATE Products SET "UnitPrice" = -1',
            'UPDATE Products SET "WeightKg" = 0',
            'UPDATE Products SET "StockQuantity" = -1',
        ],
    )
    def test_keys_and_checks_are_enforced(self, spark, database, broken):
        with pytest.raises(Py4JJavaError, match=r"SQLIntegrityConstraintViolationException"):
            execute(spark, database, broken)

    def test_the_password_is_asked_for(self, spark, database):
        properties = {"user": database.user, "password": "wrong"}
        with pytest.raises(Py4JJavaError, match="Invalid authentication"):
            spark.read.jdbc(database.url, "Customers", properties=properties)

    def test_the_password_is_not_printed(self, database):
        assert database.password not in repr(database)
        assert len(database.password) >= 32


class TestRows:
    def test_optional_columns_have_gaps_and_the_others_none(self, customers):
        nulls = customers.select(
            [F.count_if(F.col(column).isNull()).alias(column) for column in CUSTOMER_TYPES]
        ).first()
        with_gaps = {column for column, count in nulls.asDict().items() if count}
        address = {"AddressLine", "City", "StateProvince", "PostalCode"}
        assert with_gaps == {"Phone", "DateOfBirth", "CreditLimit", *address}
        assert all(count < 1500 for count in nulls.asDict().values())

    def test_they_are_varied(self, customers):
        distinct = (
            customers.agg(*[F.count_distinct(column).alias(column) for column in CUSTOMER_TYPES]).first().asDict()
        )
        assert distinct["Email"] == 5000
        assert distinct["FirstName"] == distinct["LastName"] == 20
        assert distinct["CountryCode"] == 9
        assert distinct["IsActive"] == 2
        assert distinct["DateOfBirth"] > 3000
        assert distinct["CreatedAt"] > 4900
        days_ago = [F.date_diff(F.current_date(), moment) for moment in (F.min("CreatedAt"), F.max("UpdatedAt"))]
        oldest, newest = customers.agg(*days_ago).first()
        assert 3600 < oldest <= 3652
        assert 0 <= newest < 10

    def test_names_come_in_many_scripts_and_addresses_of_mail_in_one(self, customers):
        names = {row.FirstName for row in customers.select("FirstName").distinct().collect()}
        assert {"Zoë", "प्रिया", "Дмитрий", "さくら"} <= names
        assert customers.where(~F.col("Email").rlike(r"^[a-z]+\.[a-z]+\d+@[a-z.]+$")).count() == 0

    def test_a_row_does_not_depend_on_how_many_there_are(self, spark, customers):
        assert_df_equality(rows.customers(spark, 7), customers.where("CustomerId <= 7"))
        assert_df_equality(rows.products(spark, 7), rows.products(spark, 70).where("ProductId <= 7"))


class TestMakingAnew:
    def test_the_same_numbers_keep_the_database(self, spark, folder):
        first = prepare_database(spark, folder, 5, 3)
        before = made(folder)
        assert prepare_database(spark, folder, 5, 3) == first
        shutdown_database(spark, first)
        assert prepare_database(spark, folder, 5, 3) == first
        assert made(folder) == before

    @pytest.mark.parametrize("numbers", [(6, 3), (5, 2), (0, 0)])
    def test_other_numbers_make_it_anew(self, spark, folder, numbers):
        prepare_database(spark, folder, 5, 3)
        database = prepare_database(spark, folder, *numbers)
        assert (read(spark, database, "Customers").count(), read(spark, database, "Products").count()) == numbers

    def test_rows_that_went_missing_make_it_anew(self, spark, folder):
        database = prepare_database(spark, folder, 5, 3)
        execute(spark, database, 'DELETE FROM Customers WHERE "CustomerId" = 4')
        assert read(spark, prepare_database(spark, folder, 5, 3), "Customers").count() == 5

    def test_another_layout_or_an_unfinished_load_makes_it_anew(self, spark, folder):
        prepare_database(spark, folder, 5, 3)
        before = made(folder)
        for layout in ("of-an-older-version", None):
            record = json.loads((folder / "database.json").read_text())
            (folder / "database.json").write_text(json.dumps({**record, "layout": layout}))
            assert read(spark, prepare_database(spark, folder, 5, 3), "Products").count() == 3
            assert made(folder) != before

    @pytest.mark.parametrize("damage", ["data", "service.properties", "record", "everything"])
    def test_a_damaged_database_is_made_anew(self, spark, folder, damage):
        shutdown_database(spark, prepare_database(spark, folder, 5, 3))
        if damage == "data":
            for file in (folder / "database" / "seg0").iterdir():
                file.write_bytes(b"")
        elif damage == "record":
            (folder / "database.json").write_text("{not json")
        elif damage == "service.properties":
            (folder / "database" / "service.properties").unlink()
        else:
            (folder / "database.json").unlink()
            for file in (folder / "database").rglob("*.*"):
                file.unlink()
        assert read(spark, prepare_database(spark, folder, 5, 3), "Customers").count() == 5

    def test_nothing_is_left_beside_the_database(self, spark, folder, monkeypatch, tmp_path):
        (tmp_path / "here").mkdir()
        (folder / "load" / "Customers").mkdir(parents=True)  # as a load that was killed leaves it
        monkeypatch.chdir(tmp_path / "here")
        prepare_database(spark, folder, 5, 3)
        assert {file.name for file in folder.iterdir()} <= {"database", "database.json", "derby.log"}
        assert list(Path.cwd().iterdir()) == []
        assert (folder / "database.json").stat().st_mode & 0o777 == 0o600

    def test_the_password_is_in_its_record_only(self, spark, folder):
        database = prepare_database(spark, folder, 5, 3)
        shutdown_database(spark, database)
        files = [file for file in folder.rglob("*") if file.is_file()]
        assert [file.name for file in files if database.password.encode() in file.read_bytes()] == ["database.json"]

    def test_a_folder_may_be_named_from_here_and_have_spaces(self, spark, folder, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        database = prepare_database(spark, Path("my work/dérby"), 2, 1)
        monkeypatch.chdir("/")
        assert read(spark, database, "Customers").count() == 2
        shutdown_database(spark, database)


class TestChanging:
    @pytest.fixture
    def before(self, spark, folder):
        database = prepare_database(spark, folder, 50, 20)
        return {table: read(spark, database, table).collect() for table in KEYS}

    @pytest.mark.parametrize("change", [1, 10])
    def test_so_many_rows_are_inserted_updated_and_deleted(self, spark, folder, before, change):
        began = datetime.now(UTC).replace(tzinfo=None)
        made_before = made(folder)
        database = prepare_database(spark, folder, 50, 20, change=change)
        assert made(folder) == made_before
        for table, key in KEYS.items():
            old = {row[key]: row for row in before[table]}
            new = {row[key]: row for row in read(spark, database, table).collect()}
            updated = [key for key in old.keys() & new.keys() if old[key] != new[key]]
            inserted = new.keys() - old.keys()
            assert (len(updated), len(old.keys() - new.keys()), len(inserted)) == (change, change, change)
            assert inserted == set(range(len(old) + 1, len(old) + 1 + change)), "no key comes back"
            # Stored to the millisecond, as Azure SQL's DATETIME2(3).
            for number in (*updated, *inserted):
                assert new[number]["UpdatedAt"] >= began.replace(microsecond=began.microsecond // 1000 * 1000)
            for number in updated:
                assert new[number]["CreatedAt"] == old[number]["CreatedAt"]

    def test_the_next_change_goes_on_from_there(self, spark, folder, before):
        for times in (1, 2, 3):
            database = prepare_database(spark, folder, 50, 20, change=10)
            rows_of = {
                table: [row[key] for row in read(spark, database, table).collect()] for table, key in KEYS.items()
            }
            assert {table: (len(found), max(found)) for table, found in rows_of.items()} == {
                "Customers": (50, 50 + 10 * times),
                "Products": (20, 20 + 10 * times),
            }

    def test_a_database_that_is_made_anew_is_changed_too(self, spark, folder):
        database = prepare_database(spark, folder, 20, 10, change=5)
        keys = [row["ProductId"] for row in read(spark, database, "Products").collect()]
        assert (len(keys), max(keys)) == (10, 15)

    def test_a_change_that_was_cut_off_leaves_a_database_that_is_made_anew(self, spark, folder, before, monkeypatch):
        monkeypatch.setattr("local_factory.demo.database.rows.made_now", lambda _rows: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            prepare_database(spark, folder, 50, 20, change=3)
        monkeypatch.undo()
        database = prepare_database(spark, folder, 50, 20)
        assert {table: sorted(read(spark, database, table).collect()) for table in KEYS} == {
            table: sorted(found) for table, found in before.items()
        }

    def test_more_than_the_tables_have_rows_for_is_refused_and_nothing_is_changed(self, spark, folder, before):
        with pytest.raises(DemoDatabaseError, match=r"--change: 11 is too many: Products holds 20 rows.* 10 or fewer"):
            prepare_database(spark, folder, 50, 20, change=11)
        with pytest.raises(DemoDatabaseError, match="--change: is -1"):
            prepare_database(spark, folder, 50, 20, change=-1)
        database = prepare_database(spark, folder, 50, 20)
        assert sorted(read(spark, database, "Products").collect()) == sorted(before["Products"])


class TestErrors:
    @pytest.mark.parametrize(
        ("numbers", "option"), [((-1, 0), "--customers"), ((0, -1), "--products"), ((2**31, 0), "-")]
    )
    def test_a_number_out_of_range_is_an_error_before_anything_is_made(self, spark, folder, numbers, option):
        with pytest.raises(DemoDatabaseError, match=option):
            prepare_database(spark, folder, *numbers)
        assert not folder.exists()

    def test_a_file_in_the_folder_s_place_is_an_error_that_names_it(self, spark, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(DemoDatabaseError, match=str(tmp_path / "file")):
            prepare_database(spark, tmp_path / "file", 1, 1)

    def test_of_two_that_make_it_at_the_same_time_the_second_is_told(self, folder):
        with (
            only_user(folder),
            pytest.raises(DemoDatabaseInUseError, match="another process has the demo database open"),
            only_user(folder),
        ):
            pass
        with only_user(folder):
            pass

    @pytest.mark.parametrize("numbers", [(5, 3), (6, 3)])
    def test_a_database_open_in_another_process_is_a_clear_error(self, spark, folder, numbers):
        database = prepare_database(spark, folder, 5, 3)
        shutdown_database(spark, database)
        before = made(folder)
        with open_elsewhere(database), pytest.raises(DemoDatabaseInUseError, match="another process") as error:
            prepare_database(spark, folder, *numbers)
        assert "\n" not in str(error.value)
        assert database.password not in str(error.value)
        assert made(folder) == before

    def test_shutting_down_twice_does_nothing(self, spark, folder):
        database = prepare_database(spark, folder, 1, 1)
        shutdown_database(spark, database)
        shutdown_database(spark, database)


@contextmanager
def open_elsewhere(database):
    """Another Java process, Derby's own `ij`, has the database open."""
    jars = Path(pyspark.__file__).parent / "jars"
    ij = [java_home() / "bin" / "java", "-cp", f"{jars}/*", "org.apache.derby.tools.ij"]
    # ij's derby.log goes where it runs: beside the database.
    beside = Path(database.url.removeprefix("jdbc:derby:")).parent
    with subprocess.Popen(ij, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=beside) as process:
        process.stdin.write(f"connect '{database.url};user={database.user};password={database.password}';\n")
        process.stdin.write("SELECT COUNT(*) FROM Customers;\n")
        process.stdin.flush()
        answer = ""
        for line in process.stdout:
            answer += line
            if "row selected" in line or "ERROR" in line:
                break
        assert "1 row selected" in answer
        try:
            yield
        finally:
            process.communicate("exit;\n", timeout=240)
