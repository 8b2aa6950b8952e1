"""The likelihood judge: asks a language model whether a step is correct, and reads the answer off its logits.

A step's probability is P("yes") / (P("yes") + P("no")) for the first token of the answer. A trace takes one forward
pass, not one a step (`packing`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from annotation.judging.judge import JudgedTrace, NoOpinion, Opinion, never
from annotation.judging.packing import AskedTrace, list_groups, pack
from annotation.rules.rubrics import BadRubric, check_rubric
from rl_bridge.models import LoadedModel

_MOST_PACKED_TOKENS = 6144  # its mask takes 38 MB
_YES = ("yes", "Yes", " yes", " Yes", "YES")
_NO = ("no", "No", " no", " No", "NO")
_CUT = "\x1e"  # a control character that no template holds


class LikelihoodJudge:
    """Implements `Judge` for a model that is already open.

    `rubric` is a text with {problem}, {steps} and perhaps {reference}; what follows {steps} is the question. Raises
    BadRubric where it can't be filled, or where the model's tokens can't tell yes from no.
    """

    def __init__(self, loaded: LoadedModel, *, rubric: str) -> None:
        check_rubric(rubric)
        self._model: Any = loaded.model
        self._tokenizer: Any = loaded.tokenizer
        self._rubric = rubric
        yes, no = self._find_first_tokens(_YES), self._find_first_tokens(_NO)
        self._yes, self._no = sorted(yes - no), sorted(no - yes)
        if not (self._yes and self._no):
            raise BadRubric("The model's tokens can't tell yes from no.")

    def score(
        self, traces: Sequence[JudgedTrace], should_stop: Callable[[], bool] = never
    ) -> list[Opinion | NoOpinion]:
        opinions: list[Opinion | NoOpinion] = []
        for trace in traces:
            should_stop()
            opinions.append(self._score_trace(trace))
        return opinions

    def tokenize(self, trace: JudgedTrace) -> AskedTrace:
        """The trace in the model's chat form. Each step is tokenized alone, so that a prefix's tokens never depend on
        what follows."""
        head, question = self._render(trace)
        return AskedTrace(
            head=tuple(self._encode(head)),
            steps=tuple(tuple(self._encode(step)) for step in trace.steps),
            question=tuple(self._encode(question)),
        )

    @torch.inference_mode()
    def ask_packed(self, asked: AskedTrace) -> list[float]:
        """P(yes) for each step, in as few forward passes as the memory for the mask allows: nearly always one."""
        probabilities: list[float] = []
        for group in list_groups(asked, most_tokens=_MOST_PACKED_TOKENS):
            packed = pack(asked, group, device=self._model.device)
            logits = self._model(
                input_ids=packed.input_ids,
                position_ids=packed.positions,
                attention_mask=packed.mask,
                logits_to_keep=packed.answers,
                use_cache=False,
            ).logits
            probabilities += self._read(logits[0])
        return probabilities

    @torch.inference_mode()
    def ask_each(self, asked: AskedTrace) -> list[float]:
        """P(yes) for each step with one forward pass a step: for models whose layers carry a state along, or see only
        a window, which a packed sequence would mix up. Also what `ask_packed` is held against."""
        probabilities: list[float] = []
        for index in range(len(asked.steps)):
            tokens = torch.tensor([[*asked.prefix(index), *asked.question]], device=self._model.device)
            logits = self._model(input_ids=tokens, logits_to_keep=1, use_cache=False).logits
            probabilities += self._read(logits[0])
        return probabilities

    def _score_trace(self, trace: JudgedTrace) -> Opinion | NoOpinion:
        asked = self.tokenize(trace)
        config = self._model.config.get_text_config()
        context = getattr(config, "max_position_embeddings", None)
        if context is not None and asked.num_tokens > context:
            return NoOpinion(
                f"The trace is too long for this judge: {asked.num_tokens:,} tokens with the question, and its model "
                f"reads {context:,}."
            )
        can_pack = not self._model._is_stateful and getattr(config, "sliding_window", None) is None
        return Opinion(tuple(self.ask_packed(asked) if can_pack else self.ask_each(asked)))

    def _read(self, logits: torch.Tensor) -> list[float]:
        """P(yes) from logits of shape (questions, vocabulary)."""
        yes = torch.logsumexp(logits[:, self._yes].float(), dim=-1)
        no = torch.logsumexp(logits[:, self._no].float(), dim=-1)
        numbers: list[float] = torch.sigmoid(yes - no).tolist()
        return numbers

    def _render(self, trace: JudgedTrace) -> tuple[str, str]:
        """What stands before the steps, and the question after them."""
        before, _, question = self._rubric.partition("{steps}")
        reference = f"\nReference answer: {trace.reference_answer}\n" if trace.reference_answer else ""
        opening, _, closing = before.replace("{reference}", reference).partition("{problem}")
        text = f"{opening}{trace.problem.replace(_CUT, '')}{closing}{_CUT}{question}"
        if self._tokenizer.chat_template:
            text = self._tokenizer.apply_chat_template(
                [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True
            )
        head, _, tail = text.partition(_CUT)
        return head, tail

    def _encode(self, text: str) -> list[int]:
        tokens: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        return tokens

    def _find_first_tokens(self, words: Sequence[str]) -> set[int]:
        return {self._encode(word)[0] for word in words}
