"""The devices that networks are trained on, by Lightning Fabric, and asked on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch

from plkd.errors import InputError

if TYPE_CHECKING:
    from lightning.fabric import Fabric

DEVICES = ("auto", "cpu", "cuda", "mps")
NUMBERED = re.compile(r"cuda:([0-9]+)")
"""One GPU of several, to ask a network on; Fabric chooses those to train on."""


def launch(device: str, devices: int = 1) -> Fabric:
    """Return a launched Fabric; with several devices the script is started once for each.

    Raises
    ------
    InputError
        There is no such device, or there are not so many.
    """
    from lightning.fabric import Fabric
    from lightning.fabric.plugins.environments.lightning import LightningEnvironment
    from lightning.fabric.utilities.exceptions import MisconfigurationException

    _check_name(device)
    # One device needs no other process, whatever the cluster has set aside for this one.
    alone = LightningEnvironment() if devices == 1 else None
    try:
        fabric = Fabric(accelerator=device, devices=devices, plugins=alone)
    except (RuntimeError, ValueError, TypeError, MisconfigurationException) as error:
        raise _absent(device, devices, " ".join(str(error).split())) from error
    fabric.launch()
    return fabric


def torch_device(device: str) -> torch.device:
    """Return the device that a network is asked on, with ``"cuda:1"`` the second GPU.

    Raises
    ------
    InputError
        There is no such device.
    """
    if numbered := NUMBERED.fullmatch(device):
        count = torch.cuda.device_count()
        if int(numbered[1]) >= count:
            raise _absent(device, 1, f"torch {torch.__version__} finds {count} GPU(s)")
        return torch.device(device)
    _check_name(device)
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    there = (
        device == "cpu"
        or (device == "cuda" and torch.cuda.is_available())
        or (device == "mps" and torch.backends.mps.is_available())
    )
    if not there:
        raise _absent(device, 1, f"torch {torch.__version__} finds none")
    return torch.device(device)


def _check_name(device: str) -> None:
    if device not in DEVICES:
        raise InputError(
            f"device as one of {', '.join(DEVICES)}", repr(device), "choose one of these"
        )


def _absent(device: str, devices: int, why: str) -> InputError:
    if devices == 1:
        return InputError(f"a {device} device", f"none here ({why})", "pass device='cpu' or 'auto'")
    return InputError(
        f"devices={devices} of the kind {device!r}",
        f"not so many here ({why})",
        "pass devices=1, or as many as there are",
    )
