"""The networks, in plain torch: navigator, transformer, teacher, student.

They see tensors only; nothing here knows of AnnData, files or training. Import what you need
from its own module (``plkd.networks.teacher``, say): importing this package loads no torch.
"""
