"""What a preview says beside its counts: what would give more rows, and where counts of other projects come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from annotation.merging.data import MergePolicy
from annotation.models import MergeRun, Project
from annotation.queries.merge_runs import policy_of
from exports.candidates import PAIR_FORMATS, TRACE_FORMATS
from exports.policy import ExportPolicy
from exports.tally import ConfigTally

_MADE_OF = (("traces", TRACE_FORMATS), ("pairs", PAIR_FORMATS))


def hint_at_more(tallies: Mapping[str, ConfigTally], policy: ExportPolicy) -> Iterator[str]:
    """What would give more rows, or any to train on."""
    few = {
        noun: max(tallies[config].dropped["too_few_raters"] for config in made_of if config in tallies)
        for noun, made_of in _MADE_OF
        if tallies.keys() & made_of.keys()
    }
    if (noun := next((noun for noun, num in few.items() if num), None)) and policy.minimum_raters > 1:
        yield (
            f"{few[noun]} {noun} have fewer than {policy.minimum_raters} blind raters. Asking for fewer takes more of "
            f"them, on weaker evidence."
        )
    untrained = [config for config, tally in tallies.items() if tally.num_rows and not tally.rows["train"]]
    if untrained:
        yield (
            f"{', '.join(untrained)} would have no training rows: every prompt fell into validation or test. Choose "
            f"smaller shares or another seed."
        )


def hint_at_other(project: Project, run: MergeRun | None, merge_policy: MergePolicy) -> str:
    """What to know of the counts of a further project; nothing where they are as good as one's own."""
    if run is None:
        return f"{project.name} has no merge yet, so its labels are not counted; starting the export merges it first."
    if other := name_other_policy(run, merge_policy):
        return (
            f"{project.name} is counted from its merge by {other}; starting the export merges it by "
            f"{merge_policy.words} first."
        )
    return ""


def name_other_policy(run: MergeRun, merge_policy: MergePolicy) -> str:
    """The policy of a run, where it is another one than this."""
    return found.words if (found := policy_of(run)) != merge_policy else ""
