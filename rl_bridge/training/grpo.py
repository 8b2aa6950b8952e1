"""GRPO on the `prompts` rows of an export, by TRL's GRPOTrainer (Shao et al. 2024, "DeepSeekMath", section 4).

Thin on purpose: TRL trains; this module says what is rewarded, watches for reward hacking, and gives back to people
what no reward was sure of.
"""

import importlib.util
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from datasets import Dataset
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from rl_bridge import hybrid, rewards, runs
from rl_bridge.data import Prompt
from rl_bridge.errors import BridgeError
from rl_bridge.prm import TraceToScore, pad_token_of
from rl_bridge.reward_model import load_reward_model, score_completions
from rl_bridge.rewards import RewardFunction
from rl_bridge.rollouts import Keeper, Rollout, return_rollouts, write_rollouts
from rl_bridge.token_prm import AnyPrm, load_any_prm, score_all
from rl_bridge.training.guards import Alarm, Limits
from rl_bridge.training.judges import count_window, list_cautions, weigh_judge
from rl_bridge.training.kept import KeeperCheckpoint, gather_kept
from rl_bridge.training.kinds import GrpoTraining
from rl_bridge.training.plan import Plan
from rl_bridge.training.rows import render_prompts
from rl_bridge.training.session import Session, read_log

_ASKED = "asked"
"""The column that keeps a prompt as it was exported: judges put it into a template of their own."""


class BadJudge(BridgeError):
    """The held-out judge is the one that rewards."""


def train(plan: Plan[GrpoTraining]) -> runs.RunSummary:
    """Train a policy and write its run folder; the policy lies in `model/`, adapters merged in.

    An alarm ends the run early and is the first of its warnings. The most doubtful roll-outs lie in `rollouts.jsonl`,
    and with `return_to` they go to that project's queue. Raises `NothingToTrainOn`, `ModelNotFound`, `NotAPrm`,
    `NotARewardModel`, `NoEvidence`, `BadJudge`, `RunFolderExists`.
    """
    settings = plan.settings
    session, keeper = Session(plan), Keeper(settings.return_at_most)
    functions, parts = build_rewards(plan, keeper)
    model = session.open_policy()
    session.tokenizer.pad_token_id = pad_token_of(session.tokenizer)
    limits = Limits(
        kl=settings.alarm_kl,
        divergence=settings.alarm_divergence,
        growth=settings.alarm_growth,
        degenerate=settings.alarm_degenerate,
        window=count_window(settings),
    )
    session.warnings += list_cautions(settings, plan.export, plan.steps)
    alarm = Alarm(limits)
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=functions,
        args=GRPOConfig(**session.arguments(**_own_arguments(settings, len(functions)))),
        train_dataset=Dataset(_prepare(session)),
        processing_class=session.tokenizer,
        peft_config=session.lora(model),
        callbacks=[alarm, KeeperCheckpoint(keeper)],
    )
    session.train(trainer)
    if alarm.sentence:
        session.warnings.insert(0, alarm.sentence)
    session.save_model(trainer)
    metrics = read_log(trainer.state.log_history) | read_course(trainer.state.log_history)
    metrics |= {f"weight_{part.name}": part.weight for part in parts}
    metrics["was_stopped"] = float(bool(alarm.sentence))
    kept = gather_kept(keeper)
    if runs.is_first_process():
        session.warnings += _give_back(settings, kept)
    return session.finish(
        trainer,
        title="{base} after GRPO",
        what=f"A policy trained on an export's `prompts` rows by TRL's GRPOTrainer, {settings.reward} reward: "
        + "; ".join(f"`{part.name}` weighs {part.weight:.2f} ({part.why})" for part in parts)
        + ".",
        metrics=metrics,
    )


def build_rewards(plan: Plan[GrpoTraining], keeper: Keeper) -> tuple[list[Any], list[hybrid.WeightedReward]]:
    """The reward that trains, and behind it, weighted 0, the held-out judge that is watched; and the first one's parts.

    Raises `NotAPrm`, `NotARewardModel`, `NoEvidence`, `BadJudge`.
    """
    settings = plan.settings
    outcome: Any = rewards.outcome_reward  # takes columns by name that every row of `prompts` has
    parts = [hybrid.WeightedReward("outcome_reward", outcome, 1.0, "the reference answer")]
    rewarding: AnyPrm | None = None
    if settings.prm:
        rewarding = load_any_prm(settings.prm)
        behind = weigh_judge(settings.prm, plan.export, "stepwise")[0]
        reward = read_asked(make_process_reward(rewarding))
        skill = hybrid.read_skill(settings.prm)
        parts.append(hybrid.weigh_learned("process_reward", reward, behind=behind, skill=skill))
    if settings.reward_model:
        opened = load_reward_model(settings.reward_model)
        preference = rewards.make_preference_reward(
            score_completions=lambda pairs: score_completions(opened, pairs)
        )
        behind = weigh_judge(settings.reward_model, plan.export, "preference")[0]
        skill = hybrid.read_skill(settings.reward_model, hybrid.REWARD_FIGURE)
        parts.append(
            hybrid.weigh_learned("preference_reward", read_asked(preference), behind=behind, skill=skill)
        )
    if settings.reward == "hybrid":
        form = rewards.format_reward
        parts.append(hybrid.WeightedReward("format_reward", form, hybrid.FORMAT_WEIGHT, "a rule"))
    functions: list[Any] = [hybrid.make_hybrid_reward(parts, observe=keeper.see)]
    if settings.held_out_prm:
        held_out = load_any_prm(settings.held_out_prm)
        if rewarding is not None and held_out.revision == rewarding.revision:
            raise BadJudge("held-out-prm has the weights of prm: a judge that rewards can't watch.")
        watched = read_asked(make_process_reward(held_out))
        watched.__name__ = "held_out"
        functions.append(watched)
    return functions, parts


