"""Which failures of a database are tried again, told by the words of databases and drivers: the same on any compute."""

import pytest

from ingestion.platform.errors import SourceError
from ingestion.platform.spark_errors import java_causes, root_cause
from ingestion.sql.failures import DEFAULT_RETRIES, RetryPolicy, is_transient, retry_transient

SQL_SERVER = "com.microsoft.sqlserver.jdbc.SQLServerException"
POSTGRESQL = "org.postgresql.util.PSQLException"


def classic(kind: str, message: str) -> Exception:
    """Return a failure as PySpark's classic session words it: the Java exception with its stack."""
    return RuntimeError(
        f"An error occurred while calling o78.load.\n: {kind}: {message}\n"
        "\tat org.apache.spark.sql.execution.datasources.jdbc.JDBCRDD$.resolveTable(JDBCRDD.scala:68)\n\t... 37 more\n"
    )


def in_a_task(kind: str, message: str) -> Exception:
    """Return a failure as a Spark job words it, after its tasks were lost."""
    return RuntimeError(
        "An error occurred while calling o78.parquet.\n: org.apache.spark.SparkException: Job aborted due to stage "
        "failure: Task 0 in stage 2.0 failed 1 times, most recent failure: Lost task 0.0 in stage 2.0 (TID 2) "
        f"(192.0.2.2 executor driver): {kind}: {message}\n\tat java.base/java.lang.Thread.run(Thread.java:840)\n\n"
        f"Driver stacktrace:\n\tat org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:2935)\n"
        f"Caused by: {kind}: {message}\n\tat java.base/java.lang.Thread.run(Thread.java:840)\n"
    )


def over_connect(kind: str, message: str) -> Exception:
    """Return a failure as a Spark Connect server words it."""
    return RuntimeError(f"({kind}) {message}\n\nJVM stacktrace:\n{kind}\n\tat com.example.Driver.login(Driver.java:1)")


EVERY_FORM = pytest.mark.parametrize("form", [classic, in_a_task, over_connect])


@EVERY_FORM
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        # Azure SQL's transient errors, by number: 4060, 40197, 40501, 40613, 49918 to 49920, 10928, 10929, 1205.
        (SQL_SERVER, 'Cannot open database "shop" requested by the login. The login failed.'),
        (SQL_SERVER, "The service has encountered an error processing your request. Please try again."),
        (SQL_SERVER, "The service is currently busy. Retry the request after 10 seconds. Code: 1"),
        (SQL_SERVER, "Database 'shop' on server 'x' is not currently available. Please retry the connection later."),
        (SQL_SERVER, "Cannot process request. Not enough resources to process request."),
        (SQL_SERVER, "Cannot process create or update request. Too many create or update operations in progress"),
        (SQL_SERVER, "Cannot process request. Too many operations in progress for subscription"),
        (SQL_SERVER, "Resource ID : 1. The request limit for the database is 60 and has been reached."),
        (SQL_SERVER, "Resource ID: 1. The request minimum guarantee is 0, maximum limit is 60 and the current usage"),
        (SQL_SERVER, "Transaction (Process ID 52) was deadlocked on lock resources and has been chosen as the victim"),
        # Connections that broke: 64, 233, 10053, 10054, 10060.
        (SQL_SERVER, "A transport-level error has occurred when receiving results from the server."),
        (SQL_SERVER, "An established connection was aborted by the software in your host machine."),
        (SQL_SERVER, "Connection reset"),
        (SQL_SERVER, "SQL Server did not return a response. The connection has been closed."),
        (SQL_SERVER, "SQL Server returned an incomplete response. The connection has been closed."),
        (SQL_SERVER, 'The TCP/IP connection to the host x, port 1433 has failed. Error: "connect timed out".'),
        (POSTGRESQL, "FATAL: terminating connection due to administrator command"),
        (POSTGRESQL, "FATAL: the database system is starting up"),
        (POSTGRESQL, 'FATAL: too many connections for role "reader"'),
        (POSTGRESQL, "ERROR: deadlock detected"),
        (POSTGRESQL, "ERROR: could not serialize access due to concurrent update"),
        (POSTGRESQL, "An I/O error occurred while sending to the backend."),
        (POSTGRESQL, 'ERROR: prepared statement "S_1" already exists'),
        ("com.mysql.cj.jdbc.exceptions.CommunicationsException", "Communications link failure"),
        ("java.sql.SQLTransientConnectionException", "(conn=7) Lock wait timeout exceeded"),
        ("java.sql.SQLRecoverableException", "in any words"),
        ("org.apache.derby.iapi.error.StandardException", "A lock could not be obtained within the time requested"),
    ],
)
def test_what_passes_by_itself_is_tried_again(form: object, kind: str, message: str) -> None:
    assert is_transient(form(kind, message))  # type: ignore[operator]


