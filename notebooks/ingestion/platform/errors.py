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


class CountryError(IngestionError):
    """A country's record could not be had from the country API: base of the errors of one country."""


class CountryApiUnavailableError(CountryError):
    """The API cannot be reached, is overloaded (429) or broken (5xx): worth another try.

    Attributes:
        retry_after: seconds the server asks to wait before the next try, or None.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CountryApiTimeoutError(CountryError):
    """The API sends, but too slowly: no whole answer in the time allowed."""


class CountryApiRefusedError(CountryError):
    """The API refuses: a status other than 200, 404, 429 or 5xx, such as 401 for a wrong key."""


class CountryApiDeprecatedError(CountryError):
    """The API version is shut down: its answer is the deprecation notice. Says what to do."""

    def __init__(self, notice: str) -> None:
        super().__init__(
            f"{notice} - Store a key as secret restcountries-api-key, which chooses v5, or set country_api_url "
            "(variable COUNTRY_API_URL) to a server that still speaks v3.1."
        )


class RedirectError(CountryError):
    """The API redirects in a circle, to nowhere, or from https to http."""


class AnswerTooLargeError(CountryError):
    """The answer has more bytes than any true answer."""


class NotJsonError(CountryError):
    """The answer is not JSON by its own headers: a web page, or compressed though that was not asked for."""


class MalformedJsonError(CountryError):
    """The answer is cut off, not UTF-8, or otherwise not JSON that means one thing only."""


class ErrorAnswerError(CountryError):
    """The answer has status 200, but says that an error happened."""


class UnexpectedAnswerError(CountryError):
    """The answer is JSON, but not of the shape this API version gives."""


class EmptyAnswerError(CountryError):
    """The answer is well-formed and holds no country at all."""


class CountryNotFoundError(CountryError):
    """The answer holds countries, but not the one asked for; or the API says 404."""


class AmbiguousAnswerError(CountryError):
    """The answer holds the country more than once."""


class CountriesFailedError(IngestionError):
    """One or more countries were not landed; the message lists each with its reason."""


class SourceError(IngestionError):
    """A table cannot be read from its database."""


class AzureError(IngestionError):
    """A service of Azure did not give what it was asked for: base of the errors of Entra ID and Azure Monitor."""


class AzureUnavailableError(AzureError):
    """The service cannot be reached, is too slow, overloaded (429) or broken (5xx)."""


class AzureRefusedError(AzureError):
    """The service refuses: any other status than 2xx, such as 401 for a wrong client secret."""


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
