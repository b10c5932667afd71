"""Everything that can be configured, as `AURUM_*` variables; nested with a double underscore.

`AURUM_DATABASE__URL=postgresql+asyncpg://...` sets `Settings.database.url`. Nothing set means: everything embedded,
below `AURUM_HOME` (default `var`), on loopback.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_PREFIX = "AURUM_"
OF_TESTS = {"AURUM_" + each for each in ("AUDITS", "CLIENTS", "EXAMPLES", "KILLS", "MUTANTS", "SEED", "SHARED_DATA")}
_OF_KUBERNETES = re.compile(r"\w+_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
"""It tells every container of the services beside it, and one may be called `aurum`; see `enableServiceLinks`."""
_DRIVERS = {"postgres": "postgresql+asyncpg", "postgresql": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}


class _Area(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _begins(url: SecretStr | None, schemes: AbstractSet[str], such_as: str) -> SecretStr | None:
    """The address. Raises ValueError where it has none of the schemes, without it: it may hold a password."""
    if url is not None and not url.get_secret_value().startswith(tuple(f"{scheme}://" for scheme in schemes)):
        raise ValueError(f"an address such as {such_as}")
    return url


class DatabaseSettings(_Area):
    url: SecretStr | None = Field(None, description="Default: an SQLite file in the home folder.")
    pool_size: int = Field(10, ge=1, le=200, description="Connections for reads; half as many for writes.")
    statement_timeout_seconds: float = Field(60.0, gt=0, description="PostgreSQL ends a statement after this long.")

    @field_validator("url")
    @classmethod
    def _is_of_a_known_database(cls, url: SecretStr | None) -> SecretStr | None:
        such_as = "postgresql+asyncpg://user@host/aurum or sqlite+aiosqlite:////folder/aurum.db"
        return _begins(url, {*_DRIVERS, *_DRIVERS.values()}, such_as)


class RedisSettings(_Area):
    url: SecretStr | None = Field(None, description="What processes share goes through it; without, each has its own.")

    @field_validator("url")
    @classmethod
    def _is_of_redis(cls, url: SecretStr | None) -> SecretStr | None:
        return _begins(url, {"redis", "rediss", "unix"}, "redis://host:6379/0")


class EventSettings(_Area):
    keep_days: int = Field(90, ge=1, description="Followers can come back after this long and have missed nothing.")
    poll_seconds: float = Field(0.25, gt=0, description="How soon is noticed what no bus tells of other processes.")


class ServerSettings(_Area):
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    public_url: str | None = Field(
        None, pattern="^https?://", description="Where people reach the server; messages link to it."
    )


class IngestionSettings(_Area):
    drop_folder: Path | None = Field(None, description="Default: `drop` in the home folder.")
    watch: bool = Field(False, description="Whether the server watches the drop folder.")
    lease_seconds: float = Field(30.0, gt=0, description="A run whose worker is silent for this long is taken over.")
    max_attempts: int = Field(3, ge=1, description="A run that lost its worker this often has failed.")
    four_eyes: bool = Field(False, description="Points in quarantine: what one proposes another one releases.")
    max_file_mib: int = Field(64, ge=1, description="A larger workbook is refused before it is read.")


class ScenarioSettings(_Area):
    processes: int = Field(2, ge=0, le=64, description="That compute runs beside the server, or of `aurum worker`.")
    ready: bool = Field(False, description="Whether they are started before there is a run.")
    lease_seconds: float = Field(30.0, gt=0, description="A run whose worker is silent for this long is taken over.")
    max_attempts: int = Field(3, ge=1, description="A run that lost its worker this often has failed.")
    memory_mib: int | None = Field(None, ge=256, description="That a process may take; a run that needs more fails.")


class PrefectSettings(_Area):
    api_url: str | None = Field(
        None,
        pattern="^https?://",
        description="With it, runs are Prefect flow runs; without, the server does them.",
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(4200, description="Of the embedded server of `aurum up`.")
    deployment: str = "ingest-workbook/ingest"
    scenarios: str | None = Field(
        None,
        pattern=r"^run-scenario/[^/]+$",
        description="The deployment that computes runs of scenarios, such as "
        "`run-scenario/scenarios`. Without, the server's processes do, and those of `aurum worker`.",
    )
    schedule: str | None = Field(
        None, pattern=r"^\S+( +\S+){4}$", description="When `ingest-day` starts by itself: cron text, `30 18 * * 1-5`."
    )
    time_zone: str = Field("UTC", description="Of the schedule, as an IANA name.")


class AuthSettings(_Area):
    tenant: str = Field("demo", pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", description="Of the development principal.")


class NotificationSettings(_Area):
    urls: tuple[SecretStr, ...] = Field((), description="Who is told, as Apprise addresses: a JSON list.")
    events: tuple[Literal["FAILED", "QUARANTINED", "FILE_MISSING"], ...] = ("FAILED", "QUARANTINED", "FILE_MISSING")
    give_up_hours: float = Field(24.0, gt=0, description="What cannot be delivered for this long is given up.")


class GraphQLSettings(_Area):
    max_depth: int = Field(15, ge=1)
    max_tokens: int = Field(2000, ge=1)
    max_aliases: int = Field(100, ge=1)
    max_root_fields: int = Field(50, ge=1, description="Fields of the first level, fragments written out.")
    max_directives: int = Field(100, ge=0)
    max_list_items: int = Field(1000, ge=1, description="Of a list among the arguments or the variables.")
    max_body_kib: int = Field(1024, ge=1, description="Of a request, and of a message on a WebSocket.")
    max_document_kib: int = Field(64, ge=1, description="Of the text of a document, in 1024 characters.")
    max_variables_kib: int = Field(256, ge=1)
    max_cost: int = Field(250_000, ge=1, le=2**31 - 1, description="Objects that an operation may answer.")
    cost_budget: int | None = Field(None, ge=1, le=2**31 - 1, description="What a caller may spend at once.")
    cost_per_second: float = Field(1000.0, gt=0, description="How fast a caller's budget comes back.")
    enforce_cost: bool = Field(True, description="False: what costs more is logged, and executed.")
    kept_mib: int = Field(64, ge=0, description="Kept to be answered again: of JSON, snapshots, histories, days.")
    show_cost: bool = Field(False, description="Answers have `extensions.cost`; else with `X-Show-Cost: true` only.")
    deadline_seconds: float = Field(30.0, gt=0, description="Of an operation, or an event; `X-Timeout` may shorten it.")
    body_seconds: float = Field(10.0, gt=0, description="A body may take this long, and a second more for each 16 KiB.")
    get: bool = Field(True, description="Whether queries may be asked with GET. Default: not in production.")
    introspection: bool = Field(True, description="Default: not in production.")
    suggestions: bool = Field(True, description="Of names like a misspelt one. Default: as introspection.")
    graphiql: bool = Field(True, description="Default: not in production.")
    operations: tuple[Path, ...] = Field((), description="Files and folders of registered operations: a JSON list.")
    only_registered: bool = Field(False, description="Whether nothing but registered operations is executed.")
    persisted_queries: bool = Field(True, description="Whether clients may have a document kept under its hash.")
    persisted_hours: float = Field(24.0, gt=0, description="How long it is kept after it was last asked for.")
    max_files: int = Field(10, ge=1, description="Of a multipart request.")


class SubscriptionSettings(_Area):
    keep_alive_seconds: float = Field(15.0, gt=0, description="A silent connection gets a sign of life so often.")
    send_seconds: float = Field(10.0, gt=0, description="A client that takes nothing for this long is disconnected.")
    init_seconds: float = Field(10.0, gt=0, description="A WebSocket has to begin with `connection_init` by then.")
    max_operations: int = Field(100, ge=1, description="At a time, of a WebSocket or a shared event stream.")
    max_connections: int = Field(10_000, ge=1, description="At a time, of a tenant with this process.")
    max_subscriptions: int = Field(20_000, ge=1, description="At a time, of a tenant with this process.")
    reserved_seconds: float = Field(30.0, gt=0, description="A shared event stream has to be opened by then.")
    compress: bool = Field(False, description="Messages on WebSockets, where the client offers it: for slow lines.")


class ExportSettings(_Area):
    stream_points: int = Field(200_000, ge=1, description="Of an export that is answered at once; more is a job.")
    max_points: int = Field(20_000_000, ge=1, description="Of a job.")
    max_waiting: int = Field(10, ge=1, description="Jobs of a tenant that wait or run at a time.")
    max_kept_mib: int = Field(4096, ge=1, description="Files of a tenant that are kept until they expire.")
    keep_hours: float = Field(72.0, gt=0, description="How long the file of a job is kept.")
    workers: int = Field(1, ge=0, description="Jobs that this process does at a time; 0: other processes do them.")
    lease_seconds: float = Field(30.0, gt=0, description="A job whose process is silent for this long is taken over.")
    max_attempts: int = Field(3, ge=1, description="A job that was begun so often without an end has failed.")


class RestSettings(_Area):
    problem_base: str = Field("https://api.aurum.com/problems/", description="What `type` of a problem begins with.")
    v1_deprecated_at: AwareDatetime = Field(
        datetime.fromisoformat("2026-01-01T00:00:00+00:00"), description="`Deprecation` of v1 says so."
    )
    v1_sunset_at: date | None = Field(None, description="`Sunset` of v1 says so; null: it is not sent.")
    migration_url: str = Field("/docs/rest", description="`Link` of v1 names it.")
    cursor_keys: tuple[SecretStr, ...] = Field(
        (), description="First signs, all are accepted. Default: a key made once and kept in the home folder."
    )
    vendor_order: tuple[str, ...] = Field((), description="Who answers when curves share a legacy key; then by code.")

    @model_validator(mode="after")
    def _ends_after_it_is_deprecated(self) -> Self:
        if self.v1_sunset_at is not None and self.v1_sunset_at < self.v1_deprecated_at.astimezone(UTC).date():
            raise ValueError("the sunset of v1 is before its deprecation")
        return self


@lru_cache(maxsize=256)
def is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return host is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter="__", frozen=True, extra="ignore", env_ignore_empty=True,
        hide_input_in_errors=True,
    )  # fmt: skip

    home: Path = Path("var")
    profile: Literal["development", "production"] | None = Field(
        None, description="Default: production, unless the server listens on a loopback address."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    events: EventSettings = EventSettings()
    server: ServerSettings = ServerSettings()
    ingestion: IngestionSettings = IngestionSettings()
    scenarios: ScenarioSettings = ScenarioSettings()
    prefect: PrefectSettings = PrefectSettings()
    auth: AuthSettings = AuthSettings()
    graphql: GraphQLSettings = GraphQLSettings()
    subscriptions: SubscriptionSettings = SubscriptionSettings()
    exports: ExportSettings = ExportSettings()
    rest: RestSettings = RestSettings()
    notifications: NotificationSettings = NotificationSettings()

    @model_validator(mode="before")
    @classmethod
    def _nothing_else_is_set(cls, given: Any) -> Any:
        """Else the default were taken in place of a misspelt one: another database."""
        known = variables()
        unknown = [
            name
            for name, value in os.environ.items()
            if name.upper().startswith(_PREFIX) and name.upper() not in known and value and not _of_others(name, value)
        ]
        if unknown:
            raise ValueError("; ".join(_told(name, known) for name in sorted(unknown)))
        return given

    @property
    def database_url(self) -> str:
        if self.database.url is not None:
            url = self.database.url.get_secret_value()
            scheme, separator, rest = url.partition("://")
            return f"{_DRIVERS.get(scheme, scheme)}{separator}{rest}"
        return f"sqlite+aiosqlite:///{self.home.resolve() / 'aurum.db'}"

    @property
    def production(self) -> bool:
        return self.profile == "production" or (self.profile is None and not is_loopback(self.server.host))

    @property
    def exposed(self) -> GraphQLSettings:
        """`graphql` as it is served: in production GET and what tells of the schema are off, unless switched on."""
        switches = {"introspection", "suggestions", "graphiql", "get"} if self.production else set()
        if not self.graphql.introspection:
            switches.add("suggestions")
        off = dict.fromkeys(switches - self.graphql.model_fields_set, False)
        return self.graphql.model_copy(update=off)

    @property
    def drop_folder(self) -> Path:
        return self.ingestion.drop_folder or self.home / "drop"

    @property
    def blob_folder(self) -> Path:
        return self.home / "blobs"

    @property
    def export_folder(self) -> Path:
        return self.home / "exports"


@lru_cache
def variables() -> AbstractSet[str]:
    """The name of every setting. An area is one too, as JSON."""
    names = set[str]()
    for field, about in Settings.model_fields.items():
        area, kind = f"{_PREFIX}{field.upper()}", about.annotation
        names.add(area)
        if isinstance(kind, type) and issubclass(kind, _Area):
            names |= {f"{area}__{each.upper()}" for each in kind.model_fields}
    return names


def _of_others(name: str, value: str) -> bool:
    return name in OF_TESTS or value.startswith("tcp://") or bool(_OF_KUBERNETES.fullmatch(name))


def _told(name: str, known: AbstractSet[str]) -> str:
    nearest = get_close_matches(name.upper(), sorted(known), n=1)
    return f"there is no setting {name}" + (f", did you mean {nearest[0]}?" if nearest else "")
