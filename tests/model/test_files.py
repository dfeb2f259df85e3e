"""Models on disk: what is written is read, and whatever was changed is named."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import plkd.model.folders as folders
from plkd.errors import InputError, ModelFileError, OutputExistsError
from plkd.model import files
from plkd.model.files import (
    ModelContents,
    check_output,
    describe_model,
    model_hash,
    part_hashes,
    read_model,
    verify_model,
    write_model,
)
from plkd.outputs import previous_folder

ROOT = Path(__file__).parents[2]
HEADER: dict[str, Any] = {
    "config": {"n_genes": 3, "teacher": {"width": 4}, "student": {"hidden": [2]}, "training": {}},
    "contract": {"expression": "log1p", "target_sum": 1e4},
    "seed": 7,
    "summary": {"n_cells": 12, "held_out": None},
    "classes": ["B cell", "γδ T cell"],
    "patterns": {"names": ["set one", "free"], "n_free": 1},
    "genes": {"names": ["CD3D", "CD19", "MS4A1"], "ids": None},
}


def contents(scale: float = 1.0, **header: Any) -> ModelContents:
    student = {
        "weight": scale * np.arange(6, dtype=np.float32).reshape(2, 3),
        "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "big_endian": np.arange(3, dtype=">f4"),
        "scalar": np.array(2.5, dtype=np.float64),
        "none": np.empty((0, 4), dtype=np.float32),
    }
    teacher = {
        "mask.pattern_index": np.array([0, 0, 1], dtype=np.int64),
        "weight": scale * np.ones((3, 4), dtype=np.float32),
    }
    return ModelContents({**HEADER, **header}, student, teacher)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    write_model(path, contents())
    return path


def edit(model: Path, change: Any, *, rehash: bool = False) -> None:
    """Change the JSON as somebody with a text editor would."""
    values = json.loads((model / "plkd.json").read_text(encoding="utf-8"))
    change(values)
    if rehash:
        values.pop("header_sha256", None)
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        values["header_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (model / "plkd.json").write_text(json.dumps(values), encoding="utf-8")


def in_one_line(error: BaseException) -> str:
    message = str(error)
    assert "\n" not in message
    return message


# --- writing and reading ----------------------------------------------------------------------


def test_what_is_written_is_read(model: Path) -> None:
    written, read = contents(), read_model(model)
    assert read.header == written.header
    assert read.teacher is not None
    assert written.teacher is not None
    for before, after in ((written.student, read.student), (written.teacher, read.teacher)):
        assert before.keys() == after.keys()
        for name, array in before.items():
            np.testing.assert_array_equal(array, after[name])
            assert after[name].shape == array.shape
            assert after[name].dtype == array.dtype.newbyteorder("=")
            assert after[name].flags.writeable
            assert after[name].flags.c_contiguous


def test_json_is_strict_readable_and_ordered(model: Path) -> None:
    text = (model / "plkd.json").read_text(encoding="utf-8")
    values = json.loads(text, parse_constant=lambda _: pytest.fail("not strict JSON"))
    head = ["format", "format_version", "plkd_version", "parts", "header_sha256", "model"]
    assert list(values) == head
    assert values["format"] == files.FORMAT_NAME == "plkd-model"
    assert values["format_version"] == files.FORMAT_VERSION == 10
    assert list(values["model"])[-1] == "genes"  # long lists last
    assert "γδ T cell" in text
    for name, part in values["parts"].items():
        data = (model / name).read_bytes()
        assert part == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_numpy_values_and_tuples_of_the_header_become_plain(tmp_path: Path) -> None:
    summary = {"f1": np.float32(0.5), "losses": np.array([1.0, 2.0]), "n": np.int64(3), "t": (1,)}
    write_model(tmp_path / "m", contents(summary=summary, more={"kept": True}))
    header = read_model(tmp_path / "m").header
    assert header["summary"] == {"f1": 0.5, "losses": [1.0, 2.0], "n": 3, "t": [1]}
    assert header["more"] == {"kept": True}


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ({"summary": {"losses": [1.0, float("nan")]}}, "header['summary']['losses'][1]"),
        ({"summary": {"loss": np.float32("inf")}}, "header['summary']['loss']"),
        ({"summary": {1: "a"}}, "header['summary']"),
        ({"summary": {"x": object()}}, "header['summary']['x']"),
        ({"genes": ["CD3D"]}, "'genes'"),
        ({"classes": "B cell"}, "'classes'"),
    ],
)
def test_header_that_is_not_json_is_refused(
    tmp_path: Path, header: dict[str, Any], named: str
) -> None:
    with pytest.raises(InputError) as refused:
        write_model(tmp_path / "m", contents(**header))
    assert named in in_one_line(refused.value)
    assert not list(tmp_path.iterdir())


def test_header_without_a_field_is_refused(tmp_path: Path) -> None:
    header = {key: value for key, value in HEADER.items() if key != "seed"}
    with pytest.raises(InputError, match="no field 'seed'"):
        write_model(tmp_path / "m", ModelContents(header, {}))


def test_array_that_holds_no_numbers_is_refused(tmp_path: Path) -> None:
    bad = ModelContents(HEADER, {"names": np.array(["a"], dtype=object)})
    with pytest.raises(InputError, match="'names'"):
        write_model(tmp_path / "m", bad)
    assert not list(tmp_path.iterdir())


def test_equal_models_give_equal_bytes(tmp_path: Path) -> None:
    hashes = [write_model(tmp_path / name, contents()) for name in ("a", "b")]
    assert hashes[0] == hashes[1]
    for name in ("plkd.json", "student.safetensors", "teacher.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_hash_names_the_weights(tmp_path: Path, model: Path) -> None:
    first = read_model(model).hash
    assert first == model_hash(part_hashes(contents())) == describe_model(model)["model_hash"]
    assert read_model(model, with_teacher=False).hash == first
    assert write_model(tmp_path / "other", contents(scale=1.0001)) != first
    lines = "".join(
        f"{name} {hashlib.sha256((model / name).read_bytes()).hexdigest()}\n"
        for name in ("student.safetensors", "teacher.safetensors")
    )
    assert first == hashlib.sha256(lines.encode()).hexdigest()


def test_student_loads_alone(model: Path) -> None:
    (model / "teacher.safetensors").unlink()
    alone = read_model(model, with_teacher=False)
    assert alone.teacher is None
    np.testing.assert_array_equal(alone.student["weight"], contents().student["weight"])
    with pytest.raises(ModelFileError, match=r"teacher\.safetensors.*no such file.*with_teacher"):
        read_model(model)


def test_model_without_teacher(tmp_path: Path) -> None:
    full = contents()
    write_model(tmp_path / "m", ModelContents(full.header, full.student))
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == [
        "plkd.json",
        "student.safetensors",
    ]
    assert read_model(tmp_path / "m").teacher is None
    assert all(check.ok for check in verify_model(tmp_path / "m"))


def test_needs_no_torch() -> None:
    code = "import sys, plkd.model.files; print('torch' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    assert done.stdout.strip() == "False"


# --- damage -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["student.safetensors", "teacher.safetensors"])
@pytest.mark.parametrize("damage", ["truncated", "changed", "longer", "missing"])
def test_damaged_part_is_named(model: Path, name: str, damage: str) -> None:
    data = bytearray((model / name).read_bytes())
    if damage == "truncated":
        (model / name).write_bytes(data[:-5])
    elif damage == "changed":
        data[-1] ^= 1
        (model / name).write_bytes(data)
    elif damage == "longer":
        (model / name).write_bytes(data + b"x")
    else:
        (model / name).unlink()
    with pytest.raises(ModelFileError) as refused:
        read_model(model)
    message = in_one_line(refused.value)
    assert name in message
    said = {"truncated": "truncated", "missing": "no such file"}.get(damage, "was changed")
    assert said in message
    checks = {check.name: check for check in verify_model(model)}
    assert [check.name for check in checks.values() if not check.ok] == [name]
    assert said in checks[name].detail


def test_every_flipped_byte_of_the_json_is_noticed(model: Path) -> None:
    whole = (model / "plkd.json").read_bytes()
    for at in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[at] ^= 1
        (model / "plkd.json").write_bytes(changed)
        try:
            read = read_model(model)
        except ModelFileError as error:
            in_one_line(error)
        else:  # white space alone may change
            assert whole[at : at + 1].isspace()
            assert read.header == HEADER


@pytest.mark.parametrize("length", [0, 1, 20, 200, -3])
def test_truncated_json(model: Path, length: int) -> None:
    whole = (model / "plkd.json").read_bytes()
    (model / "plkd.json").write_bytes(whole[:length])
    with pytest.raises(ModelFileError, match=r"plkd\.json.*truncated or damaged JSON") as refused:
        read_model(model)
    in_one_line(refused.value)
    (check,) = verify_model(model)
    assert (check.name, check.ok) == ("plkd.json", False)


def swap_genes(values: dict[str, Any]) -> None:
    values["model"]["genes"]["names"].reverse()


def rename_class(values: dict[str, Any]) -> None:
    values["model"]["classes"][0] = "A cell"


def forge_part(values: dict[str, Any]) -> None:
    values["parts"]["student.safetensors"]["sha256"] = "0" * 64


@pytest.mark.parametrize("change", [swap_genes, rename_class, forge_part])
def test_edited_header_is_noticed(model: Path, change: Any) -> None:
    edit(model, change)
    for read in (read_model, describe_model):
        with pytest.raises(ModelFileError, match="it was changed"):
            read(model)
    assert [check.ok for check in verify_model(model)] == [False]


def test_newer_format_asks_to_update(model: Path) -> None:
    def make_newer(values: dict[str, Any]) -> None:
        values.update(format_version=files.FORMAT_VERSION + 1, plkd_version="9.1")
        del values["header_sha256"], values["model"]  # a newer format may look different

    edit(model, make_newer)
    for read in (read_model, describe_model):
        with pytest.raises(ModelFileError) as refused:
            read(model)
        message = in_one_line(refused.value)
        assert f"version {files.FORMAT_VERSION + 1}, written by plkd 9.1" in message
        assert "update plkd: pip install -U plkd" in message
    (check,) = verify_model(model)
    assert not check.ok
    assert "pip install -U plkd" in check.detail


@pytest.mark.parametrize("version", [0, -1, "1", None, 1.5, True])
def test_nonsense_version(model: Path, version: object) -> None:
    edit(model, lambda values: values.update(format_version=version), rehash=True)
    with pytest.raises(ModelFileError, match="format version"):
        read_model(model)


@pytest.mark.parametrize("name", ["header_sha256", "plkd_version", "parts", "model"])
def test_missing_field_is_named(model: Path, name: str) -> None:
    edit(model, lambda values: values.pop(name))
    with pytest.raises(ModelFileError, match=f"no field '{name}'"):
        read_model(model)


@pytest.mark.parametrize("name", sorted(HEADER))
def test_missing_field_of_the_header_is_named(model: Path, name: str) -> None:
    edit(model, lambda values: values["model"].pop(name), rehash=True)
    with pytest.raises(ModelFileError, match=f"no field '{name}'"):
        read_model(model)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"student.safetensors": 3},
        {"student.safetensors": {"bytes": 3, "sha256": "abc"}},
        {"student.safetensors": {"sha256": "0" * 64}},
    ],
)
def test_bad_parts(model: Path, parts: dict[str, Any]) -> None:
    edit(model, lambda values: values.update(parts=parts), rehash=True)
    with pytest.raises(ModelFileError, match=r"student\.safetensors"):
        read_model(model)


def test_part_outside_the_folder_is_not_read(model: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    digest = hashlib.sha256(b"secret").hexdigest()

    def lead_outside(values: dict[str, Any]) -> None:
        values["parts"]["../secret"] = {"bytes": 6, "sha256": digest}

    edit(model, lead_outside, rehash=True)
    assert [check.name for check in verify_model(model) if not check.ok] == ["../secret"]


def test_part_that_is_not_safetensors(model: Path) -> None:
    junk = b"junk" * 10
    (model / "student.safetensors").write_bytes(junk)
    part = {"bytes": len(junk), "sha256": hashlib.sha256(junk).hexdigest()}
    edit(model, lambda v: v["parts"].update({"student.safetensors": part}), rehash=True)
    with pytest.raises(ModelFileError, match="not safetensors"):
        read_model(model)


@pytest.mark.parametrize("read", [read_model, verify_model, describe_model])
def test_no_model_there(tmp_path: Path, read: Any) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    for name, said in (("absent", "nothing there"), ("file", "a file"), ("empty", "without plkd")):
        with pytest.raises(ModelFileError, match=said) as refused:
            read(tmp_path / name)
        assert str(tmp_path / name) in in_one_line(refused.value)


@pytest.mark.parametrize("text", ["{}", "[]", "3", '{"format": "other"}'])
def test_json_of_somebody_else(model: Path, text: str) -> None:
    (model / "plkd.json").write_text(text)
    with pytest.raises(ModelFileError, match="not plkd's"):
        read_model(model)


@pytest.mark.parametrize("constant", ["NaN", "Infinity"])
def test_json_with_nan(model: Path, constant: str) -> None:
    text = (
        (model / "plkd.json")
        .read_text(encoding="utf-8")
        .replace('"seed": 7', f'"seed": {constant}')
    )
    (model / "plkd.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelFileError, match=constant):
        read_model(model)


# --- replacing --------------------------------------------------------------------------------


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_existing_output_is_refused(model: Path) -> None:
    before = snapshot(model.parent)
    with pytest.raises(OutputExistsError, match="--overwrite"):
        write_model(model, contents(scale=2))
    assert snapshot(model.parent) == before


def test_overwrite_replaces_a_model_whole(model: Path) -> None:
    second = contents(scale=2)
    write_model(model, ModelContents(second.header, second.student), overwrite=True)
    assert read_model(model).teacher is None
    np.testing.assert_array_equal(read_model(model).student["weight"], second.student["weight"])
    assert [p.name for p in model.parent.iterdir()] == ["model"]


def test_overwrite_replaces_a_damaged_model_and_an_empty_folder(model: Path) -> None:
    (model / "student.safetensors").unlink()
    (model / "plkd.json").write_bytes((model / "plkd.json").read_bytes()[:300])
    write_model(model, contents(), overwrite=True)
    (model.parent / "empty").mkdir()
    write_model(model.parent / "empty", contents(), overwrite=True)
    assert all(c.ok for p in (model, model.parent / "empty") for c in verify_model(p))


def users_folder(path: Path) -> None:
    path.mkdir()
    (path / "thesis.txt").write_text("years of work")


def users_file(path: Path) -> None:
    path.write_text("years of work")


def users_json(path: Path) -> None:
    path.mkdir()
    (path / "plkd.json").write_text('{"format": "mine"}')


def model_with_notes(path: Path) -> None:
    write_model(path, contents())
    (path / "notes.txt").write_text("what I tried")


@pytest.mark.parametrize("make", [users_folder, users_file, users_json, model_with_notes])
def test_what_is_the_users_is_never_replaced(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "out")
    before = snapshot(tmp_path)
    with pytest.raises(OutputExistsError, match="move away") as refused:
        write_model(tmp_path / "out", contents(), overwrite=True)
    in_one_line(refused.value)
    assert snapshot(tmp_path) == before


def test_notes_beside_a_model_are_named(tmp_path: Path) -> None:
    model_with_notes(tmp_path / "out")
    with pytest.raises(OutputExistsError, match=r"notes\.txt"):
        check_output(tmp_path / "out", overwrite=True)


def test_link_to_a_model_stays_a_link(model: Path) -> None:
    link = model.with_name("latest")
    link.symlink_to(model)
    write_model(link, contents(scale=3), overwrite=True)
    assert link.is_symlink()
    np.testing.assert_array_equal(read_model(model).student["weight"][0], [0, 3, 6])


def test_folders_above_are_made(tmp_path: Path) -> None:
    write_model(tmp_path / "a" / "b", contents())
    assert all(check.ok for check in verify_model(tmp_path / "a" / "b"))


def test_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="a place to write to") as refused:
        write_model(tmp_path / "file" / "model", contents())
    in_one_line(refused.value)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
@pytest.mark.parametrize("overwrite", [False, True])
def test_interrupted_writing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], overwrite: bool
) -> None:
    if overwrite:
        write_model(tmp_path / "model", contents())
    before = snapshot(tmp_path)
    write, calls = folders._write, []

    def interrupted(path: Path, content: bytes) -> None:
        calls.append(path)
        write(path, content)
        if len(calls) == 2:
            raise error

    monkeypatch.setattr(folders, "_write", interrupted)
    with pytest.raises(error):
        write_model(tmp_path / "model", contents(scale=2), overwrite=overwrite)
    assert len(calls) == 2
    assert snapshot(tmp_path) == before
    assert {p.name for p in tmp_path.iterdir()} <= {"model"}


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("before", [True, False])
def test_interrupted_swap_leaves_old_or_new(
    model: Path, monkeypatch: pytest.MonkeyPatch, at: int, before: bool
) -> None:
    old, calls = snapshot(model), []
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        calls.append(target)
        stop = len(calls) == at
        if stop and before:
            raise KeyboardInterrupt
        moved = rename(self, target)
        if stop:
            raise KeyboardInterrupt
        return moved

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_model(model, contents(scale=2), overwrite=True)
    monkeypatch.undo()
    weight = read_model(model).student["weight"][0, 1]
    assert weight == (2 if (at, before) == (2, False) else 1)
    assert (snapshot(model) == old) == (weight == 1)
    assert all(check.ok for check in verify_model(model))
    assert not [p for p in model.parent.iterdir() if p.name.endswith("partial")]


def test_crash_between_the_renames_is_mended_by_hand_then_by_the_next_write(model: Path) -> None:
    previous = previous_folder(model)
    model.rename(previous)
    with pytest.raises(ModelFileError, match="rename it back: mv") as refused:
        read_model(model)
    command = re.search(r"mv (\S+) (\S+)", in_one_line(refused.value))
    assert command is not None
    shutil.move(command.group(1), command.group(2).rstrip(")"))
    assert read_model(model).hash is not None
    shutil.copytree(model, previous)  # a crash after the second rename
    write_model(model, contents(scale=2), overwrite=True)
    assert [p.name for p in model.parent.iterdir()] == ["model"]


def test_killed_writer_leaves_the_old_model(model: Path) -> None:
    code = f"""
