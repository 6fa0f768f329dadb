"""The functions and views of SQL Server that tell of changes: change tracking, and change data capture. Pure.

Written by Microsoft's documentation; every statement that is made of them stands in a golden file and was read by a
parser of T-SQL, but none was tried on a server of SQL Server.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrackingSql:
    """Change tracking: https://learn.microsoft.com/sql/relational-databases/track-changes/work-with-change-tracking-sql-server

    Templates have `{table}` for a full name, `{text}` for it as a literal, `{version}` for a version.

    Attributes:
        current: the version of the last transaction that was committed.
        min_valid: the least version whose changes are still known of a table; NULL without the right, or the tracking.
        changes: the changes of a table since a version, to be joined as `ct`.
    """

    current: str = "CHANGE_TRACKING_CURRENT_VERSION()"
    min_valid: str = "CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID({text}))"
    changes: str = "CHANGETABLE(CHANGES {table}, {version})"


@dataclass(frozen=True)
class CaptureSql:
    """Change data capture: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server

    Templates have `{}` for what they are made of.

    Attributes:
        hex: of an LSN: its text, 0x and 20 digits.
        lsn: of such a text: the LSN.
        object_id: of a full name as a literal: the table's number.
        max_lsn: up to where the log was copied.
        min_lsn: of an instance's name: from where its changes are still known; zero without the right.
        utc: of a time in the server's zone: its text in UTC.
        seconds_since: of a time in the server's zone: seconds since then.
    """

    hex: str = "CONVERT(VARCHAR(22), {}, 1)"
    lsn: str = "{}"
    object_id: str = "OBJECT_ID({})"
    max_lsn: str = "sys.fn_cdc_get_max_lsn()"
    min_lsn: str = "sys.fn_cdc_get_min_lsn({})"
    utc: str = "CONVERT(VARCHAR(23), DATEADD(MINUTE, DATEDIFF(MINUTE, SYSDATETIME(), SYSUTCDATETIME()), {}), 121)"
    seconds_since: str = "DATEDIFF(SECOND, {}, SYSDATETIME())"
