from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def _same_seed_one_thread() -> Iterator[None]:
    """Networks this small are slower on several threads than on one, above all where tests run in parallel."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
