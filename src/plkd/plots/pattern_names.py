"""Names of patterns as a figure can bear them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

LONGEST = 44
COLLECTION = re.compile(r"^(REACTOME|HALLMARK|KEGG(_MEDICUS)?|BIOCARTA|PID|WP|GO(BP|CC|MF)?|HP)_+")
ODD = {"A": "a", "MRNA": "mRNA", "MRNAS": "mRNAs", "MIRNA": "miRNA", "RRNA": "rRNA", "TRNA": "tRNA"}
ABBREVIATIONS = (
    "ABC ADP AKT AMP AMPA AMPK AP APC ATF ATP ATR BMP CAMP CREB DAG DNA EGFR EMT ER ERBB ERK ERKS "
    "FGF GABA GAP GDP GMP GTP HIF HIV IFN IFNA IFNG IGF II III IL ILS IRF IV IX JAK KRAS LDL MAP "
    "MAPK MHC MTOR MYC NAD NADH NFKB NMDA PA PERK PI RAC RAF RAS RIG RNA ROS SNARE STAT TCA TGF "
    "TLR TNF TNFA UDP UPR UTR UV VEGF VEGFA VI VII VIII XI ZAP"
)


def readable_names(patterns: Sequence[str], learned: Mapping[str, str]) -> list[str]:
    """Write the names of patterns short and in small letters, no two the same.

    Parameters
    ----------
    patterns
        Their names, all different.
    learned
        For each learned pattern the gene set that it is surest to be enriched in, "" for none;
        that set is named behind the pattern.

    Returns
    -------
    Names in the order of ``patterns``. Names in capitals, as in GMT files, lose their collection
    ("REACTOME") and underscores, and are written small but for genes and common abbreviations.
    What is too long ends in "…", or has it in the middle where two would else be the same.
    """
    whole = [_whole(name, learned) for name in patterns]
    names = [_head(name, LONGEST) for name in whole]
    for longer in ([_head_and_tail(name) for name in whole], whole, list(patterns)):
        times = Counter(names)
        names = [
            other if times[name] > 1 else name for name, other in zip(names, longer, strict=True)
        ]
    return names


def _whole(name: str, learned: Mapping[str, str]) -> str:
    if name in learned:
        return f"{name}: {_sentence(learned[name])}" if learned[name] else name
    return _sentence(name)


def _sentence(name: str) -> str:
    bare = COLLECTION.sub("", name) or name
    words = bare.replace("_", " ").split()
    if bare.isupper():
        words = [_word(word) for word in words]
        words[:1] = [
            word if word in ODD.values() else word[0].upper() + word[1:] for word in words[:1]
        ]
    return " ".join(words) or name


def _word(word: str) -> str:
    """Write a word of capitals small, unless it is a gene, a single letter or an abbreviation."""
    if word in ODD:
        return ODD[word]
    pronounced = len(word) > 1 and re.search("[AEIOUY]", word) and not re.search("[0-9]", word)
    return word.lower() if pronounced and word not in ABBREVIATIONS.split() else word


def _head(name: str, longest: int) -> str:
    """Cut a name between words, or within the first word where that alone is too long."""
    if len(name) <= longest:
        return name
    kept = name[: longest - 1]  # with the space that may follow a word
    ends = kept.rfind(" ")
    return f"{kept[:ends].rstrip(' ,:;')} …" if ends > 0 else f"{kept}…"


def _head_and_tail(name: str) -> str:
    """Cut a name in the middle."""
    if len(name) <= LONGEST:
        return name
    half = LONGEST // 2
    tail = name[-half:]
    return f"{_head(name, half)} {tail[tail.find(' ') + 1 :]}"
