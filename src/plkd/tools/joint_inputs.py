"""Several data sets, or the modalities of one, each with a name, from memory or from files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plkd.data.gene_names import duplicated, examples
from plkd.data.modalities import is_mudata
from plkd.data.source import (
    ExpressionSource,
    open_h5ad,
    source_from_anndata,
    source_from_h5ad,
)
from plkd.errors import InputError
from plkd.keys import SlotNames
from plkd.tools.h5ad_output import PROVENANCE


@dataclass(frozen=True)
class JointInput:
    """One of the inputs: where its cells are read, and what is known of them.

    Parameters
    ----------
    name
        Name of the input: of a layer, or of a modality.
    source
        Its expression.
    obs
        Its table of cells, a data frame of its own.
    """

    name: str
    source: ExpressionSource
    obs: Any


@contextmanager
def naming(name: str, n_inputs: int) -> Iterator[None]:
    """Say in an error about one of several inputs which one it is."""
    try:
        yield
    except InputError as error:
        if n_inputs < 2:
            raise
        raise type(error)(error.expected, f"in {name!r}: {error.found}", error.mend) from error


def inputs_from_memory(
    adatas: Any,
    names: Sequence[str] | None,
    *,
    layer: str | None,
    use_raw: bool,
    slots: SlotNames,
) -> list[JointInput]:
    """Name the inputs that lie in memory.

    Parameters
    ----------
    adatas
        An AnnData, a MuData, a sequence of AnnData, or a mapping from names to them.
    names
        Names of those of a sequence; the default is their place, as in ``anndata.concat``.
    layer, use_raw
        Which values to read.
    slots
        Names of what will be written.

    Raises
    ------
    InputError
        Something is no AnnData, names do not fit, or a slot to be written is taken.
    """
    from anndata import AnnData

    named = _named(adatas, names)
    wrong = [f"{name!r}: {type(each).__name__}" for name, each in named.items()
             if not isinstance(each, AnnData)]  # fmt: skip
    if wrong:
        raise InputError(
            "AnnData, or a MuData", ", ".join(wrong[:5]), "pass AnnData: anndata.read_h5ad(path)"
        )
    whole = adatas.obs if is_mudata(adatas) else None
    inputs = []
    for name, each in named.items():
        with naming(name, len(named)):
            source = source_from_anndata(each, layer=layer, use_raw=use_raw)
        obs = _own_obs(_with_whole(each.obs, whole), each.uns, name, slots)
        inputs.append(JointInput(name, source, obs))
    return inputs


@contextmanager
def inputs_from_files(
    paths: Sequence[Path],
    names: Sequence[str] | None,
    *,
    layer: str | None,
    use_raw: bool,
    slots: SlotNames,
) -> Iterator[list[JointInput]]:
    """Open the inputs that are h5ad files, or the modalities of one h5mu file.

    Parameters
    ----------
    paths
        The files; one file only where it is an h5mu.
    names
        Names of the files; the default is the name of each without its suffix.
    layer, use_raw
        Which values to read.
    slots
        Names of what will be written.

    Yields
    ------
    The inputs, which can be read until the context is left.

    Raises
    ------
    InputError
        A file cannot be read, names do not fit, or a slot to be written is taken.
    """
    with ExitStack() as files:
        holders, whole = _holders(paths, names, files)
        inputs = []
        for name, holder in holders.items():
            obs = _with_whole(_table(holder), whole)
            with naming(name, len(holders)):
                source = source_from_h5ad(holder, layer=layer, use_raw=use_raw)
            if len(obs) != source.n_cells:
                raise _damaged(holder, f"{source.n_cells} rows of {source.slot}, {len(obs)} of obs")
            obs = _own_obs(obs, holder.get("uns", {}), name, slots)
            inputs.append(JointInput(name, source, obs))
        yield inputs


def _named(adatas: Any, names: Sequence[str] | None) -> dict[str, Any]:
    from anndata import AnnData

    if is_mudata(adatas):
        _check_axis(getattr(adatas, "axis", 0))
        adatas = dict(adatas.mod)
    if isinstance(adatas, Mapping):
        if names is not None:
            raise InputError(
                "names once", "a mapping from names, and names= as well", "leave names out"
            )
        names, each = list(adatas), list(adatas.values())
    elif isinstance(adatas, AnnData):
        each = [adatas]
    elif isinstance(adatas, Sequence) and not isinstance(adatas, str | bytes):
        each = list(adatas)
    else:
        raise InputError(
            "an AnnData, a MuData, or several AnnData",
            type(adatas).__name__,
            "pass AnnData in a list, or in a dictionary from names",
        )
    names = [str(place) for place in range(len(each))] if names is None else names
    return dict(zip(check_names(names, len(each)), each, strict=True))


def _check_axis(axis: int) -> None:
    if axis != 0:
        raise InputError(
            "a MuData of modalities of the same cells (axis=0)",
            f"axis={axis}",
            "pass its AnnData one by one",
        )


def check_names(names: Sequence[str], n_inputs: int) -> list[str]:
    """Return the names of the inputs.

    Raises
    ------
    InputError
        There is no input, or as many names as inputs are not there, or one is empty, holds a "/"
        or stands twice.
    """
    names = [str(name) for name in names]
    if not n_inputs:
        raise InputError("at least one input", "none", "pass AnnData, or files")
    if len(names) != n_inputs:
        raise InputError(
            f"a name for each of {n_inputs} inputs", f"{len(names)}", "pass as many names"
        )
    bad = [name for name in names if not name or "/" in name]
    twice = duplicated(names)
    if bad or twice:
        raise InputError(
            "a name of its own for each input, without '/'",
            examples([*bad, *twice]),
            "name the inputs",
        )
    return names


def _holders(
    paths: Sequence[Path], names: Sequence[str] | None, files: ExitStack
) -> tuple[dict[str, Any], Any]:
    """Return what holds obs, var and X by name, and the table of a MuData's cells or None."""
    import h5py

    if len(paths) == 1 and paths[0].is_file() and h5py.is_hdf5(paths[0]):
        try:
            file = files.enter_context(h5py.File(paths[0], "r"))
        except OSError:  # truncated: open_h5ad below says so
            file = {}
        if "mod" in file:
            _check_axis(file.attrs.get("axis", 0))
            order = [str(name) for name in file["mod"].attrs.get("mod-order", file["mod"])]
            named = check_names(order if names is None else names, len(order))
            return dict(zip(named, map(file["mod"].get, order), strict=True)), _table(file)
    named = check_names([path.stem for path in paths] if names is None else names, len(paths))
    opened = [files.enter_context(open_h5ad(path)) for path in paths]
    return dict(zip(named, opened, strict=True)), None


