"""Secrets: none in the files. They belong in Key Vault, and objects refer to them. Messages never show a value."""

import re
from collections.abc import Iterator, Mapping

from bundle.bundle import Bundle
from bundle.documents import children, is_evaluated, mapping, walk
from bundle.findings import Problem

# Texts that give a secret away wherever they stand.
_SECRET_TEXTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a Databricks access token", re.compile(r"\bdapi[0-9a-f]{32}\b")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    (
        "a shared access signature",
        re.compile(r"[?&]sig=[A-Za-z0-9%+/=]{20,}|\bSharedAccessSignature\s*=\s*[^;\s@'\"{$<]", re.I),
    ),
    ("an account or access key", re.compile(r"\b(AccountKey|SharedAccessKey|AccessKey)\s*=\s*[^;\s@'\"{$<]", re.I)),
    ("a password", re.compile(r"\b(Password|Pwd)\s*=\s*[^;\s@'\"{$<&][^;]*", re.I)),
    ("a client secret", re.compile(r"\b(ClientSecret|client_secret)\s*=\s*[^;\s@'\"{$<]", re.I)),
    ("a user and password in an address", re.compile(r"://[^/\s:@'\"{}]+:[^/\s@'\"{}]+@")),
    ("an authorization header", re.compile(r"^(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{16,}$")),
    ("a JSON web token", re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.")),
)

# In Python source an assignment `password = ...` is no secret yet, so there only texts that can be nothing else count.
_CERTAIN = frozenset({"a Databricks access token", "a private key", "a JSON web token"})

# How the keys end under which the service keeps secrets. Source: `SecretBase` properties in Azure's published schema.
_SECRET_KEYS = re.compile(
    r"(password|passphrase|pwd|secret|token|sasuri|accountkey|accesskey|secretkey|apikey|clientkey|consumerkey|functionkey"
    r"|privatekey|privatekeycontent|keyfilecontent|serviceprincipalkey|embeddedcert|pfx|fsazureaccountkey\w*)$"
)
# A cluster takes `{{secrets/SCOPE/KEY}}` from a secret scope, a REST source `$.path` from the answer before.
_ELSEWHERE = re.compile(r"\{\{\s*secrets/|\$")


def no_encrypted_credential(bundle: Bundle) -> Iterator[Problem]:
    """No `encryptedCredential`: it is a secret, and another factory cannot read it. Refer to Key Vault."""
    for resource in bundle.resources.values():
        for path, value in walk(resource.document):
            for child, key, credential in children(value, path):
                if str(key).casefold() == "encryptedcredential" and credential not in (None, ""):
                    message = "an encrypted credential cannot be moved to another factory: refer to a Key Vault secret"
                    yield Problem(resource.path, child, message)


def no_inline_secret(bundle: Bundle) -> Iterator[Problem]:
    """No secret in a file: no SecureString with a value, no password or key in a text, no text under a secret's key."""
    for resource in bundle.resources.values():
        yield from (
            Problem(resource.path, path, f"{what} stands in the file: keep it in Key Vault and refer to it")
            for path, what in _secrets(resource.document)
        )
    for source in bundle.notebooks.values():
        for number, line in enumerate(source.text.splitlines(), 1):
            for what in _secrets_in(line, _CERTAIN):
                message = f"{what} stands in the file: keep it in a secret scope"
                yield Problem(source.path, f"line {number}", message)


def holds_secret(value: str) -> bool:
    """Say whether a text gives a secret away, so that no message may quote it."""
    return any(_secrets_in(value))


def _secrets(document: object) -> Iterator[tuple[str, str]]:
    """Yield (JSON path, what it is) of every secret, each place once."""
    for path, value in walk(document):
        if str(mapping(value).get("type")).casefold() == "securestring":
            for child, key, inner in children(value, path):
                if key in ("value", "defaultValue") and inner not in (None, "") and not is_evaluated(inner):
                    yield child, "a secret"
            continue
        for child, key, inner in children(value, path):
            if not isinstance(inner, str) or (isinstance(value, Mapping) and value.get("type") == "Expression"):
                continue
            found = next(_secrets_in(inner), "")
            if found:
                yield child, found
            elif isinstance(key, str) and _names_a_secret(key) and inner and not _is_elsewhere(inner):
                yield child, "a secret"


def _secrets_in(value: str, kinds: frozenset[str] | None = None) -> Iterator[str]:
    return (what for what, pattern in _SECRET_TEXTS if (kinds is None or what in kinds) and pattern.search(value))


def _names_a_secret(key: str) -> bool:
    return _SECRET_KEYS.search(re.sub(r"[\W_]", "", key).casefold()) is not None


def _is_elsewhere(value: str) -> bool:
    return is_evaluated(value) or _ELSEWHERE.match(value) is not None
