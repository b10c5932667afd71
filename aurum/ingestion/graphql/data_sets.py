"""Data sets: who answers for them, what they hold, how fresh, complete and good they are, and what is promised."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

import strawberry

from aurum.curves.graphql.arguments import KnownAt, instant_of
from aurum.errors import Conflict, InvalidInput
from aurum.graphql.connections import After, Before, Connection, First, Last, connection, page_request
from aurum.graphql.sizes import PAGED, sized, sizing
from aurum.ingestion import data_sets, model
from aurum.ingestion.graphql.findings import Info
from aurum.ingestion.graphql.lineage import Lineage, lineage_of
from aurum.ingestion.graphql.policies import FileDelivery, Policy, SetPolicyInput, delivery_of, policy_of
from aurum.ingestion.graphql.runs import IngestionRun, SourceFile, file_of, run_of
from aurum.ingestion.policies import contract_of
from aurum.metadata import model as metadata
from aurum.metadata.graphql import DimensionValues, Problem, chosen_dimensions, dimension_values_of, problem_of
from aurum.metadata.model import Dimension
from aurum.metadata.service import MOST_VALUES

StoodAt = Annotated[
    datetime | None,
    strawberry.argument(description="How it stood at this instant, by what had been received by then; null: now."),
]
_MOST = 100
_MOST_LINEAGE = 200


@strawberry.type(description="A column of the points.")
class DataSetColumn:
    name: str = strawberry.field(description="As a point has it.")
    type: str = strawberry.field(description="Its type in this schema.")
    description: str = strawberry.field(description="What it says, with its unit.")


@strawberry.type(description="What a data set holds: as far as its curves tell, for each snapshot of each of them.")
class DataSetSchema:
    curve_count: int = strawberry.field(description="How many curves.")
    columns: list[DataSetColumn] = strawberry.field(description="What each point has.", directives=[sized(8)])
    values: strawberry.Private[Sequence[metadata.DimensionValue]]

    @strawberry.field(
        description="The values of its dimensions, currencies and units among them, with the number of curves.",
        directives=[sizing(12, ["limit"], "values")],
    )
    def dimensions(
        self,
        names: Annotated[list[Dimension] | None, strawberry.argument(description="Which; null: all.")] = None,
        limit: Annotated[int, strawberry.argument(description="At most so many values of each, 0 to 1000.")] = 50,
    ) -> list[DimensionValues]:
        chosen = chosen_dimensions(names, limit, MOST_VALUES)
        found = dimension_values_of(chosen, self.values)
        return [DimensionValues(dimension=each.dimension, values=each.values[:limit]) for each in found]


_COLUMNS = [
    DataSetColumn(name=name, type=kind, description=text)
    for name, kind, text in (
        ("tenor", "String!", "The period's label in the vendor's spelling."),
        ("tenorType", "TenorType!", "What kind of period it is."),
        ("deliveryStart", "Date!", "The first day of delivery."),
        ("deliveryEnd", "Date!", "The day after the last."),
        (
            "mid",
            "Float",
            "Between bid and ask, in the curve's currency for one of its unit; null: not quoted or served.",
        ),
        ("bid", "Float", "What buyers offer, in the same unit."),
        ("ask", "Float", "What sellers ask, in the same unit."),
    )
]


@strawberry.type(description="How new a data set is, and whether a file is late.")
class DataSetFreshness:
    newest_as_of: date | None = strawberry.field(description="The last as-of date that is loaded; null: none is.")
    published_at: datetime | None = strawberry.field(description="When its prices became known (UTC).")
    received_at: datetime | None = strawberry.field(description="When Aurum received its file (UTC).")
    newest_file: SourceFile | None = strawberry.field(description="Its file.")
    expected: FileDelivery | None = strawberry.field(
        description="The newest file that is, or was, expected within the last 30 days; null where none is."
    )
    late: bool | None = strawberry.field(
        description="Whether a file after the newest one is missing; null where nothing is expected of the vendor."
    )
    missing: list[FileDelivery] = strawberry.field(
        description="The files after the newest one that are missing.", directives=[sized(5)]
    )


@strawberry.type(description="How many of the files due within the last 30 days have come.")
class DataSetCompleteness:
    expected: int = strawberry.field(description="How many were due.")
    came: int = strawberry.field(description="How many of them have come, in time or late.")
    share: float | None = strawberry.field(description="The one in the other, 0 to 1; null where none was due.")


@strawberry.type(description="What one load made of one promise.")
class ContractCheck:
    promise: str = strawberry.field(description="Its name in the contract.")
    promised: str = strawberry.field(description="What was promised.")
    found: str = strawberry.field(description="What the file had.")
    kept: bool | None = strawberry.field(description="Whether it was kept; null where there was nothing to tell it by.")
    as_of: date = strawberry.field(description="Of the file.")
    contract_version: int = strawberry.field(description="Which version of the contract it was checked with.")
    checked_at: datetime = strawberry.field(description="When (UTC).")
    run_id: strawberry.Private[int]

    @strawberry.field(description="The load.")
    async def run(self, info: Info) -> IngestionRun | None:
        found = await info.context.load(info.context.ingestion.runs, self.run_id)
        return None if found is None else run_of(found)


@strawberry.type(description="The curves of one vendor's files, and what is known and promised of them.")
class DataSet:
    key: str = strawberry.field(description="The vendor's code, such as `EUGP`.")
    owner: str | None = strawberry.field(description="Who answers for it; null: nobody has said.")
    description: str | None = strawberry.field(description="What it is; null: nobody has said.")
    licence: str | None = strawberry.field(description="What may be done with it; null: nobody has said.")
    contract: Policy | None = strawberry.field(description="What is promised: the version in force; null: nothing is.")

    @strawberry.field(description="Every version of the contract, the newest first.", directives=[sized(20)])
    async def contract_versions(self, info: Info) -> list[Policy]:
        found = await info.context.ingestion.policies.versions(info.context.principal, contract_of(self.key))
        return [policy_of(policy) for policy in found if policy.version]

    @strawberry.field(
        description="What the last five loads that were checked made of the promises, the newest first.",
        directives=[sized(20)],
    )
    async def contract_checks(
        self, info: Info,
        broken: Annotated[bool, strawberry.argument(description="Only promises that were broken.")] = False,
    ) -> list[ContractCheck]:  # fmt: skip
        found = await info.context.load(info.context.ingestion.data_sets.contract_checks, self.key)
        return [_check_of(each) for each in found or () if not broken or each.checked.kept is False]

    @strawberry.field(description="What it holds.", name="schema")
    async def schema_(self, info: Info) -> DataSetSchema:
        count, values = await info.context.load(info.context.ingestion.data_sets.holds, self.key) or (0, [])
        return DataSetSchema(curve_count=count, columns=_COLUMNS, values=values)

    @strawberry.field(description="How new it is.")
    async def freshness(self, info: Info, known_at: StoodAt = None) -> DataSetFreshness:
        data_sets_, instant = info.context.ingestion.data_sets, instant_of(known_at)
        found = await info.context.load(data_sets_.freshness, self.key, known_at=instant)
        return _freshness_of(found or data_sets.Freshness(None, None, None))

    @strawberry.field(description="How complete it is.")
    async def completeness(self, info: Info, known_at: StoodAt = None) -> DataSetCompleteness:
        data_sets_, instant = info.context.ingestion.data_sets, instant_of(known_at)
        found = await info.context.load(data_sets_.completed, self.key, known_at=instant)
        found = found or data_sets.Completed(0, 0)
        return DataSetCompleteness(expected=found.expected, came=found.came, share=found.share)

    @strawberry.field(
        description="How good its last 20 files that were checked are, 0 to 1: the mean of 0 for a refused file, else "
        "(points served / points) x (1 - min(1, warnings / curves) / 2). Null where none was checked."
    )
    async def quality_score(self, info: Info, known_at: StoodAt = None) -> float | None:
        return (await self._quality(info, known_at)).score

    @strawberry.field(description="How many files `qualityScore` is of.")
    async def quality_file_count(self, info: Info, known_at: StoodAt = None) -> int:
        return (await self._quality(info, known_at)).files

    async def _quality(self, info: Info, known_at: datetime | None) -> data_sets.Quality:
        data_sets_, instant = info.context.ingestion.data_sets, instant_of(known_at)
        found = await info.context.load(data_sets_.quality, self.key, known_at=instant)
        return found or data_sets.Quality(None, 0)

    @strawberry.field(description="Where its curves come from, and what is taken against them.")
    async def lineage(
        self, info: Info, known_at: KnownAt = None,
        first: Annotated[int, strawberry.argument(description="Of so many curves, by key; 1 to 200.")] = 50,
    ) -> Lineage:  # fmt: skip
        if not 1 <= first <= _MOST_LINEAGE:
            raise InvalidInput(f"1 to {_MOST_LINEAGE} curves", field="first")
        context = info.context
        found = await context.ingestion.data_sets.lineage(context.principal, self.key, first, instant_of(known_at))
        return lineage_of(found)


@strawberry.type(description="A page of data sets.")
class DataSetConnection(Connection[DataSet]):
    pass


@strawberry.input(description="A data set's contract, changed.")
class SetDataSetContractInput(SetPolicyInput):
    key: str = strawberry.field(description="The vendor's code.")


@strawberry.type(description="The new version, or what was wrong.")
class SetDataSetContractPayload:
    contract: Policy | None = strawberry.field(description="Null where there are problems.")
    problems: list[Problem] = strawberry.field(description="Empty where it worked.", directives=[sized(1)])


@strawberry.type
class DataSetQuery:
    @strawberry.field(
        description="Data sets, by key: the vendors that have curves, a loaded file or a contract. "
        f"At most {_MOST} at once.",
        directives=[PAGED],
    )
    async def data_sets(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> DataSetConnection:
        request = page_request("dataSets", first, after, last, before, most=_MOST)
        page = await info.context.ingestion.data_sets.page(info.context.principal, request)
        return connection(DataSetConnection, "dataSets", page, _data_set_of)

    @strawberry.field(description="One data set by its key, in any case; null where there is none.")
    async def data_set(
        self, info: Info, key: Annotated[str, strawberry.argument(description="The vendor's code.")]
    ) -> DataSet | None:
        found = await info.context.ingestion.data_sets.one(info.context.principal, key)
        return None if found is None else _data_set_of(found)


@strawberry.type
class DataSetMutation:
    @strawberry.mutation(description="Says who answers for a data set and what is promised: a new version.")
    async def set_data_set_contract(
        self, info: Info,
        input: Annotated[SetDataSetContractInput, strawberry.argument(description="The document, and why.")],
    ) -> SetDataSetContractPayload:  # fmt: skip
        policies = info.context.ingestion.policies
        try:
            policy = await policies.set_contract(
                info.context.principal, input.key, input.document, input.reason, input.replaces
            )
        except (Conflict, InvalidInput) as error:
            return SetDataSetContractPayload(contract=None, problems=[problem_of(error)])
        return SetDataSetContractPayload(contract=policy_of(policy), problems=[])


def _data_set_of(found: data_sets.DataSet) -> DataSet:
    contract = found.contract
    return DataSet(
        key=found.key, owner=contract.owner, description=contract.description, licence=contract.licence,
        contract=None if found.policy is None else policy_of(found.policy),
    )  # fmt: skip


def _freshness_of(found: data_sets.Freshness) -> DataSetFreshness:
    newest = found.newest
    return DataSetFreshness(
        newest_as_of=None if newest is None else newest.as_of,
        published_at=None if newest is None else newest.published_at,
        received_at=None if newest is None else newest.received_at,
        newest_file=None if newest is None else file_of(newest),
        expected=None if found.expected is None else delivery_of(found.expected),
        late=None if found.missing is None else bool(found.missing),
        missing=[delivery_of(each) for each in found.missing or ()],
    )


def _check_of(found: model.ContractCheck) -> ContractCheck:
    checked = found.checked
    return ContractCheck(
        promise=checked.promise, promised=checked.promised, found=checked.found, kept=checked.kept, as_of=found.as_of,
        contract_version=found.contract_version, checked_at=found.checked_at, run_id=found.run_id,
    )  # fmt: skip
