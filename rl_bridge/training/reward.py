"""A reward model on the `preference` rows of an export, by TRL's RewardTrainer: one number for a whole completion.

The loss is -log sigmoid(r_chosen - r_rejected - margin): the margin of Touvron et al. 2023, from the merge.
"""

from trl.trainer.reward_config import RewardConfig
from trl.trainer.reward_trainer import RewardTrainer

from rl_bridge.runs import RunSummary
from rl_bridge.training.kinds import RewardTraining
from rl_bridge.training.plan import Plan
from rl_bridge.training.session import Session


def train(plan: Plan[RewardTraining]) -> RunSummary:
    """Train a reward model and write its run folder; it lies in `model/`, adapters merged in.

    Raises `NothingToTrainOn` where no row fits, `ModelNotFound`, `RunFolderExists`.
    """
    session, settings = Session(plan), plan.settings
    columns = ["prompt", "chosen", "rejected"]
    if settings.margin and "margin" in plan.rows.table.column_names:
        columns.append("margin")
    rows, test_rows = session.prepare(columns, answers=("chosen", "rejected"))
    model = session.open_scorer()
    trainer = RewardTrainer(
        model=model,
        args=RewardConfig(
            **session.arguments(
                max_length=settings.limit_length, center_rewards_coefficient=settings.centring or None
            )
        ),
        train_dataset=rows,
        eval_dataset=test_rows,
        processing_class=session.tokenizer,
        peft_config=session.lora(model, "SEQ_CLS"),
    )
    return session.complete(
        trainer,
        title="Reward model on {base}",
        what="Gives a prompt with a completion one number, trained on the `preference` rows of an export by TRL's "
        "RewardTrainer; only differences between completions of one prompt mean something.",
    )
