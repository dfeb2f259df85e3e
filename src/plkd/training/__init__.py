"""How the networks learn: the losses, one visible loop, the teacher, then its student.

Import what you need from its own module (``plkd.training.losses``, say): importing this package
loads neither torch nor lightning.
"""
