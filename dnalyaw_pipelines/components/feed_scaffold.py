"""What ``dg scaffold defs dnalyaw_pipelines.components.Feed PATH`` writes: a feed that loads, with every field told."""

from __future__ import annotations

import dagster as dg
from pydantic import BaseModel, Field

from dnalyaw_pipelines.feed_spec import FeedError

TEMPLATE = """\
{start}type: {type_name}
attributes:
  region: {region}  # US, HK or CN
  feed: {feed}  # published as {lower}/{feed}; lower case letters, digits and _
  schema: {schema}  # which table of docs/contracts.md its rows are: {tables}
{provider}
  # Labels, patterns or names of series; what is not asked for is left out and counted. Without the field: everything.
  # instruments: [AAPL.NASDAQ, "*.NYSE"]

  # Ingests every session by itself once switched on in the UI. Or `cron: "30 18 * * 1-5"` with `timezone:`.
  schedule:
    after_close: 90m

  # Every rule of the table judges the feed (docs/gates.md). One is left out, or has another severity, with a reason:
  # gates:
  #   leave_out:
  #     duplicate: why this feed may repeat rows
  # severity:
  #   empty: {{level: warn, reason: why an empty delivery is no fault here}}

  # A second provider of the same rows, for the rules that compare vendors.
  # compare_with: csvdir:OTHER_DIR

  retries: {{times: 3, wait_s: 30}}  # the wait doubles
  owners: [{owner}]  # who is asked when it is blocked
"""
PROVIDER = """\
  provider: {provider}  # as `dnalyaw run --data` takes it; `{{{{ env.NAME }}}}` reads a variable, which must be set"""
NO_PROVIDER = """\
  # Without the field the home's own provider is asked. `{{ env.NAME }}` reads a variable, which must be set.
  # provider: csvdir:DIR"""


class FeedParams(BaseModel):
    """Options of the command, or of ``--json-params``."""

    region: str = Field(default="US", description="US, HK or CN")
    feed: str | None = Field(default=None, description="The feed's name; the folder's name when left out")
    schema_: str | None = Field(
        default=None,
        alias="schema",
        description="The contract's table; the feed's name if it is one, else bars",
    )
    provider: str | None = Field(default=None, description="As `dnalyaw run --data` takes it")
    owner: str = Field(default="team:data", description="Who is asked when it is blocked")


class FeedScaffolder(dg.Scaffolder[FeedParams]):
    """Writes a feed's ``defs.yaml`` with comments; the default would write ``attributes: {}``."""

    @classmethod
    def get_scaffold_params(cls) -> type[FeedParams]:
        """The command's options."""
        return FeedParams

    def scaffold(self, request: dg.ScaffoldRequest[FeedParams]) -> None:
        """Write the file, or add to it."""
        from dnalyaw.market import FEEDS

        if request.scaffold_format != "yaml":
            raise FeedError("a feed is YAML: leave --format out")
        params = request.params
        feed = params.feed or request.target_path.name.lower().replace("-", "_")
        provider = NO_PROVIDER if params.provider is None else PROVIDER.format(provider=params.provider)
        text = TEMPLATE.format(
            start="---\n" if request.append else "",
            type_name=request.type_name,
            region=params.region,
            lower=params.region.lower(),
            feed=feed,
            schema=params.schema_ or (feed if feed in FEEDS else "bars"),
            tables=", ".join(FEEDS),
            provider=provider,
            owner=params.owner,
        )
        with (request.target_path / "defs.yaml").open("a" if request.append else "w") as file:
            file.write(text)
