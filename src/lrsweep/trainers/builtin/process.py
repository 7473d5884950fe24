"""The process in which a model trains: one thread, and kernels that give the same bits in every run."""

import ctypes
import os

import torch


def use_one_thread(device: str) -> None:
    """Use one thread a process: two were slower for a small model, and the number of threads would change bits.

    On a GPU cuBLAS is deterministic only with a fixed workspace, and attention only with the plain kernel.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cuda.enable_flash_sdp(device == "cpu")
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    torch.backends.cuda.enable_cudnn_sdp(False)
    _keep_freed_memory()
    torch.set_num_threads(1)
    torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = False  # costs 1 % of the time and finds nothing


def _keep_freed_memory() -> None:
    """Have glibc keep the memory that a step frees: giving it back costs 1 of 16 ms a step at the default scale.

    No result depends on it. Another C library is left as it is.
    """
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # glibc's malloc.h
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, size in ((trim_threshold, 1 << 30), (top_pad, 1 << 26), (mmap_threshold, 1 << 25)):
            mallopt(option, size)
