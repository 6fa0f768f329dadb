"""Great Expectations, pandera and plain Spark columns, with the same ten checks on the rows of Customers.

    PYTHONPATH=scripts:tests UV_PYTHON_DOWNLOADS=never .venv/bin/uv run --no-sync --with great_expectations==1.24.1 \
        --with pandera==0.35.0 python -m benchmarks.quality_libraries [ROWS ...]

The two libraries are laid over the project's environment for this one run; neither is part of its lock. First run
`make lint`, which sets the environment up. Without ROWS: 1,000 and 100,000 (median of five, one after the other in
turn, after a warm-up); 1,000,000 and more are measured once.

Of every thousand rows seven are bad, in ways that are known, and what each library counts is compared with that. The
source is a Parquet file: a database would make each further pass over it dearer. Prints Markdown tables; what came of
it is in quality-libraries.md.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from statistics import median

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pyspark.sql import Column, DataFrame, Observation, SparkSession, Window
from pyspark.sql import functions as F  # noqa: N812 - the field's own name
from pyspark.sql import types as T  # noqa: N812 - the field's own name

from benchmarks.processes import processor_seconds
from local_factory.demo import rows
from local_factory.java import java_home

EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
COUNTRY_FORM = "^[A-Z]{2}$"
COUNTRIES = ["IN", "US", "GB", "CN", "RU", "DE", "PL", "FR", "BR"]
LARGEST_CREDIT = 10_000_000
LONGEST_NAME = 100
EARLIEST_BIRTH, LATEST_BIRTH = "1900-01-01", "2020-01-01"
# What `with_planted_faults` does to every thousand rows.
BAD_ROWS = 7
EXPECTED = {
    "CustomerId is not NULL": 1,
    "CustomerId is unique": 2,
    "Email is not NULL": 0,
    "Email is an address": 1,
    "FirstName has 1 to 100 characters": 0,
    "CountryCode is two capitals": 1,
    "CountryCode is one of ours": 1,
    "CreditLimit is from 0 to 10,000,000": 1,
    "DateOfBirth is from 1900 to 2019": 0,
    "UpdatedAt is not before CreatedAt": 1,
}
ADDRESS, UNIQUE = "Email is an address", "CustomerId is unique"
# Packages that the runtime of a Databricks cluster brings: what needs only these adds nothing to a cluster.
RUNTIME = ("pyspark", "pandas", "scipy", "pyarrow", "requests", "tenacity")
TIMES = 5
ONCE_FROM = 1_000_000


@dataclass(frozen=True)
class Outcome:
    """What a validation found: failed rows by check (None where it does not count them), and its words for one."""

    failed: Mapping[str, int | None]
    message: str


@dataclass(frozen=True)
class Contender:
    """A way to check a table, and to land it. `land` also writes it; `splits` says whether good and bad apart.

    With `concurrent_writers` Spark opens so many files at once where it would otherwise sort the rows by folder.
    """

    name: str
    check: Callable[[DataFrame], Outcome] | None
    land: Callable[[DataFrame, str], Outcome]
    splits: bool
    concurrent_writers: int = 0


def with_planted_faults(customers: DataFrame) -> DataFrame:
    """Return the customers with seven bad rows in every thousand. Two of them are a key and its duplicate."""

    def every_thousandth(remainder: int, fault: Column, column: str) -> Column:
        return F.when(F.col("CustomerId") % 1000 == remainder, fault).otherwise(F.col(column))

    return customers.withColumns(
        {
            "Email": every_thousandth(300, F.lit("no address"), "Email"),
            "CreditLimit": every_thousandth(400, F.lit(-1).cast("decimal(12,2)"), "CreditLimit"),
            "CountryCode": every_thousandth(500, F.lit("in"), "CountryCode"),
            "UpdatedAt": every_thousandth(600, F.col("CreatedAt") - F.expr("INTERVAL 1 DAY"), "UpdatedAt"),
            "CustomerId": F.when(F.col("CustomerId") % 1000 != 100, F.col("CustomerId")).cast("int")
            - F.when(F.col("CustomerId") % 1000 == 200, 1).otherwise(0),
        }
    )


def plain_checks(duplicate: Column) -> dict[str, Column]:
    """Return for each check whether a row fails it. What is NULL fails none but the checks for that."""
    column = F.col
    return {
        "CustomerId is not NULL": column("CustomerId").isNull(),
        UNIQUE: duplicate,
        "Email is not NULL": column("Email").isNull(),
        ADDRESS: ~column("Email").rlike(EMAIL),
        "FirstName has 1 to 100 characters": ~F.length("FirstName").between(1, LONGEST_NAME),
        "CountryCode is two capitals": ~column("CountryCode").rlike(COUNTRY_FORM),
        "CountryCode is one of ours": ~column("CountryCode").isin(COUNTRIES),
        "CreditLimit is from 0 to 10,000,000": ~column("CreditLimit").between(0, LARGEST_CREDIT),
        "DateOfBirth is from 1900 to 2019": ~column("DateOfBirth").between(EARLIEST_BIRTH, LATEST_BIRTH),
        "UpdatedAt is not before CreatedAt": column("UpdatedAt") < column("CreatedAt"),
    }


def seen_twice_by_window(_source: DataFrame) -> Column:
    """Return whether a row's key is in the table twice: every row travels to where its equals are, and is sorted."""
    return F.col("CustomerId").isNotNull() & (F.count(F.lit(1)).over(Window.partitionBy("CustomerId")) > 1)


