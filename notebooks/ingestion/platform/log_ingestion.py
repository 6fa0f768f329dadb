"""Posting the lines of a notebook's run to Log Analytics.

The Logs Ingestion API: https://learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview. The rule that
takes the lines, and names their keys, is in infra/modules/logs.bicep.
"""

from collections.abc import Sequence
from functools import partial

from ingestion.platform.azure_http import BearerAuth, Patience, post
from ingestion.platform.identity import MONITOR_SCOPE, request_token, require_credential
from ingestion.platform.log import Clock, Line, StepLog
from ingestion.platform.settings import Configuration, LogSettings

# A run waits for its log: a few seconds at most.
_TOKEN_SECONDS = 4
# Never twice: a post that failed may have arrived, and a row that is there twice counts twice.
_POST_PATIENCE = Patience(tries=1, seconds=4)


def notebook_log(configuration: Configuration, clock: Clock) -> StepLog:
    """Return the log of a notebook's run, whose lines are printed as they come and posted at the run's end."""
    return StepLog(configuration.secrets.redact, clock, deliver=partial(post_lines, configuration))


def post_lines(configuration: Configuration, lines: Sequence[Line]) -> None:
    """Post lines as one JSON array to `LOG_INGESTION_URL`; without one, as on a laptop, do nothing.

    Raises:
        SettingError: a setting or a secret is missing, or cannot be used.
        AzureError: the token was not to be had, or the lines were not taken.
    """
    settings = LogSettings.read(configuration)
    if settings is None:
        return
    secrets = configuration.secrets
    token = request_token(require_credential(configuration), MONITOR_SCOPE, secrets, seconds=_TOKEN_SECONDS)
    post(settings.url, _POST_PATIENCE, secrets.redact, json=lines, auth=BearerAuth(token))