import os, signal, sys
from pathlib import Path
import numpy as np
import plkd.model.folders as folders
from plkd.model.files import ModelContents, read_model, write_model
write = folders._write
def killed(path, content):
    write(path, content)
    os.kill(os.getpid(), signal.SIGKILL)
folders._write = killed
write_model({str(model)!r}, read_model({str(model)!r}), overwrite=True)
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", code], check=False, env=env)
    assert done.returncode == -9
    assert all(check.ok for check in verify_model(model))


def test_model_that_came_meanwhile_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = folders._sync_folder

    def other_writer(folder: Path) -> None:
        sync(folder)
        if not (tmp_path / "model").exists():
            monkeypatch.setattr(folders, "_sync_folder", sync)
            write_model(tmp_path / "model", contents(scale=5))

    monkeypatch.setattr(folders, "_sync_folder", other_writer)
    with pytest.raises(OutputExistsError):
        write_model(tmp_path / "model", contents())
    assert read_model(tmp_path / "model").student["weight"][0, 1] == 5
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


# --- looking ----------------------------------------------------------------------------------


def test_describe_reads_no_weights(model: Path) -> None:
    sizes = {n: (model / n).stat().st_size for n in ("student.safetensors", "teacher.safetensors")}
    for name in sizes:
        (model / name).unlink()
    described = describe_model(model)
    assert described["parts"] == sizes
    assert described["missing_parts"] == list(sizes)
    assert (described["n_genes"], described["n_classes"], described["n_patterns"]) == (3, 2, 2)
    assert described["classes"] == HEADER["classes"]
    assert described["summary"] == HEADER["summary"]
    assert "genes" not in described
    json.dumps(described, allow_nan=False)


