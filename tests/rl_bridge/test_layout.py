"""Where steps end in tokens: the property that every label sits on the token that holds the step's last character."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_bridge import layout, models
from rl_bridge.data import StepwiseRow
from tests.rl_bridge import tiny

TOKENIZER = tiny.build_tokenizer()
ENCODER = layout.TraceEncoder(TOKENIZER, max_length=4_000)
STEPS = st.lists(
    st.one_of(
        st.text(min_size=1, max_size=12), st.sampled_from(["\n\n", " ", "an.\n", "é", "🙂", "a", "שלום\r\n"])
    ),
    min_size=1,
    max_size=8,
)


@given(STEPS)
def test_every_label_sits_on_the_token_that_holds_the_steps_last_character(steps: list[str]) -> None:
    encoded = ENCODER.encode("What?", steps)

    num_prompt_tokens = len(encoded.input_ids) - len(ENCODER._plain.encode("".join(steps)).ids)
    completion_ids = encoded.input_ids[num_prompt_tokens:]
    texts = [token_bytes(token) for token in completion_ids]
    assert b"".join(texts) == "".join(steps).encode()
    ends = [sum(map(len, texts[: i + 1])) for i in range(len(texts))]
    step_end = 0
    for step, position in zip(steps, encoded.positions, strict=True):
        step_end += len(step.encode())
        i = position - num_prompt_tokens
        # The token's bytes include the last byte of the step's last character.
        assert ends[i] - len(texts[i]) < step_end <= ends[i]
    assert all(encoded.is_located)


@given(STEPS)
def test_tokens_are_those_of_the_prompt_followed_by_those_of_the_completion(steps: list[str]) -> None:
    encoded = ENCODER.encode("What?", steps)

    prompt = TOKENIZER.apply_chat_template(
        [{"role": "user", "content": "What?"}], tokenize=False, add_generation_prompt=True
    )
    assert TOKENIZER.decode(encoded.input_ids) == prompt + "".join(steps)
    assert prompt.endswith("<|im_start|>assistant\n")


def test_a_dropped_character_leaves_the_label_on_the_token_before_it() -> None:
    # As if the tokenizer had no token for the second and the fourth character.
    offsets = [(0, 1), (2, 3)]

    assert layout.locate_step_ends(offsets, ["ab", "c", "d"]) == ([0, 1, 1], [True, True, False])


def test_steps_before_the_first_token_are_not_located() -> None:
    assert layout.locate_step_ends([(1, 2)], ["a", "b"]) == ([-1, 0], [False, True])


def test_a_token_over_two_steps_serves_both() -> None:
    assert layout.locate_step_ends([(0, 3), (3, 4)], ["a", "bc", "d"]) == ([0, 0, 1], [True, True, True])


def test_a_long_prompt_is_cut_from_the_left_and_no_step_moves() -> None:
    steps = ["one.\n", "two."]
    whole = ENCODER.encode("x" * 200, steps)
    short = layout.TraceEncoder(TOKENIZER, max_length=40).encode("x" * 200, steps)

    assert len(short.input_ids) == 40
    assert short.num_prompt_tokens_cut == len(whole.input_ids) - 40
    assert short.input_ids == whole.input_ids[-40:]
    assert [whole.input_ids[i] for i in whole.positions] == [short.input_ids[i] for i in short.positions]


def test_a_completion_that_does_not_fit_is_refused_rather_than_cut() -> None:
    encoder = layout.TraceEncoder(TOKENIZER, max_length=10)

    encoder.encode("prompt", ["1234567890"[:9], "0"])
    with pytest.raises(layout.TraceTooLong, match="11 tokens exceeds the limit of 10"):
        encoder.encode("prompt", ["12345678901"])


def test_messages_go_through_the_template_as_they_are() -> None:
    talk = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What?"}]

    text, is_templated = layout.render_prompt(TOKENIZER, talk)  # type: ignore[arg-type]

    assert is_templated
    assert text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_without_a_template_the_prompt_is_taken_as_it_is() -> None:
    plain = tiny.build_tokenizer()
    plain.chat_template = None

    assert layout.render_prompt(plain, "What?") == ("What?", False)
    assert layout.render_prompt(plain, [{"role": "user", "content": "What?"}]) == ("What?", False)


def test_masked_steps_never_count_and_soft_targets_are_the_posteriors() -> None:
    row = StepwiseRow(prompt="p", steps=("a", "b", "c"), labels=(1, 0, -100), probabilities=(0.9, 0.2, 0.5))
    encoded = ENCODER.encode(row.prompt, row.steps)

    hard = layout.read_targets(row, encoded, soft=False)
    soft = layout.read_targets(row, encoded, soft=True)

    assert hard == layout.TraceTargets(values=[1.0, 0.0, 0.0], counted=[True, True, False])
    assert soft == layout.TraceTargets(values=[0.9, 0.2, 0.5], counted=[True, True, False])


@pytest.mark.model
def test_the_shipped_tokenizer_drops_a_control_byte_and_the_label_stays_with_its_step(
    shipped_models_dir: Path,
) -> None:
    folder = models.prepare_shipped_model(shipped_models_dir)
    tokenizer = models.load_causal_lm(str(folder), models_dir=shipped_models_dir, device="cpu").tokenizer
    encoder = layout.TraceEncoder(tokenizer, max_length=500)

    encoded = encoder.encode("What is 1 + 1?", ["one \x16", "\x16", "two\n\n"])

    ends = tokenizer.convert_ids_to_tokens([encoded.input_ids[i] for i in encoded.positions])
    assert ends == ["Ġ", "Ġ", "ĊĊ"]
    assert encoded.is_located == [True, False, True]


def token_bytes(token: int) -> bytes:
    """The bytes that one token of the byte-level tokenizer stands for."""
    text = TOKENIZER.convert_ids_to_tokens(token)
    if text.startswith("<|"):
        return text.encode()
    return bytes(BYTE_OF[character] for character in text)


def _bytes_by_character() -> dict[str, int]:
    """GPT-2's byte alphabet: printable bytes stand for themselves, the rest for characters from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}


BYTE_OF = _bytes_by_character()
