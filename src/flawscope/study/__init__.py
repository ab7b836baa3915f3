"""Studies: many networks, the same data, budget and evaluation; every run a file that can be made again.

>>> from flawscope.study import read_study
>>> study = read_study("benchmarks/studies/steel.yaml")  # doctest: +SKIP
>>> [run.name for run in study.runs()]  # doctest: +SKIP
"""

from flawscope.study.description import Source, Study, StudyRow, read_study
from flawscope.study.runs import Run
from flawscope.study.store import RunFiles, StoredRun

__all__ = ["Run", "RunFiles", "Source", "StoredRun", "Study", "StudyRow", "read_study"]