def seen_twice_by_query(source: DataFrame) -> Column:
    """Return the same by asking for the keys that are there twice first, as one can ask a database with an index."""
    keys = source.groupBy("CustomerId").count().where("CustomerId IS NOT NULL AND count > 1").collect()
    return F.col("CustomerId").isin([key.CustomerId for key in keys])


def not_asked(_source: DataFrame) -> Column:
    """Return that no row is a duplicate, without a look: what all other checks cost."""
    return F.lit(False)


def as_text(fails: Mapping[str, Column]) -> Column:
    """Return the names of the checks that a row fails, as one text."""
    return F.concat_ws("+", *(F.when(failed, F.lit(name)) for name, failed in fails.items()))


def as_array(fails: Mapping[str, Column]) -> Column:
    """Return the same by way of an array, which Spark filters without generated code."""
    names = F.array(*(F.when(failed, F.lit(name)) for name, failed in fails.items()))
    return F.array_join(F.array_compact(names), "+")


def plain(
    source: DataFrame,
    seen_twice: Callable[[DataFrame], Column],
    write: Callable[[DataFrame], None],
    reasons: Callable[[Mapping[str, Column]], Column] = as_text,
) -> Outcome:
    """Write all rows, with the names of the checks that each fails in column `failed`, and count those on the way."""
    checks = plain_checks(seen_twice(source))
    observation = Observation()
    counts = [F.count_if(F.contains("failed", F.lit(name))).alias(name) for name in checks]
    one = F.min(F.when(F.contains("failed", F.lit(ADDRESS)), F.col("CustomerId"))).alias("one")
    marked = source.withColumn("failed", reasons(checks))
    write(marked.observe(observation, F.count(F.lit(1)).alias("rows"), one, *counts))
    found = observation.get
    message = f"{ADDRESS}: {found[ADDRESS]:,} of {found['rows']:,} rows fail, CustomerId {found['one']} among them"
    return Outcome({name: found[name] for name in checks}, message)


def plain_check(seen_twice: Callable[[DataFrame], Column]) -> Callable[[DataFrame], Outcome]:
    """Return the check alone: all rows are made and none is written."""
    return lambda source: plain(source, seen_twice, lambda marked: marked.write.format("noop").mode("overwrite").save())


def plain_in_one_write(
    seen_twice: Callable[[DataFrame], Column], reasons: Callable[[Mapping[str, Column]], Column] = as_text
) -> Callable[[DataFrame, str], Outcome]:
    """Return the landing in one pass: a folder of good rows and one of bad rows."""

    def land(source: DataFrame, target: str) -> Outcome:
        def write(marked: DataFrame) -> None:
            marked.withColumn("bad", F.col("failed") != "").write.partitionBy("bad").parquet(target)

        return plain(source, seen_twice, write, reasons)

    return land