def make_process_reward(prm: AnyPrm) -> RewardFunction:
    """The lowest step score of a process reward model; None where a completion is empty or too long for it."""

    def process_reward(prompts: Sequence[Prompt], completions: Any, **columns: Any) -> list[float | None]:
        texts = [rewards.read_text(completion) for completion in completions]
        filled = [i for i, text in enumerate(texts) if text.strip()]
        traces = [TraceToScore(prompts[i], tuple(rewards.cut_lines(texts[i]))) for i in filled]
        found: list[float | None] = [None] * len(texts)
        for i, scores in zip(filled, score_all(prm, traces), strict=True):
            found[i] = None if scores is None else min(scores)
        return found

    return process_reward


def read_asked(reward: RewardFunction) -> RewardFunction:
    """The same reward, shown prompts as they were exported instead of in the policy's template."""

    def asked(prompts: Sequence[Prompt], completions: Any, **columns: Any) -> list[float | None]:
        return reward(prompts=columns.get(_ASKED, prompts), completions=completions, **columns)

    asked.__name__ = reward.__name__
    return asked


def read_course(log: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The reward and what watched over it, as means of the first and the last tenth of the steps."""
    steps = [entry for entry in log if "reward" in entry]
    tenth = max(1, len(steps) // 10)
    course: dict[str, float] = {}
    for name in ("reward", "kl", "rewards/held_out/mean", "completions/mean_length", "hybrid/process_reward"):
        for words, part in (("first", steps[:tenth]), ("last", steps[-tenth:])):
            known = [float(entry[name]) for entry in part if name in entry]
            if known:
                course[f"{name.replace('/', '_')}_{words}"] = sum(known) / len(known)
    return course


def _prepare(session: Session) -> pa.Table:
    """The prompts that fit beside a whole completion, in an order drawn by the seed. Raises `NothingToTrainOn`."""
    settings: Any = session.settings
    table = session.plan.rows.table.select(["prompt", "ground_truth", "verifier", "prompt_id"])
    table = table.append_column(_ASKED, table["prompt"])
    decided = [bool(name) for name in table["verifier"].to_pylist()]
    if settings.reward == "outcome":
        table = table.filter(pa.array(decided))
    table = render_prompts(table, session.tokenizer)
    room = settings.limit_length - settings.max_new_tokens
    kept = [
        place
        for place, prompt in enumerate(table["prompt"].to_pylist())
        if _count_tokens(session, prompt) <= room
    ]
    if not kept:
        raise runs.NothingToTrainOn(
            f"No prompt is left to train on: none fits {max(0, room)} tokens beside {settings.max_new_tokens} new ones."
        )
    if lost := table.num_rows - len(kept):
        session.warnings.append(f"{lost} of {table.num_rows} prompts left out: they exceed {room} tokens.")
    order = torch.randperm(len(kept), generator=torch.Generator().manual_seed(settings.seed))
    return table.take([kept[place] for place in order.tolist()])


def _count_tokens(session: Session, prompt: Prompt) -> int:
    text: Any = prompt
    if not isinstance(prompt, str):
        text = session.tokenizer.apply_chat_template(text, tokenize=False, add_generation_prompt=True)
    return len(session.tokenizer(text).input_ids)


def _own_arguments(settings: GrpoTraining, num_rewards: int) -> dict[str, Any]:
    draws_by_vllm = torch.cuda.is_available() and importlib.util.find_spec("vllm") is not None
    return {
        "num_generations": settings.num_generations,
        # TRL's own order is drawn anew in each epoch by a generator that no checkpoint keeps, so that a resumed run
        # would be shown other prompts than one that was not interrupted.
        "shuffle_dataset": False,
        "max_completion_length": settings.max_new_tokens,
        "temperature": settings.temperature,
        "beta": settings.beta,
        "scale_rewards": settings.scale_rewards,
        "reward_weights": [1.0] + [0.0] * (num_rewards - 1),
        "use_vllm": draws_by_vllm if settings.use_vllm is None else settings.use_vllm,
    }


def _give_back(settings: GrpoTraining, kept: Sequence[Rollout]) -> list[str]:
    """Write the doubtful roll-outs and send them where they are wanted; what goes wrong there is a warning, since they
    can be sent again."""
    write_rollouts(Path(settings.output), kept)
    if not settings.return_to:
        return []
    try:
        num_new = return_rollouts(
            settings.return_to, kept, run=Path(settings.output).name, allows_http=settings.allow_http
        )
    except BridgeError as error:
        words = ["--run", str(settings.output), "--to", settings.return_to]
        again = shlex.join([*words, *(["--allow-http"] if settings.allow_http else [])])
        return [
            f"{len(kept)} roll-outs could not be returned: {error} Again: python -m rl_bridge return {again}"
        ]
    return [f"{num_new} of {len(kept)} roll-outs are new in the queue of {settings.return_to}."]