def test_verify_says_all_is_well(model: Path) -> None:
    checks = verify_model(model)
    assert [check.name for check in checks] == [
        "plkd.json",
        "student.safetensors",
        "teacher.safetensors",
    ]
    assert all(check.ok and "bytes" in check.detail for check in checks)


# --- docs/model-format.md ---------------------------------------------------------------------


def code_of_docs() -> list[str]:
    text = (ROOT / "docs" / "model-format.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_docs_explain_the_header_hash(model: Path) -> None:
    code = code_of_docs()[0]
    assert "assert" in code
    exec(compile(code, "docs", "exec"), {"folder": model})  # noqa: S102
    edit(model, rename_class)
    with pytest.raises(AssertionError):
        exec(compile(code, "docs", "exec"), {"folder": model})  # noqa: S102


@pytest.mark.parametrize("with_profiles", [False, True])
def test_docs_read_a_model_with_numpy_alone(tmp_path: Path, with_profiles: bool) -> None:
    import torch

    from plkd.networks.student import Student

    torch.manual_seed(0)
    student = Student(5, 3, hidden=(8, 4)).eval()
    student.profiles = torch.rand(3, 5) if with_profiles else None
    arrays = {name: value.numpy() for name, value in student.state_dict().items()}
    header = {**HEADER, "classes": ["a", "b", "c"]}
    write_model(tmp_path / "m", ModelContents(header, arrays))
    expression = np.random.default_rng(0).random((6, 5), dtype=np.float32)
    told: dict[str, Any] = {"folder": tmp_path / "m", "expression": expression}
    exec(compile(code_of_docs()[1], "docs", "exec"), told)  # noqa: S102
    with torch.no_grad():
        output = student(torch.from_numpy(expression))
    np.testing.assert_allclose(told["probabilities"], output.logits.softmax(1), atol=1e-6)
    np.testing.assert_allclose(told["embedding"], output.embedding, atol=1e-5)
    assert told["labels"] == [header["classes"][i] for i in output.logits.argmax(1)]


def test_docs_name_the_arrays_of_both_networks() -> None:
    import torch

    from plkd.networks.navigator import Navigator
    from plkd.networks.student import Student
    from plkd.networks.teacher import Teacher

    text = (ROOT / "docs" / "model-format.md").read_text(encoding="utf-8")
    navigator = Navigator(5, 4, pattern_index=[0, 0], gene_index=[1, 2], n_masked=1, n_free=1)
    teacher = Teacher(navigator, 3, depth=1, heads=2, mlp_ratio=2)
    student = Student(5, 3, hidden=(4,))
    teacher.profiles = student.profiles = torch.zeros(3, 5)
    named = re.sub(r"layers\.<a\+1>", "layers.1", text.replace("layers.<a>", "layers.0"))
    named = named.replace("<b>", "0")
    for name in [*teacher.state_dict(), *student.state_dict()]:
        stem, _, kind = name.rpartition(".")
        assert f"`{name}`" in named or (kind == "bias" and f"`{stem}.weight`, `.bias`" in named), (
            name
        )


def test_a_place_that_cannot_be_written_to_is_refused_before(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a place to write to"):
        check_output(tmp_path / "file" / "model")
    assert check_output(tmp_path / "new" / "folder" / "model").name == "model"
