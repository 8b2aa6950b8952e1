"""Items that a model could not do, one row each: views of what the chunks store, to be filtered, paged and joined like
any rows. Nothing is written here, and nothing refers to it.
"""

from django.db import models

from annotation.models.generation_batch import GenerationBatch
from annotation.models.judge import JudgeRun
from annotation.models.prompt import Prompt
from annotation.models.trace import Trace


class BatchFailure(models.Model):
    """A (prompt, sample) of a batch that made no trace."""

    id = models.BigIntegerField(primary_key=True)
    batch = models.ForeignKey(GenerationBatch, on_delete=models.DO_NOTHING, related_name="+")
    prompt = models.ForeignKey(  # None where it was deleted; `prompt_id` still says which it was
        Prompt, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    sample_index = models.IntegerField()
    reason = models.TextField()

    class Meta:
        managed = False
        db_table = "annotation_batchfailure"
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"sample {self.sample_index} of prompt {self.prompt_id} in batch {self.batch_id}"


class JudgeFailure(models.Model):
    """A trace of a judge run that got no score."""

    id = models.BigIntegerField(primary_key=True)
    run = models.ForeignKey(JudgeRun, on_delete=models.DO_NOTHING, related_name="+")
    trace = models.ForeignKey(  # None where it was deleted, as above
        Trace, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    reason = models.TextField()

    class Meta:
        managed = False
        db_table = "annotation_judgefailure"
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"trace {self.trace_id} in judge run {self.run_id}"
