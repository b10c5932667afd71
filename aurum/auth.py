"""Who asks: a principal of one tenant with scopes. Every service call takes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import urlsplit

from aurum.errors import Forbidden, Unauthenticated
from aurum.settings import AuthSettings, is_loopback


class Scope(StrEnum):
    CURVES_READ = "curves:read"
    CURVES_WRITE = "curves:write"
    INGESTION_READ = "ingestion:read"
    INGESTION_WRITE = "ingestion:write"
    INGESTION_RESOLVE = "ingestion:resolve"
    INGESTION_CONFIGURE = "ingestion:configure"
    OPERATIONS_WRITE = "operations:write"
    SCENARIOS_READ = "scenarios:read"
    SCENARIOS_RUN = "scenarios:run"
    SCENARIOS_WRITE = "scenarios:write"
    SCENARIOS_DELETE = "scenarios:delete"


_EVERYTHING = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or program, within the one tenant it may see."""

    tenant: str
    name: str
    scopes: frozenset[Scope]

    def require(self, scope: Scope) -> None:
        """Raises Forbidden where the scope is missing."""
        if scope not in self.scopes:
            raise Forbidden(f"this needs the scope {scope}", scope=str(scope))


def local_principal(settings: AuthSettings, name: str) -> Principal:
    """Whoever runs Aurum's own commands on this machine."""
    return _local(settings.tenant, name)


@lru_cache(maxsize=256)
def _local(tenant: str, name: str) -> Principal:
    return Principal(tenant, name, _EVERYTHING)


def authenticate(settings: AuthSettings, client: str | None, headers: Mapping[str, str]) -> Principal:
    """The principal of a request, from the address it comes from and its headers (lower-case names).

    Until sign-in exists there is one development principal, for requests of this machine to this machine: the
    `Host` is checked so that a foreign page cannot reach it by a name of its own, the `Origin` so that it cannot post.
    """
    if not is_loopback(client):
        raise Unauthenticated(
            "only requests from this machine are accepted",
            hint="Sign-in does not exist yet: reach the server through an SSH tunnel to its loopback address.",
        )
    host = headers.get("host", "")
    if not is_loopback(_host_name(f"//{host}")):
        raise Unauthenticated("only requests to a loopback address are accepted", hint="Use 127.0.0.1 or localhost.")
    # A link that somebody follows may come from anywhere, such as Prefect's page: its answer is shown to them alone.
    followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    if headers.get("sec-fetch-site") == "cross-site" and not followed:
        raise Forbidden("pages of other sites may not use the development principal")
    origin = headers.get("origin")
    if origin is not None and not is_loopback(_host_name(origin)):
        raise Forbidden("pages of other origins may not use the development principal")
    return local_principal(settings, "developer")


@lru_cache(maxsize=256)
def _host_name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def worker_principal(tenant: str) -> Principal:
    """Whoever executes a tenant's queued runs."""
    return Principal(tenant, "worker", _EVERYTHING)
