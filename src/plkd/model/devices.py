"""The devices that networks are trained on, by Lightning Fabric."""

from __future__ import annotations

from lightning.fabric import Fabric

from plkd.errors import InputError

DEVICES = ("auto", "cpu", "cuda", "mps")


def launch(device: str, devices: int = 1) -> Fabric:
    """Return a launched Fabric; with several devices the script is started once for each.

    Raises
    ------
    InputError
        There is no such device.
    """
    if device not in DEVICES:
        raise InputError(
            f"device as one of {', '.join(DEVICES)}", repr(device), "choose one of these"
        )
    try:
        fabric = Fabric(accelerator=device, devices=devices)
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"a {device} device", f"none here ({error})", "pass device='cpu' or 'auto'"
        ) from error
    fabric.launch()
    return fabric
