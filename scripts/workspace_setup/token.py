"""The token of the Databricks linked service: the pipelines' own, in the vault, renewed long before its end."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from workspace_setup.errors import SetupError
from workspace_setup.vault import Vault

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

SECRET = "databricks-pat"  # noqa: S105 - a secret's name is not a secret
LIFETIME = timedelta(days=90)
# The vault tells of a secret 30 days before its end: a weekly renewal that runs is never told of.
RENEWAL = timedelta(days=45)


def ensure_token(
    sign_in: "Callable[[], WorkspaceClient]",
    vault: Vault,
    *,
    comment: str,
    renew: bool,
    now: datetime,
    report: Callable[[str], None],
) -> None:
    """Keep a token in the vault that is good for 45 days at least.

    The one before it lives out its days, for runs under way, unless `renew` asks for its end.

    Raises:
        SetupError: the pipelines' principal cannot sign in, or the workspace gives it no token.
    """
    from databricks.sdk.errors.base import DatabricksError

    try:
        workspace = sign_in()
        found = [token for token in workspace.tokens.list() if token.comment == comment and token.token_id]
    except (ValueError, DatabricksError) as error:
        if "AADSTS" not in str(error):
            raise
        raise SetupError(
            "secret sql-password of the notebooks' vault: Entra ID refuses it for the pipelines' principal, so "
            f"{SECRET} cannot be renewed. It has ended, or was replaced: infra/README.md, Secrets, says how to make a "
            f"new one. ({_first_line(error)})"
        ) from error
    tokens = {token.token_id: token for token in found}
    stored = vault.find(SECRET)
    current = tokens.get((stored or {}).get("tags", {}).get("token-id"))
    if current and not renew and (current.expiry_time or 0) / 1000 > (now + RENEWAL).timestamp():
        ends = datetime.fromtimestamp((current.expiry_time or 0) / 1000, UTC)
        report(f"secret {SECRET}, good until {ends:%Y-%m-%d}: unchanged")
        return
    made = workspace.tokens.create(comment=comment, lifetime_seconds=int(LIFETIME.total_seconds()))
    if not made.token_value or not made.token_info or not made.token_info.token_id:
        raise SetupError("the workspace made a token and did not show it. Try again.")
    vault.set(SECRET, made.token_value, expires=now + LIFETIME, tags={"token-id": made.token_info.token_id})
    report(f"secret {SECRET}, good until {now + LIFETIME:%Y-%m-%d}: {'renewed' if stored else 'created'}")
    if renew:
        for token_id in tokens:
            workspace.tokens.delete(str(token_id))
        report(f"older tokens revoked: {len(tokens)}")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].strip()
