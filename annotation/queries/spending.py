"""What a batch has cost so far: the tokens its model read and wrote, failures included, and their price."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum

from annotation.models import GenerationBatch

_MILLION = 1_000_000


@dataclass(frozen=True)
class Spending:
    """Tokens, and US dollars at the prices of the launch."""

    num_prompt_tokens: int
    num_tokens: int
    cost: Decimal

    @property
    def num_all_tokens(self) -> int:
        return self.num_prompt_tokens + self.num_tokens


def get_spending(batch: GenerationBatch) -> Spending:
    told = batch.chunks.aggregate(prompt=Sum("num_prompt_tokens"), own=Sum("num_tokens"))
    return price_tokens(batch, num_prompt_tokens=int(told["prompt"] or 0), num_tokens=int(told["own"] or 0))


def price_tokens(batch: GenerationBatch, *, num_prompt_tokens: int, num_tokens: int) -> Spending:
    """What so many tokens cost in this batch."""
    cost = (
        batch.price_per_million_prompt_tokens * num_prompt_tokens
        + batch.price_per_million_tokens * num_tokens
    )
    return Spending(num_prompt_tokens=num_prompt_tokens, num_tokens=num_tokens, cost=cost / _MILLION)


def find_spent_budget(batch: GenerationBatch, spending: Spending) -> str | None:
    """Which of the batch's budgets is used up, in one sentence; None while there is some left."""
    if batch.token_budget is not None and spending.num_all_tokens >= batch.token_budget:
        return f"The budget of {batch.token_budget:,} tokens is used up."
    if batch.money_budget is not None and spending.cost >= batch.money_budget:
        return f"The budget of ${batch.money_budget} is used up."
    return None
