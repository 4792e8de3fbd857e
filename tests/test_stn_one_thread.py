"""The number of torch's threads while a single spectrum is read."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import stacked
import torch

from xps_stn_plugin.stn import torch_reading
from xps_stn_plugin.stn.one_thread import one_thread
from xps_stn_plugin.stn.predict import shipped
from xps_stn_plugin.stn.stack import predict_stack


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def _threads_of_a_new_thread() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


def test_one_thread_inside_leaves_the_setting_of_all_threads():
    with one_thread():
        assert torch.get_num_threads() == 1
        assert _threads_of_a_new_thread() == 2
    assert torch.get_num_threads() == 2
    assert _threads_of_a_new_thread() == 2


def test_one_thread_after_an_error_restores_the_setting():
    with pytest.raises(ValueError, match="stop"), one_thread():
        raise ValueError("stop")
    assert torch.get_num_threads() == 2


def test_one_thread_in_overlapping_threads_restores_each():
    inside, leave = threading.Barrier(5), threading.Event()

    def work() -> tuple[int, int]:
        with one_thread():
            during = torch.get_num_threads()
            inside.wait(10)
            leave.wait(10)
        return during, torch.get_num_threads()

    with ThreadPoolExecutor(4) as pool:
        tasks = [pool.submit(work) for _ in range(4)]
        inside.wait(10)
        assert _threads_of_a_new_thread() == 2
        leave.set()
        assert [task.result() for task in tasks] == [(1, 2)] * 4


@pytest.mark.parametrize(("number", "threads"), [(1, []), (2, [2])])
def test_predict_stack_of_one_spectrum_goes_without_torch(number, threads, monkeypatch):
    used, read = [], torch_reading.read

    def recorded(*arguments):
        used.append(torch.get_num_threads())
        return read(*arguments)

    monkeypatch.setattr(torch_reading, "read", recorded)
    counts = stacked.counts(["ester"] * number, [0.5] * number, [300] * number)
    predict_stack(shipped(), {name: (stacked.AXES[name], values) for name, values in counts.items()})
    assert used == threads
    assert torch.get_num_threads() == 2
