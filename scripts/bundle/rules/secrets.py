"""Secrets: none in the files. They belong in Key Vault, and objects refer to them. Messages never show a value."""

import re
from collections.abc import Iterator, Mapping

from bundle.bundle import Bundle
from bundle.documents import child_path, children, is_evaluated, mapping
from bundle.findings import Problem
from bundle.resources import Resource, ResourceKey
from bundle.secret_names import arguments, secret_name_parameters

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
# Studio shows what it keeps as stars, and people write dots or angle brackets.
_MASK = re.compile(r"[*\u2022.]+|<[^>]*>")
# A cluster takes `{{secrets/SCOPE/KEY}}` from a secret scope, a REST source `$.path` from the answer before.
_ELSEWHERE = re.compile(r"\{\{\s*secrets/|\$")


def no_encrypted_credential(bundle: Bundle) -> Iterator[Problem]:
    """No `encryptedCredential`: Studio writes it for each secret that is not in Key Vault.

    The factory that it belongs to works with it; no other can read it.
    """
    for resource in bundle.resources.values():
        for path, value in resource.places:
            for child, key, credential in children(value, path):
                if str(key).casefold() == "encryptedcredential" and credential not in (None, ""):
                    message = "an encrypted credential cannot be moved to another factory: refer to a Key Vault secret"
                    yield Problem(resource.path, child, message)


def no_inline_secret(bundle: Bundle) -> Iterator[Problem]:
    """No secret in a file: no SecureString with a value, no password or key in a text, no text under a secret's key.

    What Studio masks is none, nor is the name of a secret that a caller passes on.
    """
    found = [(resource, path, what) for resource in bundle.resources.values() for path, what in _secrets(resource)]
    names = secret_name_parameters(bundle.resources) if found else {}
    passed = {resource.path: _passed_names(resource, names) for resource, _, _ in found}
    for resource, path, what in found:
        if path not in passed[resource.path]:
            yield Problem(resource.path, path, f"{what} stands in the file: keep it in Key Vault and refer to it")
    for source in bundle.notebooks.values():
        for number, line in enumerate(source.text.splitlines(), 1):
            for what in _secrets_in(line, _CERTAIN):
                message = f"{what} stands in the file: keep it in a secret scope"
                yield Problem(source.path, f"line {number}", message)


def _passed_names(resource: Resource, names: Mapping[ResourceKey, frozenset[str]]) -> set[str]:
    """Return where an object passes the name of a secret: as an argument, or as its own parameter's default."""
    own = mapping(resource.properties.get("parameters"))
    defaults = {
        child_path(child_path("$.properties.parameters", name), "defaultValue")
        for name in own
        if name.casefold() in names.get(resource.key, ())
    }
    return defaults | {
        path for called, name, _, path in arguments(resource.document) if name.casefold() in names.get(called, ())
    }


def holds_secret(value: str) -> bool:
    """Say whether a text gives a secret away, so that no message may quote it."""
    return any(_secrets_in(value))


def _secrets(resource: Resource) -> Iterator[tuple[str, str]]:
    """Yield (JSON path, what it is) of every secret, each place once."""
    for path, value in resource.places:
        if str(mapping(value).get("type")).casefold() == "securestring":
            for child, key, inner in children(value, path):
                if key in ("value", "defaultValue") and _is_given(inner):
                    yield child, "a secret"
            continue
        for child, key, inner in children(value, path):
            if _declares(key, inner) and _is_given(inner["defaultValue"]):
                yield child_path(child, "defaultValue"), "a secret"
            if not isinstance(inner, str) or (isinstance(value, Mapping) and value.get("type") == "Expression"):
                continue
            found = next(_secrets_in(inner), "")
            if found:
                yield child, found
            elif isinstance(key, str) and _names_a_secret(key) and _is_given(inner) and _may_be_secret(key, inner):
                yield child, "a secret"


def _declares(key: object, value: object) -> bool:
    """Say whether a parameter or variable of a secret's name has a text as its default."""
    default = mapping(value).get("defaultValue")
    kind = str(mapping(value).get("type")).casefold()
    return isinstance(key, str) and isinstance(default, str) and kind == "string" and _names_a_secret(key)


def _is_given(value: object) -> bool:
    """Say whether a value is a secret in the clear: not empty, not evaluated, not masked, not kept elsewhere."""
    if value in (None, "") or is_evaluated(value):
        return False
    return not isinstance(value, str) or not (_MASK.fullmatch(value) or _is_elsewhere(value))


def _may_be_secret(key: str, value: str) -> bool:
    """Say whether a text can be what its key says: an address without a signature holds none."""
    return not key.casefold().endswith("uri") or "sig=" in value.casefold()


def _secrets_in(value: str, kinds: frozenset[str] | None = None) -> Iterator[str]:
    return (what for what, pattern in _SECRET_TEXTS if (kinds is None or what in kinds) and pattern.search(value))


def _names_a_secret(key: str) -> bool:
    return _SECRET_KEYS.search(re.sub(r"[\W_]", "", key).casefold()) is not None


def _is_elsewhere(value: str) -> bool:
    return is_evaluated(value) or _ELSEWHERE.match(value) is not None