def plain_by_reasons(source: DataFrame, target: str) -> Outcome:
    """Land in one pass, with a folder for each set of reasons: good rows then carry no column of ours."""

    def write(marked: DataFrame) -> None:
        reasons = F.when(F.col("failed") == "", "none").otherwise(F.col("failed"))
        marked.withColumn("failed", reasons).write.partitionBy("failed").parquet(target)

    return plain(source, seen_twice_by_query, write)


def plain_in_two_writes(source: DataFrame, target: str) -> Outcome:
    """Land the good rows and then the bad ones: two passes over source and checks."""

    def write(marked: DataFrame) -> None:
        marked.where("failed = ''").drop("failed").write.parquet(f"{target}/good")
        marked.where("failed != ''").write.parquet(f"{target}/bad")

    return plain(source, seen_twice_by_query, write)


def unchecked(source: DataFrame, target: str) -> Outcome:
    """Only write."""
    source.write.parquet(target)
    return Outcome({}, "")


def with_pandera(source: DataFrame) -> Outcome:
    """Validate with pandera's schema for Spark. It tells which checks fail, not in how many rows or which."""
    import pandera.pyspark as pa

    def in_order(frame: DataFrame) -> bool:
        return frame.where("UpdatedAt < CreatedAt").limit(1).count() == 0

    email, country = pa.Check.str_matches(EMAIL), pa.Check.str_matches(COUNTRY_FORM)
    born, credit = pa.Check.in_range(EARLIEST_BIRTH, LATEST_BIRTH), pa.Check.in_range(0, LARGEST_CREDIT)
    schema = pa.DataFrameSchema(
        {
            "CustomerId": pa.Column(T.IntegerType()),
            "Email": pa.Column(T.StringType(), email),
            "FirstName": pa.Column(T.StringType(), pa.Check.str_length(1, LONGEST_NAME)),
            "CountryCode": pa.Column(T.StringType(), [country, pa.Check.isin(COUNTRIES)]),
            "CreditLimit": pa.Column(T.DecimalType(12, 2), credit, nullable=True),
            "DateOfBirth": pa.Column(T.DateType(), born, nullable=True),
        },
        checks=[pa.Check(in_order, name="in_order")],
        unique=["CustomerId"],
    )
    errors = schema.validate(source).pandera.errors
    found = [error for kinds in errors.values() for kind in kinds.values() for error in kind]
    by_name = {
        "CustomerId is not NULL": ("CustomerId", "not_nullable"),
        UNIQUE: (None, "unique"),
        "Email is not NULL": ("Email", "not_nullable"),
        ADDRESS: ("Email", email.error),
        "FirstName has 1 to 100 characters": ("FirstName", "str_length"),
        "CountryCode is two capitals": ("CountryCode", country.error),
        "CountryCode is one of ours": ("CountryCode", "isin"),
        "CreditLimit is from 0 to 10,000,000": ("CreditLimit", "in_range"),
        "DateOfBirth is from 1900 to 2019": ("DateOfBirth", "in_range"),
        "UpdatedAt is not before CreatedAt": (None, "in_order"),
    }

    def fails(column: str | None, check: str) -> bool:
        return any(error["column"] == column and str(error["check"]).startswith(check) for error in found)

    failed = {name: None if fails(*place) else 0 for name, place in by_name.items()}
    return Outcome(failed, next(error["error"] for error in found if error["column"] == "Email"))


