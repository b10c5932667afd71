"""What operators configure: thresholds of the checks, and which files are expected. Each change is a new version."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from aurum.auth import Principal, Scope
from aurum.backends.database import Database
from aurum.errors import InvalidInput
from aurum.ingestion.checks import Thresholds
from aurum.ingestion.contracts import Contract
from aurum.ingestion.documents import vendor_code
from aurum.ingestion.expectations import Expectations
from aurum.ingestion.model import Policy
from aurum.ingestion.policy_store import PolicyStore
from aurum.metadata.service import MetadataService

THRESHOLDS = "thresholds"
EXPECTATIONS = "expectations"
MOST_REASON = 2_000


class Policies:
    def __init__(self, database: Database, metadata: MetadataService, clock: Callable[[], datetime]) -> None:
        self.store = PolicyStore(database)
        self.metadata = metadata
        self.clock = clock

    async def thresholds_in_force(self, principal: Principal) -> tuple[Thresholds, int]:
        """With the version that they are."""
        policy = await self.newest(principal, THRESHOLDS)
        return Thresholds.from_dict(policy.document), policy.version

    async def expectations_in_force(self, principal: Principal, at: datetime | None = None) -> Expectations:
        return Expectations.from_dict((await self.newest(principal, EXPECTATIONS, at)).document)

    async def contract_in_force(self, principal: Principal, vendor: str) -> tuple[Contract, int]:
        """Of a data set, with the version that it is; 0: nothing is promised."""
        policy = await self.newest(principal, contract_of(vendor))
        return Contract.from_dict(policy.document), policy.version

    async def contracts(self, principal: Principal) -> dict[str, Policy]:
        """By vendor: the contracts in force."""
        principal.require(Scope.INGESTION_READ)
        found = await self.store.newest_of(principal.tenant, contract_of(""))
        return {policy.name.removeprefix(contract_of("")): policy for policy in found}

    async def set_contract(
        self, principal: Principal, vendor: str, document: object, reason: str, replaces: int | None = None
    ) -> Policy:
        """For the files to come; what earlier ones made of earlier versions stays. Raises as `set_thresholds`."""
        name = contract_of(vendor_code(vendor))
        return await self._set(principal, name, Contract.from_dict(document).to_dict(), reason, replaces)

    async def newest(self, principal: Principal, name: str, at: datetime | None = None) -> Policy:
        principal.require(Scope.INGESTION_READ)
        return await self.store.newest(principal.tenant, name, at)

    async def versions(self, principal: Principal, name: str) -> list[Policy]:
        """The newest first; what Aurum ships last."""
        principal.require(Scope.INGESTION_READ)
        return await self.store.versions(principal.tenant, name)

    async def set_thresholds(
        self, principal: Principal, document: object, reason: str, replaces: int | None = None
    ) -> Policy:
        """Raises InvalidInput with the path of what is wrong, Conflict where `replaces` is not the newest version."""
        return await self._set(principal, THRESHOLDS, Thresholds.from_dict(document).to_dict(), reason, replaces)

    async def idle(self, principal: Principal, document: object) -> list[str]:
        """Curves and patterns of thresholds that fit no curve there is: not wrong, but perhaps a slip."""
        keys = await self.metadata.keys(principal)
        return Thresholds.from_dict(document).idle(keys.values())

    async def set_expectations(
        self, principal: Principal, document: object, reason: str, replaces: int | None = None
    ) -> Policy:
        return await self._set(principal, EXPECTATIONS, Expectations.from_dict(document).to_dict(), reason, replaces)

    async def _set(
        self, principal: Principal, name: str, document: dict[str, object], reason: str, replaces: int | None
    ) -> Policy:
        principal.require(Scope.INGESTION_CONFIGURE)
        said = reason_of(reason)
        async with self.store.database.write() as transaction:
            await transaction.lock(f"policy {principal.tenant} {name}")  # before the clock is read: it may be a while
            return await self.store.add(
                transaction, principal.tenant, name, document, principal.name, said, self.clock(), replaces
            )


def contract_of(vendor: str) -> str:
    """The name of its contract among the policies."""
    return f"contract {vendor}"


def reason_of(text: str) -> str:
    """Why somebody decided so; never empty."""
    if not text.strip():
        raise InvalidInput("a reason is due", hint="Say in a few words why: it is kept for good.", field="reason")
    if len(text) > MOST_REASON:
        raise InvalidInput(f"the reason has {len(text):,} characters; {MOST_REASON:,} are accepted", field="reason")
    return text.strip()
