"""A small network on hard labels, in the manner of ACTINN.

==============  =================================================================================
mlp             three hidden layers of 100, 50 and 25 with ReLU, cross-entropy with a squared-weight
                penalty of 0.01, Adam, batches of 128, 50 epochs, learning rate 0.0001 falling by
                5 % every 1,000 steps: ACTINN's published settings, written anew in torch
==============  =================================================================================
"""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from predictions import LABELS, Prediction

if TYPE_CHECKING:
    from anndata import AnnData

HIDDEN, EPOCHS, BATCH_SIZE, RATE, PENALTY = (100, 50, 25), 50, 128, 1e-4, 0.01


def actinn_like(reference: AnnData, query: AnnData, seed: int) -> Prediction:
    """Train the network on the reference and label the query."""
    import torch
    from torch import nn

    start = time.perf_counter()
    torch.manual_seed(seed)
    types, codes = np.unique(reference.obs[LABELS].to_numpy().astype(str), return_inverse=True)
    cells, answers = torch.from_numpy(reference.X.toarray()), torch.from_numpy(codes)
    widths = (cells.shape[1], *HIDDEN)
    layers: list[nn.Module] = []
    for wide, narrow in pairwise(widths):
        layers += [nn.Linear(wide, narrow), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Linear(HIDDEN[-1], len(types)))
    weights = [value for name, value in network.named_parameters() if name.endswith("weight")]
    adam = torch.optim.Adam(network.parameters(), lr=RATE)
    falling = torch.optim.lr_scheduler.StepLR(adam, 1000, 0.95)
    for _ in range(EPOCHS):
        for index in torch.randperm(len(cells)).split(BATCH_SIZE):
            loss = nn.functional.cross_entropy(network(cells[index]), answers[index])
            loss = loss + PENALTY / 2 * sum(weight.square().sum() for weight in weights)
            adam.zero_grad()
            loss.backward()
            adam.step()
            falling.step()
    fitted = time.perf_counter()
    with torch.inference_mode():
        found = network(torch.from_numpy(query.X.toarray())).argmax(1).numpy()
    return Prediction(types[found], fitted - start, time.perf_counter() - fitted)