def _table(holder: Any) -> Any:
    from anndata.io import read_elem

    try:
        return read_elem(holder["obs"])
    except Exception as error:  # HDF5 raises many kinds, depending on where the damage is
        raise _damaged(holder, error) from error


def _damaged(holder: Any, error: object) -> InputError:
    why = (str(error) or type(error).__name__).splitlines()[0]
    return InputError(
        f"a whole h5ad file at {holder.file.filename}",
        f"a damaged one ({why})",
        "copy or write the file again",
    )


def _with_whole(obs: Any, whole: Any) -> Any:
    """Add the columns of a MuData's own table that the modality's lacks and no modality owns."""
    obs = obs.copy()
    if whole is None:
        return obs
    if not whole.index.is_unique:
        raise InputError(
            "a name of its own for each cell of a MuData",
            f"{examples(duplicated(list(map(str, whole.index))))} more than once",
            "make the names unique: mdata.obs_names_make_unique()",
        )
    for column in whole.columns:
        if column not in obs and ":" not in str(column):
            obs[column] = whole[column].reindex(obs.index).array
    return obs


def _own_obs(obs: Any, uns: Mapping[str, Any], name: str, slots: SlotNames) -> Any:
    """Return the table without plkd's column of an earlier run; refuse the user's of its name."""
    entry = uns.get(slots.provenance)
    ours = isinstance(entry, Mapping) and set(entry) >= PROVENANCE
    taken = [slots.layer] * (slots.layer in obs) + [slots.no_counts] * (
        slots.no_counts in obs and not ours
    )
    if taken:
        raise InputError(
            f"free columns of obs in {name!r} to write to",
            f"{examples(taken)}, not written by plkd",
            "choose another key_added",
        )
    return obs.drop(columns=[slots.no_counts], errors="ignore")
