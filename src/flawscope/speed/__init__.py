"""How fast weights are on this machine, where the time goes, and how far from what its cores could do."""

from flawscope.speed.alternating import Timing, alternate
from flawscope.speed.asking import asking, enough
from flawscope.speed.folder import FolderRate, folder_rate
from flawscope.speed.peak import peak
from flawscope.speed.stages import STAGES, stage_times

__all__ = [
    "STAGES",
    "FolderRate",
    "Timing",
    "alternate",
    "asking",
    "enough",
    "folder_rate",
    "peak",
    "stage_times",
]
