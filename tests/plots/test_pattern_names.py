"""Names of patterns: readable, short, and never two the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plkd.plots.pattern_names import LONGEST, readable_names


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("REACTOME_COSTIMULATION_BY_THE_CD28_FAMILY", "Costimulation by the CD28 family"),
        ("REACTOME_TCR_SIGNALING", "TCR signaling"),
        ("REACTOME_MRNA_3_END_PROCESSING", "mRNA 3 end processing"),
        ("HALLMARK_TNFA_SIGNALING_VIA_NFKB", "TNFA signaling via NFKB"),
        ("GOBP_TRANSFER_TO_A_NASCENT_PROTEIN", "Transfer to a nascent protein"),
        ("REACTOME_RESPONSE_TO_CYTOSOLIC_CA2_", "Response to cytosolic CA2"),
        ("B_CELL_IDENTITY", "B cell identity"),
        ("HYPOXIA", "Hypoxia"),
        ("Interferon Signaling (R-HSA-913531)", "Interferon Signaling (R-HSA-913531)"),
        ("my_own_set", "my own set"),
        ("REACTOME_", "Reactome"),
        ("_", "_"),
    ],
)
def test_names_are_written_small_but_for_genes_and_abbreviations(name: str, wanted: str) -> None:
    assert readable_names([name], {}) == [wanted]


def test_learned_patterns_bear_the_set_they_are_enriched_in() -> None:
    learned = {"free_1": "REACTOME_CELL_CYCLE", "free_2": ""}
    names = ["free_1", "free_2", "HALLMARK_HYPOXIA"]
    assert readable_names(names, learned) == ["free_1: Cell cycle", "free_2", "Hypoxia"]


def test_long_names_are_cut_between_words() -> None:
    name = "REACTOME_SYNTHESIS_OF_GLYCOSYLPHOSPHATIDYLINOSITOL_IN_THE_ENDOPLASMIC_RETICULUM"
    [short] = readable_names([name], {})
    assert short == "Synthesis of glycosylphosphatidylinositol …"
    assert len(short) <= LONGEST


def test_a_single_long_word_shows_that_it_was_cut() -> None:
    [short] = readable_names(["SUPERCALIFRAGILISTIC" * 4], {})
    assert len(short) <= LONGEST
    assert short.endswith("…")


def test_names_that_begin_alike_keep_their_ends() -> None:
    stem = "REACTOME_RNA_POL_III_TRANSCRIPTION_INITIATION_FROM_TYPE_{}_PROMOTER"
    assert readable_names([stem.format(2), stem.format(3)], {}) == [
        "RNA pol III … from type 2 promoter",
        "RNA pol III … from type 3 promoter",
    ]


def test_one_name_of_two_collections_is_written_out() -> None:
    names = ["KEGG_APOPTOSIS", "PID_APOPTOSIS", "HALLMARK_HYPOXIA"]
    assert readable_names(names, {}) == ["KEGG_APOPTOSIS", "PID_APOPTOSIS", "Hypoxia"]


@given(st.lists(st.text("AB_ 1c", min_size=1, max_size=70), unique=True, max_size=8))
def test_no_name_is_empty_and_no_two_are_the_same(names: list[str]) -> None:
    found = readable_names(names, {})
    assert len(set(found)) == len(names)
    assert all(found)