@EVERY_FORM
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (SQL_SERVER, "Login failed for user 'loader'. ClientConnectionId:f00"),
        (SQL_SERVER, "Invalid object name 'Customers'."),
        (SQL_SERVER, "The SELECT permission was denied on the object 'Customers'"),
        (SQL_SERVER, "PKIX path building failed: unable to find valid certification path to requested target"),
        (POSTGRESQL, 'FATAL: password authentication failed for user "loader"'),
        (POSTGRESQL, "ERROR: canceling statement due to statement timeout"),
        (POSTGRESQL, 'ERROR: relation "customers" does not exist'),
        ("java.sql.SQLException", "No suitable driver"),
        ("java.io.IOException", "Connection reset"),  # the lake's, not the database's
        ("java.net.ConnectException", "Connection refused"),
    ],
)
def test_what_does_not_pass_is_not(form: object, kind: str, message: str) -> None:
    assert not is_transient(form(kind, message))  # type: ignore[operator]


def test_a_host_that_nobody_knows_is_not_waited_for() -> None:
    error = RuntimeError(
        f"An error occurred while calling o9.load.\n: {POSTGRESQL}: The connection attempt failed.\n\tat a.B.c(B:1)"
        "\n"
        "Caused by: java.net.UnknownHostException: nowhere.invalid\n\tat a.B.c(B.java:1)\n"
    )
    assert not is_transient(error)
    assert root_cause(error) == "java.net.UnknownHostException: nowhere.invalid"


def test_a_connection_that_broke_in_java_itself_is_the_databases_where_its_driver_says_so() -> None:
    error = RuntimeError(
        f"An error occurred while calling o9.load.\n: {POSTGRESQL}: Verbindungsfehler\n\tat a.B.c(B.java:1)\n"
        "Caused by: java.net.SocketException: Broken pipe\n\tat a.B.c(B.java:1)\n"
    )
    assert is_transient(error)


@EVERY_FORM
def test_the_databases_own_words_are_the_reason(form: object) -> None:
    error = form(POSTGRESQL, 'ERROR: relation "t" does not exist\n  Position: 15')  # type: ignore[operator]
    assert root_cause(error) == f'{POSTGRESQL}: ERROR: relation "t" does not exist\n  Position: 15'
    assert java_causes(SourceError("t")) == []


def test_a_python_error_is_its_own_reason() -> None:
    assert root_cause(ValueError("no such thing\nand more")) == "no such thing"
    assert root_cause(ValueError()) == "ValueError"


def asleep() -> SourceError:
    error = SourceError("Customers: cannot be read")
    error.__cause__ = classic(SQL_SERVER, "Database 'shop' is not currently available.")
    return error


def test_waits_grow_and_outlast_the_minute_a_sleeping_database_takes() -> None:
    waits: list[float] = []
    reported: list[Exception] = []

    def task() -> str:
        if sum(waits) < 60:
            raise asleep()
        return "awake"

    assert retry_transient(task, on_retry=reported.append, sleep=waits.append) == "awake"
    assert waits == sorted(waits)
    assert len(reported) == len(waits) < DEFAULT_RETRIES.tries


def test_what_does_not_end_is_raised_in_the_end() -> None:
    waits: list[float] = []

    def task() -> None:
        raise asleep()

    with pytest.raises(SourceError, match="Customers"):
        retry_transient(task, on_retry=lambda _error: None, retries=RetryPolicy(tries=3), sleep=waits.append)
    assert len(waits) == 2
