"""The errors of ingestion: one base, one narrow class for each thing that can go wrong."""


class IngestionError(Exception):
    """Data could not be ingested: base of every error this package raises."""


class SettingError(IngestionError):
    """A setting is wrong: base of the errors of configuration."""


class MissingSettingError(SettingError):
    """A setting has no value in any of the places where it may be given."""


class InvalidSettingError(SettingError):
    """A setting's value cannot be used."""


class SecretUnavailableError(SettingError):
    """A secret is there, or may be there, but cannot be read."""


class ApiError(IngestionError):
    """An API did not give what it was asked for: base of the errors of reading one."""


class ApiUnavailableError(ApiError):
    """The API cannot be reached, is overloaded (429) or broken (5xx): worth another try.

    Attributes:
        retry_after: seconds the server asks to wait before the next try, or None.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ApiTimeoutError(ApiError):
    """The API sends, but too slowly: no whole answer in the time allowed."""


class ApiRefusedError(ApiError):
    """The API refuses: a status other than 200, 404, 429 or 5xx, such as 401 for a wrong key."""


class CountryApiDeprecatedError(ApiError):
    """The version of the country API is shut down: its answer is the deprecation notice. Says what to do."""

    def __init__(self, notice: str) -> None:
        super().__init__(
            f"{notice} - Store a key as secret restcountries-api-key, which chooses v5, or set country_api_url "
            "(variable COUNTRY_API_URL) to a server that still speaks v3.1."
        )


class RedirectError(ApiError):
    """The API redirects in a circle, to nowhere, or from https to http."""


class AnswerTooLargeError(ApiError):
    """The answer has more bytes than allowed."""


class NotJsonError(ApiError):
    """The answer is not JSON by its own headers: a web page, or compressed though that was not asked for."""


class MalformedJsonError(ApiError):
    """The answer is cut off, not UTF-8, or otherwise not JSON that means one thing only."""


class ErrorAnswerError(ApiError):
    """The answer has status 200, but says that an error happened."""


class UnexpectedAnswerError(ApiError):
    """The answer is JSON, but not of the shape that the endpoint promises."""


class EmptyAnswerError(ApiError):
    """The answer is well-formed and holds no record, where one is meant."""


class NotFoundError(ApiError):
    """What was asked for is not there: status 404, or no record in the answer is the one that is meant."""


class AmbiguousAnswerError(ApiError):
    """The answer holds the record that is meant more than once."""


class PaginationError(ApiError):
    """Pages do not lead to an end: a link to another host, the same page again, too many, or one that is left out."""


class CountriesFailedError(IngestionError):
    """One or more countries were not landed; the message lists each with its reason."""


class SourceError(IngestionError):
    """A table cannot be read from its database."""


class NothingYetError(SourceError):
    """A source has nothing yet from which a table could be made: the feed is skipped."""


class PositionLostError(SourceError):
    """A position means nothing in the source as it is: only a load from nothing helps.

    Args:
        reason: what was found.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason} Nothing was changed. Load the feed anew: mode reload.")


class TargetChangedError(IngestionError):
    """A target is not as the last load left it: it was restored, deleted, or written by another.

    Args:
        reason: what was found.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason} Nothing was changed. Load the feed anew: mode reload.")


class DeletesRefusedError(IngestionError):
    """A load would delete more rows than `delete_limit` allows; nothing was applied."""


class AzureError(IngestionError):
    """A service of Azure did not give what it was asked for: base of the errors of Entra ID and Azure Monitor."""


class AzureUnavailableError(AzureError):
    """The service cannot be reached, is too slow, overloaded (429) or broken (5xx)."""


class AzureRefusedError(AzureError):
    """The service refuses: any other status than 2xx, such as 401 for a wrong client secret."""


class AzureNotFoundError(AzureRefusedError):
    """The service has nothing of that name."""


class NoTokenError(AzureError):
    """Entra ID's answer has status 200, but no access token that could be sent."""


class LakeError(IngestionError):
    """The lake cannot be written; what was landed before is as it was."""


class PathNotFoundError(LakeError):
    """There is nothing where something was to be taken from."""


class PathTakenError(LakeError):
    """There is something where a place was to be free."""


class IsFolderError(LakeError):
    """There is a folder where a file was to be read or written."""


class StagingError(LakeError):
    """New data could not be written aside whole: its source broke off, or the lake refused."""


class PromotionError(LakeError):
    """Staged data could not take its place in the lake."""


class LockedError(LakeError):
    """Another run is landing on the same target."""


class LockLostError(LakeError):
    """Another run took this one for dead, and its place."""


class SchemaChangedError(LakeError):
    """A column vanished, or its type no longer holds what it held; nothing was replaced."""


class QualityError(IngestionError):
    """Too many rows, or the table as a whole, are not what the table's checks ask for; nothing was replaced."""
