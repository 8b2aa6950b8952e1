"""How much of everything one loop takes: `full` is meant for two cores alone, `quick` for a busy machine, `gpu` for a
GPU with the shipped model. `small` is for a test of the way through it all, and says nothing about models.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """`model` "" trains the first policy from scratch; else it is that model. Counts of rows, steps and tokens.

    `bare_share` of the problems of its last `bare_steps` come with the right answer and no work.
    """

    model: str = ""
    width: int = 128
    layers: int = 4
    pretrain_problems: int = 20_000
    pretrain_steps: int = 1_800
    pretrain_batch: int = 32
    pretrain_rate: float = 2e-3
    bare_share: float = 0.4
    bare_steps: int = 150
    bare_rate: float = 2e-4
    terms: tuple[int, int] = (3, 4)
    digits: int = 2
    prompts: int = 2_000
    traced: int = 260
    candidates: int = 3
    rated: int = 780
    raters_a_trace: int = 3
    rollouts: int = 2
    held_out: int = 200
    prm_steps: int = 250
    prm_rate: float = 5e-4
    sft_steps: int = 40
    sft_rate: float = 5e-5
    grpo_steps: int = 32
    grpo_rate: float = 5e-5
    grpo_prompts: int = 16
    max_new_tokens: int = 64
    lora_rank: int = 0


SIZES = {
    "full": Size(),
    "quick": Size(
        layers=3,
        pretrain_steps=900,
        bare_steps=60,
        terms=(3, 3),
        prompts=1_500,
        traced=120,
        rated=150,
        held_out=80,
        prm_steps=200,
        sft_steps=40,
        grpo_steps=60,
        grpo_prompts=16,
        max_new_tokens=48,
    ),
    "small": Size(
        width=64,
        layers=2,
        pretrain_problems=400,
        pretrain_steps=60,
        bare_steps=4,
        prompts=36,
        traced=36,
        candidates=2,
        rated=36,
        rollouts=2,
        held_out=12,
        prm_steps=4,
        sft_steps=2,
        grpo_steps=2,
        grpo_prompts=2,
        max_new_tokens=48,
    ),
    "gpu": Size(
        model="shipped",
        prompts=4_000,
        traced=1_000,
        candidates=8,
        rated=1_000,
        rollouts=8,
        held_out=400,
        prm_steps=600,
        prm_rate=5e-5,
        sft_steps=200,
        grpo_steps=400,
        grpo_rate=2e-5,
        grpo_prompts=16,
        max_new_tokens=128,
        lora_rank=16,
    ),
}
