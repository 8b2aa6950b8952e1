"""Direct preference optimisation on the `preference` or `step_preference` rows of an export, by TRL's DPOTrainer.

Thin on purpose: TRL trains (Rafailov et al. 2023); this module checks the export, names the run and saves the result.
"""

from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from rl_bridge.runs import RunSummary
from rl_bridge.training.kinds import DpoTraining
from rl_bridge.training.plan import Plan
from rl_bridge.training.session import Session

_COLUMNS = ("prompt", "chosen", "rejected")  # DPO has no use for the margin: it is the reward model's


def train(plan: Plan[DpoTraining]) -> RunSummary:
    """Train a policy on preferences and write its run folder; the policy lies in `model/`, adapters merged in.

    Raises `NothingToTrainOn` where no row fits, `ModelNotFound`, `RunFolderExists`.
    """
    session, settings = Session(plan), plan.settings
    # Prompts of single steps end in the steps shared, in the policy's template already.
    rows, test_rows = session.prepare(
        _COLUMNS, answers=("chosen", "rejected"), renders=settings.dataset == "preference"
    )
    model = session.open_policy()
    trainer = DPOTrainer(
        model=model,
        args=DPOConfig(**session.arguments(max_length=settings.limit_length, beta=settings.beta)),
        train_dataset=rows,
        eval_dataset=test_rows,
        processing_class=session.tokenizer,
        peft_config=session.lora(model),
    )
    return session.complete(
        trainer,
        title="{base} after DPO",
        what=f"A policy trained on the `{settings.dataset}` rows of an export, by TRL's DPOTrainer.",
    )
