"""Several data sets, or the modalities of one, each with a name, from memory or from files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plkd.data.cell_files import open_cells, uns_of, where_stored
from plkd.data.gene_names import duplicated, examples
from plkd.data.h5ad_files import damaged
from plkd.data.modalities import is_mudata
from plkd.data.source import (
    ExpressionSource,
    source_from_anndata,
    source_from_file,
)
from plkd.errors import InputError
from plkd.keys import SlotNames
from plkd.tools.joint_obs import own_obs, with_whole
from plkd.tools.joint_options import Layer, UseRaw, values_of_each


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
    modality
        Whether it is a modality of a MuData, of which others could be chosen.
    """

    name: str
    source: ExpressionSource
    obs: Any
    modality: bool = False


@contextmanager
def naming(name: str, n_inputs: int, *, modality: bool = False) -> Iterator[None]:
    """Say in an error about one of several inputs which one it is."""
    try:
        yield
    except InputError as error:
        if n_inputs < 2:
            raise
        choose = ", or choose others with modalities (--modality)" * modality
        raise type(error)(
            error.expected, f"in {name!r}: {error.found}", error.mend + choose
        ) from error


def inputs_from_memory(
    adatas: Any,
    names: Sequence[str] | None,
    *,
    modalities: Sequence[str] | None,
    layer: Layer,
    use_raw: UseRaw,
    slots: SlotNames,
) -> list[JointInput]:
    """Name the inputs that lie in memory.

    Parameters
    ----------
    adatas
        An AnnData, a MuData, a sequence of AnnData, or a mapping from names to them.
    names
        Names of those of a sequence; the default is their place, as in ``anndata.concat``.
    modalities
        Those of a MuData to take, in this order; the default is all.
    layer, use_raw
        Which values to read, of all or by the names of some.
    slots
        Names of what will be written.

    Raises
    ------
    InputError
        Something is no AnnData, names or modalities do not fit, or a slot to be written is taken.
    """
    from anndata import AnnData

    named = _named(adatas, names, modalities)
    wrong = [f"{name!r}: {type(each).__name__}" for name, each in named.items()
             if not isinstance(each, AnnData)]  # fmt: skip
    if wrong:
        raise InputError(
            "AnnData, or a MuData", ", ".join(wrong[:5]), "pass AnnData: anndata.read_h5ad(path)"
        )
    modality = is_mudata(adatas)
    whole = adatas.obs if modality else None
    values = values_of_each(layer, use_raw, list(named))
    inputs = []
    for name, each in named.items():
        with naming(name, len(named), modality=modality):
            source = source_from_anndata(each, **values[name])
        obs = own_obs(with_whole(each.obs, whole), each.uns, name, slots)
        inputs.append(JointInput(name, source, obs, modality))
    return inputs


@contextmanager
def inputs_from_files(
    paths: Sequence[Path],
    names: Sequence[str] | None,
    *,
    modalities: Sequence[str] | None,
    layer: Layer,
    use_raw: UseRaw,
    slots: SlotNames,
) -> Iterator[list[JointInput]]:
    """Open the inputs that are h5ad files or zarr stores, or the modalities of one h5mu file.

    Parameters
    ----------
    paths
        The files; one file only where it is an h5mu.
    names
        Names of the files; the default is the name of each without its suffix.
    modalities
        Those of an h5mu file to take, in this order; the default is all.
    layer, use_raw
        Which values to read, of all or by the names of some.
    slots
        Names of what will be written.

    Yields
    ------
    The inputs, which can be read until the context is left.

    Raises
    ------
    InputError
        A file cannot be read, names or modalities do not fit, or a slot to be written is taken.
    """
    with ExitStack() as files:
        holders, whole = _holders(paths, names, modalities, files)
        modality = whole is not None
        values = values_of_each(layer, use_raw, list(holders))
        inputs = []
        for name, holder in holders.items():
            obs = with_whole(_table(holder), whole)
            with naming(name, len(holders), modality=modality):
                source = source_from_file(holder, **values[name])
            if len(obs) != source.n_cells:
                why = f"{source.n_cells} rows of {source.slot}, {len(obs)} of obs"
                raise damaged(where_stored(holder), why)
            obs = own_obs(obs, uns_of(holder), name, slots)
            inputs.append(JointInput(name, source, obs, modality))
        yield inputs


def _named(
    adatas: Any, names: Sequence[str] | None, modalities: Sequence[str] | None
) -> dict[str, Any]:
    from anndata import AnnData

    if is_mudata(adatas):
        _check_axis(getattr(adatas, "axis", 0))
        adatas = {name: adatas.mod[name] for name in _chosen(modalities, list(adatas.mod))}
    elif modalities is not None:
        raise _no_modalities(type(adatas).__name__)
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


def _chosen(modalities: Sequence[str] | None, there: list[str]) -> list[str]:
    """Return the names of the modalities to take, in order."""
    if modalities is None:
        return there
    wanted = [modalities] if isinstance(modalities, str) else [str(name) for name in modalities]
    wrong = [name for name in wanted if name not in there] + list(duplicated(wanted))
    if wrong:
        raise InputError(
            f"modalities out of {examples(there, 20)}, each once",
            examples(wrong),
            "name some that are there: modalities, --modality",
        )
    return wanted


def _no_modalities(found: str) -> InputError:
    return InputError(
        "modalities of a MuData or of one h5mu file",
        f"{found} and modalities",
        "leave modalities (--modality) out, and pass what is to be integrated",
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
    paths: Sequence[Path],
    names: Sequence[str] | None,
    modalities: Sequence[str] | None,
    files: ExitStack,
) -> tuple[dict[str, Any], Any]:
    """Return what holds obs, var and X by name, and the table of a MuData's cells or None."""
    import h5py

    if len(paths) == 1 and paths[0].is_file() and h5py.is_hdf5(paths[0]):
        try:
            file = files.enter_context(h5py.File(paths[0], "r"))
        except OSError:  # truncated: open_cells below says so
            file = {}
        if "mod" in file:
            _check_axis(file.attrs.get("axis", 0))
            order = [str(name) for name in file["mod"].attrs.get("mod-order", file["mod"])]
            order = _chosen(modalities, order)
            named = check_names(order if names is None else names, len(order))
            return dict(zip(named, map(file["mod"].get, order), strict=True)), _table(file)
    if modalities is not None:
        raise _no_modalities(examples([path.name for path in paths]))
    named = check_names([path.stem for path in paths] if names is None else names, len(paths))
    opened = [files.enter_context(open_cells(path)) for path in paths]
    return dict(zip(named, opened, strict=True)), None


def _table(holder: Any) -> Any:
    from anndata.io import read_elem

    try:
        return read_elem(holder["obs"])
    except Exception as error:  # of many kinds, depending on where the damage is
        raise damaged(where_stored(holder), error) from error
