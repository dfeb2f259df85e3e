"""Wrong labels, clusters, and what the page of the ablation study says of its rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import anndata
import numpy as np
import pandas as pd
import pytest

TYPES = np.repeat(["B", "CD4 T", "NK", "platelet"], [400, 250, 300, 7])


@pytest.fixture
def ablation(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("study.ablation")


def made_up(scores: dict[tuple[str, str], float], *, ari: float = 0.5) -> pd.DataFrame:
    """Rows of two tasks and two seeds; the second seed scores 0.02 more."""
    return pd.DataFrame(
        {
            "task": task,
            "setting": setting,
            "method": method,
            "seed": seed,
            "accuracy": score + 0.05,
            "macro_f1": score + 0.02 * seed,
            "ari": ari if method.startswith("plkd") else np.nan,
        }
        for (setting, method), score in scores.items()
        for task in ("a:one", "b:two")
        for seed in (0, 1)
    )


@pytest.mark.parametrize("share", [0.0, 0.1, 0.15, 0.2, 1.0])
def test_exactly_the_share_is_replaced(ablation: ModuleType, share: float) -> None:
    before = TYPES.copy()
    found = ablation.with_wrong_labels(TYPES, share, seed=3)
    assert (found != TYPES).sum() == round(share * len(TYPES))
    assert set(found) <= set(TYPES)
    assert (before == TYPES).all()


def test_every_other_type_is_alike_likely(ablation: ModuleType) -> None:
    types = np.repeat(["a", "b", "c", "d"], 3000)
    found = ablation.with_wrong_labels(types, 1.0, seed=0)
    for name in "abcd":
        share = pd.Series(found[types == name]).value_counts(normalize=True)
        assert name not in share.index
        assert share.to_numpy() == pytest.approx(np.full(3, 1 / 3), abs=0.04)


def test_noise_grows_with_its_share_and_varies_with_the_seed(ablation: ModuleType) -> None:
    few, more, other = (
        ablation.with_wrong_labels(TYPES, share, seed=seed)
        for share, seed in ((0.1, 0), (0.2, 0), (0.1, 1))
    )
    wrong = few != TYPES
    assert (few[wrong] == more[wrong]).all()
    assert (few != other).any()
    assert (few == ablation.with_wrong_labels(TYPES, 0.1, seed=0)).all()


def test_noise_touches_neither_the_input_nor_the_query(ablation: ModuleType) -> None:
    obs = pd.DataFrame(
        {"cell_type": pd.Categorical(TYPES)}, index=[f"c{n}" for n in range(len(TYPES))]
    )
    reference = anndata.AnnData(np.ones((len(TYPES), 2), np.float32), obs=obs)
    sides = ablation.Sides(reference, reference[:50].copy())
    noisy = ablation.noisy(sides, 0, share=0.2)
    assert (reference.obs["cell_type"] == TYPES).all()
    assert noisy.query is sides.query
    assert (noisy.reference.obs["cell_type"].astype(str) != TYPES).sum() == round(0.2 * len(TYPES))


def test_clusters_are_held_against_the_types(ablation: ModuleType) -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat(["B", "NK", "T"], 40)
    places = np.repeat(np.eye(3) * 10, 40, axis=0)
    assert ablation.cluster_agreement(places + rng.normal(size=places.shape), truth) == 1
    assert abs(ablation.cluster_agreement(rng.normal(size=places.shape), truth)) < 0.1


def test_a_method_without_an_embedding_has_no_ari(ablation: ModuleType) -> None:
    obs = pd.DataFrame({"cell_type": ["B", "B", "NK", "NK"]}, index=list("abcd"))
    query = anndata.AnnData(np.ones((4, 1), np.float32), obs=obs)
    found = ablation.Found("svm", np.array(["B", "B", "NK", "DC"]), 1.0)
    setting = ablation.STUDY.settings[0]
    (row,) = ablation.measure(setting, ablation.Sides(query, query), found)
    assert row["accuracy"] == 0.75
    assert row["macro_f1"] == pytest.approx((1 + 2 / 3) / 2, abs=1e-5)
    assert np.isnan(row["ari"])


def test_settings_are_those_of_the_paper(ablation: ModuleType) -> None:
    settings = {setting.name: setting for setting in ablation.STUDY.settings}
    assert tuple(settings) == ablation.page.__globals__["SETTINGS"]
    losses = settings["without L1 and L4"]
    assert set(losses.training) == {"clustering_weight", "self_entropy_weight"}
    assert set(losses.training.values()) == {0.0}
    assert [name for name, setting in settings.items() if not setting.mask] == ["without mask"]
    assert {name for name, setting in settings.items() if "svm" in setting.methods} == {
        "standard",
        "noise 0.1",
        "noise 0.15",
        "noise 0.2",
    }


def test_sentences_of_wrong_labels(ablation: ModuleType) -> None:
    claims = ablation.page.__globals__["sentences"].__globals__
    table = made_up(
        {
            ("standard", "plkd student"): 0.80,
            ("standard", "plkd teacher"): 0.80,
            ("standard", "svm"): 0.70,
            ("noise 0.2", "plkd student"): 0.79,
            ("noise 0.2", "plkd teacher"): 0.72,
            ("noise 0.2", "svm"): 0.695,
        }
    )
    share = claims["kept"](table, "macro_f1")
    expected = (0.79 / 0.80, 0.81 / 0.82)
    assert share.loc["plkd student", "mean"] == pytest.approx(np.mean(expected))
    assert share.loc["plkd student", "std"] == pytest.approx(np.std(expected, ddof=1))
    said = claims["sentences"](table)
    assert len(said) == 4
    assert said[0] == (
        "With 20 % wrong labels the Student keeps 98.8 ± 0.0 % of its clean macro F1 (the aim, at "
        "least 97 %, is met) and 98.8 ± 0.0 % of its clean accuracy (the paper's Student: 87.9 %)."
    )
    assert said[1] == (
        "On the same 2 tasks the Teacher keeps 90.1 ± 0.2 % of its own: the Student's share is "
        "above that of the Teacher, higher with 2 of 2 seeds. The Student falls from 0.810 to "
        "0.800, the Teacher from 0.810 to 0.730."
    )
    assert said[2] == (
        "On the 2 tasks that peers were run on they keep: linear SVM 99.3 ± 0.0 %. The Student's "
        "share there, 98.8 ± 0.0 %, is not above that of linear SVM."
    )
    assert "there 0.800 with 20 % wrong labels, is above that of linear SVM" in said[3]


def test_networks_are_compared_on_tasks_that_no_peer_was_run_on(ablation: ModuleType) -> None:
    claims = ablation.page.__globals__["sentences"].__globals__
    scores = {
        (setting, method): score
        for method in ("plkd student", "plkd teacher", "svm")
        for setting, score in (("standard", 0.8), ("noise 0.2", 0.7))
    }
    table = made_up(scores)
    peers_on_one = table[(table["method"] != "svm") | (table["task"] == "a:one")]
    peers_on_one.loc[peers_on_one["task"] == "b:two", "macro_f1"] = 0.6
    said = claims["sentences"](peers_on_one)
    assert "On the same 2 tasks the Teacher keeps 92.9" in said[1]
    assert "On the 1 task that peers were run on they keep: linear SVM 87.7" in said[2]
    text = ablation.page(peers_on_one)
    assert "| b:two | 100.0 ± 0.0 % | 100.0 ± 0.0 % | – |" in text


def test_a_sentence_rests_on_all_tasks_that_have_what_it_compares(ablation: ModuleType) -> None:
    whole = made_up(
        {
            ("standard", "plkd student"): 0.8,
            ("noise 0.2", "plkd student"): 0.8,
            ("without mask", "plkd student"): 0.7,
        }
    )
    more = made_up({("standard", "plkd student"): 0.8, ("noise 0.2", "plkd student"): 0.6})
    more = more[more["task"] == "a:one"].assign(task="c:three")
    text = ablation.page(pd.concat([whole, more]))
    assert "Compared: tasks `a:one`, `b:two`; seeds 0, 1," in text
    assert "(20 % wrong labels: all 3)" in text
    other = whole[whole["setting"] == "standard"].assign(task="d:four")
    named = ablation.page(pd.concat([whole, more, other]))
    assert "(20 % wrong labels: `a:one`, `b:two`, `c:three`)" in named
    kept = np.array([(0.8 + 0.8 + 0.6) / 2.4, (0.82 + 0.82 + 0.62) / 2.46])
    mean, spread = 100 * kept.mean(), 100 * kept.std(ddof=1)
    assert f"keeps {mean:.1f} ± {spread:.1f} % of its clean macro F1" in text
    assert "| c:three | 0.810 ± 0.014 | – | 0.610 ± 0.014 |" in text


def test_clean_rows_that_are_lacking_are_those_of_the_transfer(
    ablation: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = made_up({("standard", "plkd student"): 0.8, ("noise 0.2", "plkd student"): 0.76})
    lacking = (whole["task"] == "b:two") & (whole["setting"] == "standard")
    transfer = whole.assign(macro_f1=0.95)[lacking].drop(columns=["setting", "ari"])
    transfer.to_csv(tmp_path / "transfer.csv", index=False)
    monkeypatch.setitem(ablation.page.__globals__, "TRANSFER", tmp_path / "transfer.csv")
    assert "transfer.csv" not in ablation.page(whole)
    text = ablation.page(whole[~lacking])
    assert "2 clean rows that it lacks are those of `transfer.csv`" in text
    assert "| a:one | 95.1 ± 0.1 % |" in text
    assert "| b:two | 81.1 ± 1.5 % |" in text


def test_a_missed_aim_is_said(ablation: ModuleType) -> None:
    table = made_up({("standard", "plkd student"): 0.8, ("noise 0.2", "plkd student"): 0.7})
    assert "at least 97 %, is not met" in ablation.page(table)


def test_a_sentence_for_each_part_left_out(ablation: ModuleType) -> None:
    scores = {
        (setting, method): score
        for method in ("plkd student", "plkd teacher")
        for setting, score in (("standard", 0.8), ("without L1 and L4", 0.79))
    }
    text = ablation.page(made_up(scores))
    change = "accuracy -0.010, macro F1 -0.010 and ARI +0.000"
    assert f"Without L1 and L4, the Teacher moves by {change}" in text
    assert "(the paper's: accuracy -0.069, ARI -0.409)" in text
    assert f"the Student moves by {change} (the paper's: accuracy -0.084, ARI -0.561)" in text


def test_the_page_of_an_unfinished_study(ablation: ModuleType) -> None:
    table = made_up({("standard", "plkd student"): 0.8, ("standard", "svm"): 0.7})
    table = table[(table["method"] != "svm") | (table["task"] != "b:two")]
    text = ablation.page(table)
    assert "Compared: task `a:one`; seeds 0, 1," in text
    assert "2 further rows are in the CSV." in text
    only = table[[(m == "svm") == (t == "a:one") for m, t in table[["method", "task"]].to_numpy()]]
    assert "Nothing can be compared yet" in ablation.page(only)


@pytest.mark.parametrize("n_settings", [1, 6])
def test_the_figure(
    script: Callable[[str], ModuleType], ablation: ModuleType, tmp_path: Path, n_settings: int
) -> None:
    scores = {
        (setting.name, method): 0.8 - 0.01 * place
        for place, setting in enumerate(ablation.STUDY.settings[:n_settings])
        for method in setting.methods
    }
    script("study.figures").save(ablation.figure(made_up(scores)), tmp_path / "a" / "figure.png")
    assert (tmp_path / "a" / "figure.png").stat().st_size > 10_000
