"""An AnnData and no MuData, one modality of a MuData, and a MuData with one modality more."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from plkd.data.gene_names import examples
from plkd.errors import InputError


def is_mudata(data: Any) -> bool:
    """Say whether the data has several modalities, as a MuData."""
    return hasattr(data, "mod") and hasattr(data, "n_mod")


def check_anndata(data: Any) -> None:
    """Refuse what is no AnnData, where one is asked for.

    Raises
    ------
    InputError
        It is a MuData, a path, the ``raw`` of an AnnData, or something else that has no table of
        genes.
    """
    found, mend = type(data).__name__, "pass an AnnData"
    if is_mudata(data):
        names = [str(name) for name in data.mod]
        found = f"a MuData of {examples(names)}"
        mend = f"pass one of its modalities: mdata.mod[{names[0]!r}]" if names else mend
    elif isinstance(data, str | Path):
        found = f"the path {str(data)!r}"
        mend = "read it with anndata.read_h5ad(path), or use the plkd command, which takes files"
    elif hasattr(data, "to_adata"):
        found, mend = "the raw of one", "pass the AnnData itself and use_raw=True"
    elif hasattr(data, "var_names") and hasattr(data, "X"):
        return
    raise InputError("an AnnData", found, mend)


def take_modality(mdata: Any, name: str) -> Any:
    """Return one modality.

    Parameters
    ----------
    mdata
        A MuData whose modalities share cells.
    name
        Which.

    Returns
    -------
    Its AnnData, not a copy.

    Raises
    ------
    InputError
        There is no such modality, or the modalities share variables in place of cells.
    """
    if getattr(mdata, "axis", 0) != 0:
        raise InputError(
            "a MuData of modalities of the same cells (axis=0)",
            f"axis={mdata.axis}",
            "pass the AnnData with the peaks by itself",
        )
    if name not in mdata.mod:
        raise InputError(
            f"a modality {name!r}",
            f"{examples(list(mdata.mod))}",
            "name the one with the peaks: modality=...",
        )
    return mdata.mod[name]


def refuse_taken(mdata: Any, name: str, written_key: str) -> None:
    """Refuse a name for a new modality that something of the user's bears.

    Parameters
    ----------
    mdata
        The MuData.
    name
        Name of the new modality.
    written_key
        Entry of ``uns`` by which plkd knows its own earlier result, which is replaced.

    Raises
    ------
    InputError
        The name is taken.
    """
    if name in mdata.mod and written_key not in mdata.mod[name].uns:
        raise InputError(
            f"a free name for the modality {name!r}",
            "a modality of that name, not written by plkd",
            "choose another key_added",
        )


def with_modality(mdata: Any, name: str, new: Any) -> Any:
    """Return a MuData with one modality more.

    Parameters
    ----------
    mdata
        The MuData; not changed.
    name, new
        The modality to add, whose cells are some of the MuData's.

    Returns
    -------
    A new MuData. Its other modalities are those of ``mdata`` themselves, not copies; ``obs``,
    ``obsm``, ``obsp`` and ``uns`` of the whole are copied; its ``var``, ``varm`` and ``varp`` are
    not, since genes may bear one name in both modalities.
    """
    import mudata

    with warnings.catch_warnings():
        # Genes bear one name in both modalities; that is what makes them comparable.
        warnings.filterwarnings("ignore", message="var_names are not unique")
        warnings.filterwarnings("ignore", message="Cannot join columns")
        warnings.filterwarnings("ignore", message=r"From 0\.4", category=FutureWarning)
        out = mudata.MuData({**mdata.mod, name: new})
    order = mdata.obs_names.get_indexer(out.obs_names)
    for column in mdata.obs.columns.difference(out.obs.columns, sort=False):
        out.obs[column] = mdata.obs[column].iloc[order].array
    for key in set(mdata.obsm) - set(out.obsm):
        value = mdata.obsm[key]
        out.obsm[key] = value.iloc[order] if hasattr(value, "iloc") else value[order]
    for key in set(mdata.obsp) - set(out.obsp):
        out.obsp[key] = mdata.obsp[key][order][:, order]
    out.uns.update(mdata.uns)
    return out
