"""Completions from a tiny random-weight model: the same seed the same text, refusals, stopping, log-probabilities."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from annotation.generation import watching
from annotation.generation.backend import Completion, GenerationRequest, GenerationStopped, Refusal, Sampling
from annotation.generation.transformers_backend import TransformersBackend
from annotation.rules.chat_template import render_user_turn
from rl_bridge.models import LoadedModel
from tests.factories import NOW
from tests.rl_bridge import tiny

SAMPLING = Sampling(temperature=0.8, top_p=0.95, max_new_tokens=12, seed=7)
REQUESTS = [GenerationRequest("What is 1 + 1?"), GenerationRequest("A much longer question, is it not?")]


def never() -> bool:
    return False


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return LoadedModel(tiny.build_llama().eval(), tiny.build_tokenizer(), "tiny", "0" * 64)


@pytest.fixture
def backend(loaded: LoadedModel) -> TransformersBackend:
    return TransformersBackend(loaded)


def test_the_same_seed_gives_the_same_texts(backend: TransformersBackend) -> None:
    first = backend.generate(REQUESTS, SAMPLING, never)
    torch.rand(5)  # somebody else draws in between
    second = backend.generate(REQUESTS, SAMPLING, never)

    assert first == second


def test_another_seed_gives_other_texts(backend: TransformersBackend) -> None:
    first = backend.generate(REQUESTS, SAMPLING, never)
    second = backend.generate(REQUESTS, replace(SAMPLING, seed=8), never)

    assert first != second


def test_two_samples_of_one_prompt_differ(backend: TransformersBackend) -> None:
    first, second = backend.generate([REQUESTS[0]] * 2, SAMPLING, never)

    assert first != second


def test_drawing_leaves_the_processs_own_randomness_alone(backend: TransformersBackend) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)

    backend.generate(REQUESTS, SAMPLING, never)

    assert torch.equal(torch.rand(3), expected)


def test_padding_does_not_change_what_is_likeliest(backend: TransformersBackend) -> None:
    greedy = replace(SAMPLING, temperature=0.0)

    together = backend.generate(REQUESTS, greedy, never)
    alone = [backend.generate([request], greedy, never)[0] for request in REQUESTS]

    for one, other in zip(together, alone, strict=True):
        assert isinstance(one, Completion)
        assert isinstance(other, Completion)
        assert (one.text, one.num_prompt_tokens) == (other.text, other.num_prompt_tokens)
        assert one.mean_logprob == pytest.approx(other.mean_logprob, abs=1e-4)


def test_the_mean_logprob_is_the_models_own_not_the_warped_one(
    backend: TransformersBackend, loaded: LoadedModel
) -> None:
    sampling = replace(SAMPLING, temperature=0.3, top_p=0.5)
    [completion] = backend.generate([REQUESTS[0]], sampling, never)

    assert isinstance(completion, Completion)
    assert completion.finish_reason == "length"
    prompt = loaded.tokenizer.apply_chat_template(
        [{"role": "user", "content": REQUESTS[0].text}], tokenize=False, add_generation_prompt=True
    )
    head = loaded.tokenizer(prompt, add_special_tokens=False).input_ids
    tokens = torch.tensor([_make_again(loaded, head, sampling)])
    with torch.inference_mode():
        logits = loaded.model(input_ids=tokens).logits[0, len(head) - 1 : -1].float()
    drawn = tokens[0, len(head) :]
    expected = torch.log_softmax(logits, -1).gather(1, drawn[:, None]).mean().item()
    assert completion.mean_logprob == pytest.approx(expected, abs=1e-3)
    assert completion.text == loaded.tokenizer.decode(drawn)


def _make_again(loaded: LoadedModel, head: list[int], sampling: Sampling) -> list[int]:
    """The bare call that the backend stands for."""
    torch.manual_seed(sampling.seed)
    output = loaded.model.generate(
        torch.tensor([head]),
        attention_mask=torch.ones(1, len(head), dtype=torch.long),
        max_new_tokens=sampling.max_new_tokens,
        do_sample=True,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        top_k=0,
    )
    tokens: list[int] = output[0].tolist()
    return tokens


def test_a_prompt_longer_than_the_context_is_refused_and_the_others_go_on(
    backend: TransformersBackend,
) -> None:
    results = backend.generate([REQUESTS[0], GenerationRequest("x" * 3000), REQUESTS[1]], SAMPLING, never)

    assert isinstance(results[0], Completion)
    assert results[1] == Refusal(
        "The prompt is too long: 3,018 tokens and up to 12 new ones do not fit into the model's context of 2,048."
    )
    assert isinstance(results[2], Completion)


def test_nothing_but_refusals_never_calls_the_model(backend: TransformersBackend) -> None:
    [result] = backend.generate([GenerationRequest("x" * 3000)], SAMPLING, lambda: pytest.fail("asked"))

    assert isinstance(result, Refusal)


def test_a_stop_in_the_middle_of_a_text_ends_it(
    backend: TransformersBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "STOP_CHECK_SECONDS", 0.0)
    answers = iter([False, False, False, True])

    with pytest.raises(GenerationStopped):
        backend.generate(REQUESTS, replace(SAMPLING, max_new_tokens=1500), lambda: next(answers))


def test_what_should_stop_raises_comes_through(backend: TransformersBackend) -> None:
    def fail() -> bool:
        raise ConnectionError("the database is away")

    with pytest.raises(ConnectionError):
        backend.generate(REQUESTS, SAMPLING, fail)


def test_should_stop_is_asked_no_oftener_than_it_is_said(
    backend: TransformersBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "STOP_CHECK_SECONDS", 3600.0)
    asked: list[bool] = []

    def count() -> bool:
        asked.append(True)
        return False

    backend.generate(REQUESTS, SAMPLING, count)

    assert len(asked) == 1, "at the start"


def test_an_end_token_ends_the_text_and_is_not_part_of_it(loaded: LoadedModel) -> None:
    model = tiny.build_llama().eval()
    end = loaded.tokenizer.eos_token_id
    with torch.no_grad():
        model.model.norm.weight.mul_(0)  # every logit is 0, so every token is equally likely
    backend = TransformersBackend(LoadedModel(model, loaded.tokenizer, "tiny", "0"))

    [completion] = backend.generate([REQUESTS[0]], replace(SAMPLING, max_new_tokens=1500, top_p=1.0), never)

    assert isinstance(completion, Completion)
    assert completion.finish_reason == "stop"
    assert loaded.tokenizer.decode([end]) not in completion.text
    assert completion.num_tokens < 1500
    assert completion.mean_logprob == pytest.approx(-torch.log(torch.tensor(263.0)).item(), abs=1e-3)


def test_a_tokenizer_without_a_chat_form_gets_the_plain_text(loaded: LoadedModel) -> None:
    tokenizer = tiny.build_tokenizer()
    tokenizer.chat_template = None
    backend = TransformersBackend(LoadedModel(loaded.model, tokenizer, "tiny", "0"))

    [completion] = backend.generate([GenerationRequest("12345")], SAMPLING, never)

    assert isinstance(completion, Completion)
    assert completion.num_prompt_tokens == 5


def test_a_falcon_h1_model_generates() -> None:
    model = tiny.build_falcon_h1().eval()
    backend = TransformersBackend(LoadedModel(model, tiny.build_tokenizer(), "tiny", "0"))

    results = backend.generate(REQUESTS, replace(SAMPLING, max_new_tokens=4), never)

    assert all(isinstance(result, Completion) for result in results)


def test_the_description_names_what_must_be_the_same(backend: TransformersBackend) -> None:
    description = backend.describe()

    assert (description.model, description.revision, description.device) == ("tiny", "0" * 64, "cpu")
    assert description.dtype == "float32"
    assert description.versions["torch"] == torch.__version__


def test_the_chat_template_it_tells_of_renders_to_what_the_model_reads(loaded: LoadedModel) -> None:
    tokenizer = copy.deepcopy(loaded.tokenizer)
    tokenizer.chat_template = {"default": "{{ bos_token }}U: {{ messages[0].content }} A:", "tools": "never"}
    told = TransformersBackend(replace(loaded, tokenizer=tokenizer)).describe_chat()

    ours = render_user_turn(told.template, told.special_tokens, "3 + 4?", asked_at=NOW)

    assert ours.endswith("U: 3 + 4? A:")
    assert ours == tokenizer.apply_chat_template(
        [{"role": "user", "content": "3 + 4?"}], tokenize=False, add_generation_prompt=True
    )


def test_a_model_without_a_chat_template_says_so(loaded: LoadedModel) -> None:
    tokenizer = copy.deepcopy(loaded.tokenizer)
    tokenizer.chat_template = None

    assert TransformersBackend(replace(loaded, tokenizer=tokenizer)).describe_chat().template == ""


def test_the_completion_leaves_out_what_the_answer_begins_with(backend: TransformersBackend) -> None:
    plain, begun = GenerationRequest("What is 1 + 1?"), GenerationRequest("What is 1 + 1?", "It is ")

    [without] = backend.generate([plain], SAMPLING, never)
    [with_beginning] = backend.generate([begun], SAMPLING, never)

    assert isinstance(without, Completion)
    assert isinstance(with_beginning, Completion)
    assert with_beginning.num_prompt_tokens > without.num_prompt_tokens
    assert not with_beginning.text.startswith("It is ")


def test_a_call_ends_once_every_request_has_enough(
    backend: TransformersBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "ENOUGH_CHECK_TOKENS", 2)
    asked: list[str] = []

    def is_enough(text: str) -> bool:
        asked.append(text)
        return len(asked) >= 2

    sampling = replace(SAMPLING, max_new_tokens=40)
    [whole] = backend.generate([REQUESTS[0]], sampling, never)
    [cut] = backend.generate([replace(REQUESTS[0], is_enough=is_enough)], sampling, never)

    assert isinstance(whole, Completion)
    assert isinstance(cut, Completion)
    assert cut.num_tokens <= 4 < whole.num_tokens
    assert whole.text.startswith(cut.text)


def test_a_call_goes_on_while_one_request_asks_for_all_it_can_get(backend: TransformersBackend) -> None:
    enough = replace(REQUESTS[0], is_enough=lambda text: True)
    sampling = replace(SAMPLING, max_new_tokens=20)

    assert backend.generate([enough, REQUESTS[1]], sampling, never) == backend.generate(
        REQUESTS, sampling, never
    )
