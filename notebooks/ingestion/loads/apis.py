"""The APIs of a run's sources: their clients, one a source, so that its limits hold for all of its feeds."""

import requests

from ingestion.feeds.model import RestSource
from ingestion.loads.run_context import Run
from ingestion.platform.errors import SourceError
from ingestion.rest.client import ApiClient
from ingestion.rest.endpoint import EndpointReader


def open_api(run: Run, source: RestSource) -> EndpointReader:
    """Return what reads a source's endpoints; nothing is asked of it yet.

    Raises:
        SourceError: the source's file names a setting that nobody has set.
    """
    if source.unset:
        raise SourceError("\n".join(source.unset))
    run.secrets.hide_passwords_in(source.url)
    client = ApiClient(
        source,
        requests.Session(),
        lambda secret: run.configuration.require_secret(secret.secret),
        hide=run.secrets.hide,
        clock=run.log.clock,
        sleep=run.sleep,
        on_retry=run.log.retry,
    )
    return EndpointReader(client, source)