def with_great_expectations(source: DataFrame) -> Outcome:
    """Validate with a suite of Great Expectations that is to name the bad rows by their key."""
    import great_expectations as gx
    from great_expectations import expectations as expect

    suite = gx.ExpectationSuite(
        name="customers",
        expectations=[
            expect.ExpectColumnValuesToNotBeNull(column="CustomerId"),
            expect.ExpectColumnValuesToBeUnique(column="CustomerId"),
            expect.ExpectColumnValuesToNotBeNull(column="Email"),
            expect.ExpectColumnValuesToMatchRegex(column="Email", regex=EMAIL),
            expect.ExpectColumnValueLengthsToBeBetween(column="FirstName", min_value=1, max_value=LONGEST_NAME),
            expect.ExpectColumnValuesToMatchRegex(column="CountryCode", regex=COUNTRY_FORM),
            expect.ExpectColumnValuesToBeInSet(column="CountryCode", value_set=COUNTRIES),
            expect.ExpectColumnValuesToBeBetween(column="CreditLimit", min_value=0, max_value=LARGEST_CREDIT),
            expect.ExpectColumnValuesToBeBetween(
                column="DateOfBirth", min_value=EARLIEST_BIRTH, max_value=LATEST_BIRTH
            ),
            expect.ExpectColumnPairValuesAToBeGreaterThanB(column_A="UpdatedAt", column_B="CreatedAt", or_equal=True),
        ],
    )
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    table = context.data_sources.add_spark(name="spark").add_dataframe_asset("customers")
    batch = table.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": source})
    results = batch.validate(
        suite, result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["CustomerId"]}
    ).results
    raised = [result.exception_info for result in results if not result.result]
    if raised:
        raise RuntimeError(f"Great Expectations could not evaluate an expectation: {raised[0]}")
    counts = dict(zip(EXPECTED, (result.result["unexpected_count"] for result in results), strict=True))
    source.unpersist()  # it caches what it validates
    return Outcome(counts, str(results[list(EXPECTED).index(ADDRESS)]))


def then_written(check: Callable[[DataFrame], Outcome]) -> Callable[[DataFrame, str], Outcome]:
    """Return a landing that validates and then writes all rows, good and bad together."""

    def land(source: DataFrame, target: str) -> Outcome:
        outcome = check(source)
        source.write.parquet(target)
        return outcome

    return land


def contenders() -> list[Contender]:
    """Return the ways that are compared."""

    def columns(name: str, seen_twice: Callable[[DataFrame], Column]) -> Contender:
        return Contender(name, plain_check(seen_twice), plain_in_one_write(seen_twice), True)

    def library(name: str, check: Callable[[DataFrame], Outcome]) -> Contender:
        return Contender(f"{name}, then write", check, then_written(check), False)

    return [
        Contender("write only, no checks", None, unchecked, False),
        columns("plain columns, unique not asked", not_asked),
        columns("plain columns, unique by window", seen_twice_by_window),
        columns("plain columns, unique by query", seen_twice_by_query),
        Contender("the same, by way of an array", None, plain_in_one_write(seen_twice_by_query, as_array), True),
        Contender("the same, concurrent writers for a sort", None, plain_in_one_write(seen_twice_by_query), True, 50),
        Contender("the same, a folder per set of reasons", None, plain_by_reasons, True),
        Contender("the same, two writes", None, plain_in_two_writes, True),
        library("pandera", with_pandera),
        library("Great Expectations", with_great_expectations),
    ]


def verify(contender: Contender, outcome: Outcome, thousands: int, target: Path, spark: SparkSession) -> None:
    """Raise AssertionError where a contender did not find what was planted, or lost rows.

    pandera does not say how many rows failed; a check that was not asked counts none.
    """
    for name, count in outcome.failed.items():
        expected = EXPECTED[name] * thousands
        if name == UNIQUE and "not asked" in contender.name:
            expected = 0
        assert count == expected or (count is None and expected), f"{contender.name}: {name}: {count}, not {expected}"
    landed = spark.read.option("recursiveFileLookup", True).parquet(str(target)).count()
    assert landed == thousands * 1000, f"{contender.name}: {landed} rows landed of {thousands * 1000}"
    if contender.splits:
        folder = next(target / name for name in ("good", "bad=false", "failed=none") if (target / name).is_dir())
        bad = landed - spark.read.parquet(str(folder)).count()
        expected = (BAD_ROWS - (2 if "not asked" in contender.name else 0)) * thousands
        assert bad == expected, f"{contender.name}: {bad} bad rows, not {expected}"


