"""Supervised fine-tuning on the `sft` rows of an export, by TRL's SFTTrainer; the loss is on completions alone."""

from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from rl_bridge.runs import RunSummary
from rl_bridge.training.kinds import SftTraining
from rl_bridge.training.plan import Plan
from rl_bridge.training.session import Session


def train(plan: Plan[SftTraining]) -> RunSummary:
    """Train a policy and write its run folder; the policy lies in `model/`, adapters merged in.

    Raises `NothingToTrainOn` where no row fits, `ModelNotFound`, `RunFolderExists`.
    """
    session, settings = Session(plan), plan.settings
    rows, test_rows = session.prepare(["prompt", "completion"], answers=["completion"])
    model = session.open_policy()
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            **session.arguments(
                max_length=settings.limit_length, packing=settings.packing, eval_packing=False
            )
        ),
        train_dataset=rows,
        eval_dataset=test_rows,
        processing_class=session.tokenizer,
        peft_config=session.lora(model),
    )
    return session.complete(
        trainer,
        title="{base} after supervised fine-tuning",
        what="A policy trained on the `sft` rows of an export, by TRL's SFTTrainer.",
    )
