"""One name for a chromosome, however a file spells it: 1 and chr1, MT and chrM."""

from __future__ import annotations


def chromosome_key(name: str) -> str:
    """Return what the chromosome is known by, whoever named it.

    Parameters
    ----------
    name
        As the file spells it: ``"chr1"`` (UCSC, GENCODE), ``"1"`` (Ensembl), ``"chrM"``, ``"MT"``.

    Returns
    -------
    The name in lower case without ``chr``; ``"mt"`` for the mitochondrion.
    """
    key = name.strip().casefold()
    key = key.removeprefix("chr") or key
    return "mt" if key in ("m", "mt") else key