def measure(spark: SparkSession, count: int, folder: Path) -> dict[str, str]:
    """Print the table of one number of rows; return the message of each contender for one failed check."""
    path = str(folder / f"source-{count}")
    with_planted_faults(rows.customers(spark, count)).repartition(2).write.parquet(path)
    everyone, times = contenders(), TIMES if count < ONCE_FROM else 1
    seconds: dict[tuple[str, str], list[float]] = {}
    jobs: dict[str, int] = {}
    messages: dict[str, str] = {}
    for turn in range(times + 1 if times > 1 else 1):
        for contender in everyone:
            target = folder / f"landed-{count}-{turn}-{len(messages)}-{time.monotonic_ns()}"
            spark.conf.set("spark.sql.maxConcurrentOutputFileWriters", contender.concurrent_writers)
            spark.sparkContext.setJobGroup(str(target), contender.name)
            start, used = time.perf_counter(), processor_seconds()
            outcome = contender.land(spark.read.parquet(path), str(target))
            landed = time.perf_counter() - start
            used = processor_seconds() - used
            jobs[contender.name] = len(spark.sparkContext.statusTracker().getJobIdsForGroup(str(target)))
            messages[contender.name] = outcome.message
            verify(contender, outcome, count // 1000, target, spark)
            start = time.perf_counter()
            if contender.check:
                contender.check(spark.read.parquet(path))
            checked = time.perf_counter() - start
            if turn or times == 1:
                seconds.setdefault((contender.name, "land"), []).append(landed)
                seconds.setdefault((contender.name, "CPU"), []).append(used)
                seconds.setdefault((contender.name, "check"), []).append(checked)
    base = median(seconds[everyone[0].name, "CPU"])
    title = f"{count:,} rows, " + (f"median of {times}" if times > 1 else "once")
    print(f"\n| {title} | check, s | check and write, s | its CPU, s | times write only, by CPU | Spark jobs |")
    print("| --- | --- | --- | --- | --- | --- |")
    for contender in everyone:
        check = f"{median(seconds[contender.name, 'check']):.2f}" if contender.check else ""
        land, used = median(seconds[contender.name, "land"]), median(seconds[contender.name, "CPU"])
        cells = f"{land:.2f} | {used:.2f} | {used / base:.1f} | {jobs[contender.name]}"
        print(f"| {contender.name} | {check} | {cells} |", flush=True)
    return messages


def additions(package: str) -> tuple[int, float]:
    """Return how many packages, and megabytes, one brings that the runtime of a cluster does not."""
    known = {name for root in RUNTIME for name in closure(root)}
    added = [name for name in closure(package) if name not in known]
    paths = [Path(str(file.locate())) for name in added for file in distribution(name).files or []]
    return len(added), sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def closure(package: str) -> set[str]:
    """Return a package and all it needs here, by their canonical names."""
    found: set[str] = set()
    waiting = [package]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found and installed(name):
            found.add(name)
            waiting.extend(needs(name))
    return found


def needs(package: str) -> Iterator[str]:
    """Yield what a package needs without its extras."""
    for line in distribution(package).requires or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement.name


def installed(package: str) -> bool:
    """Say whether a package is there."""
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def main() -> None:
    """Measure and print."""
    counts = [int(argument) for argument in sys.argv[1:]] or [1000, 100_000]
    if any(count < 1000 or count % 1000 for count in counts):
        sys.exit("ROWS are whole thousands: so many of every thousand rows are bad.")
    if not (installed("great_expectations") and installed("pandera")):
        sys.exit("Great Expectations and pandera are not here: run this as the first lines of the file say.")
    os.environ.update(JAVA_HOME=str(java_home()), GX_ANALYTICS_ENABLED="false", PYSPARK_PYTHON=sys.executable)
    with tempfile.TemporaryDirectory() as name:
        spark = (
            SparkSession.builder.master("local[2]")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.retainedJobs", "100000")  # it forgets what is to be counted otherwise
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.driver.memory", "2g")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.parquet.compression.codec", "zstd")
            .config("spark.sql.warehouse.dir", f"{name}/warehouse")
            .getOrCreate()
        )
        # At a check for unique values Great Expectations tries a query that Spark refuses, which Spark logs at length.
        spark.sparkContext.setLogLevel("FATAL")
        messages: dict[str, str] = {}
        for count in counts:
            messages = measure(spark, count, Path(name))
        spark.stop()
    print("\n| package | packages it adds to a cluster | MB |\n| --- | --- | --- |")
    for package in ("great_expectations", "pandera"):
        number, megabytes = additions(package)
        print(f"| {package} {distribution(package).version} | {number} | {megabytes:.0f} |")
    for contender, message in messages.items():
        if message and "the same" not in contender:
            print(f"\n{contender}:\n{message}")


if __name__ == "__main__":
    main()
