"""Devices that are not here are refused in one line, and one device asks for no cluster."""

from __future__ import annotations

import pytest
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException

from plkd.errors import InputError
from plkd.model.devices import launch, torch_device


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)


def test_a_device_that_is_not_here_is_refused(no_gpu):
    for device in ("cuda", "mps"):
        with pytest.raises(InputError, match=f"a {device} device.*none here.*'cpu' or 'auto'"):
            torch_device(device)
    for device in ("gpu", "cpu:x"):
        for use in (torch_device, launch):
            with pytest.raises(InputError, match="device as one of auto, cpu, cuda, mps"):
                use(device)
    assert torch_device("auto") == torch_device("cpu") == torch.device("cpu")


def test_one_gpu_of_several_is_taken_where_it_is_there(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert torch_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(InputError, match=r"a cuda:2 device.*finds 2 GPU\(s\).*'cpu' or 'auto'"):
        torch_device("cuda:2")
    for device in ("cuda:", "cuda:-1", "cuda:x"):
        with pytest.raises(InputError, match="device as one of auto, cpu, cuda, mps"):
            torch_device(device)


@pytest.mark.parametrize("devices", [0, -1, 1.5])
def test_a_number_of_devices_that_cannot_be_is_refused(devices):
    with pytest.raises(InputError, match=r"devices=.*as many as there are"):
        launch("cpu", devices)


def test_more_devices_than_there_are_are_refused_in_one_line(monkeypatch):
    def too_many(**_):
        raise MisconfigurationException("You requested gpu: [0, 1]\n But there is only: [0]")

    monkeypatch.setattr("lightning.fabric.Fabric", too_many)
    with pytest.raises(InputError, match="devices=2 of the kind 'cuda'") as caught:
        launch("cuda", 2)
    assert "\n" not in str(caught.value)


def test_one_device_asks_for_no_cluster(monkeypatch):
    monkeypatch.delenv("SLURM_NTASKS_PER_NODE", raising=False)
    monkeypatch.setenv("SLURM_NTASKS", "8")
    monkeypatch.setenv("SLURM_JOB_NAME", "job")
    fabric = launch("cpu")
    assert (fabric.world_size, fabric.global_rank, fabric.is_global_zero) == (1, 0, True)
