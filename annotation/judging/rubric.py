"""The rubric judge: has a chat model write a critique and a verdict for each step.

A verdict of correct, unsure or incorrect counts as 0.95, 0.5 or 0.05; how far that can be trusted is for the merge to
find out. The idea of verbal critiques as process labels: Zheng et al. 2024 (ProcessBench's critic models).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from annotation.generation.backend import Backend, Completion, GenerationRequest, Refusal, Sampling
from annotation.judging.judge import JudgedTrace, NoOpinion, Opinion, never
from annotation.judging.rubric_answers import Malformed, read_critiques
from annotation.rules.rubrics import check_rubric

MOST_REPEATS = 2  # how often an answer that can't be read is asked for again
_REPEAT_TEMPERATURE = 0.7  # at 0 it would give the same answer again


class RubricJudge:
    """Implements `Judge` by any backend. `rubric` is a text with {problem}, {steps} and perhaps {reference}.

    Raises rules.rubrics.BadRubric where it can't be filled.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        rubric: str,
        max_new_tokens: int = 4096,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> None:
        check_rubric(rubric)
        self._backend = backend
        self._rubric = rubric
        self._max_new_tokens, self._temperature, self._seed = max_new_tokens, temperature, seed

    def score(
        self, traces: Sequence[JudgedTrace], should_stop: Callable[[], bool] = never
    ) -> list[Opinion | NoOpinion]:
        """All traces are asked about together, and those together again whose answer could not be read."""
        opinions: dict[int, Opinion | NoOpinion] = {}
        faults: dict[int, str] = {}
        for attempt in range(1 + MOST_REPEATS):
            open_ones = [index for index in range(len(traces)) if index not in opinions]
            if not open_ones:
                break
            requests = [
                GenerationRequest(self._fill(traces[index], faults.get(index, ""))) for index in open_ones
            ]
            results = self._backend.generate(requests, self._draw(attempt), should_stop)
            for index, result in zip(open_ones, results, strict=True):
                try:
                    opinions[index] = _read(result, num_steps=len(traces[index].steps))
                except Malformed as error:
                    faults[index] = str(error)
        return [
            opinions.get(index) or _make_unreadable(trace, faults[index])
            for index, trace in enumerate(traces)
        ]

    def _draw(self, attempt: int) -> Sampling:
        return Sampling(
            temperature=max(self._temperature, _REPEAT_TEMPERATURE) if attempt else self._temperature,
            top_p=1.0,
            max_new_tokens=self._max_new_tokens,
            seed=self._seed + attempt,
        )

    def _fill(self, trace: JudgedTrace, fault: str) -> str:
        reference = f"\nReference answer: {trace.reference_answer}\n" if trace.reference_answer else ""
        steps = "\n".join(
            f'<step number="{number}">\n{_disarm(step)}\n</step>'
            for number, step in enumerate(trace.steps, start=1)
        )
        before, _, after = self._rubric.partition("{steps}")
        opening, _, closing = before.replace("{reference}", reference).partition("{problem}")
        asked = f"{opening}{trace.problem}{closing}{steps}{after}"
        if fault:
            asked += f"\n\nYour last answer could not be read: {fault}. Answer with the JSON alone."
        return asked


def _disarm(step: str) -> str:
    """A step can't close its own tag and go on as somebody else."""
    return step.replace("</step", "< /step").replace("<step", "< step")


def _read(result: Completion | Refusal, *, num_steps: int) -> Opinion | NoOpinion:
    if isinstance(result, Refusal):
        return NoOpinion(result.reason)
    critiques = read_critiques(result.text, num_steps=num_steps)
    return Opinion(
        probabilities=tuple(critique.probability for critique in critiques),
        rationales=tuple(critique.text for critique in critiques),
    )


def _make_unreadable(trace: JudgedTrace, fault: str) -> Opinion:
    return Opinion(
        probabilities=(None,) * len(trace.steps),
        fault=f"Unreadable: asked {1 + MOST_REPEATS} times, and in the last answer {fault}.",
    )
