"""What JupyterLab writes into a notebook as soon as its kernel runs.

A notebook that lacks it counts as changed, and not saved, although it was only opened.
"""

from __future__ import annotations

import json
from functools import cache

KERNEL = "python3"


@cache
def metadata() -> dict[str, object]:
    """The entries of a notebook's metadata that speak of its kernel, as Jupyter has them here."""
    from ipykernel.ipkernel import IPythonKernel  # noqa: PLC0415
    from jupyter_client.kernelspec import KernelSpecManager  # noqa: PLC0415

    spec = KernelSpecManager().get_kernel_spec(KERNEL)
    named = {"display_name": spec.display_name, "language": spec.language, "name": KERNEL}
    return {"kernelspec": named, "language_info": IPythonKernel.language_info}


def completed(content: bytes) -> bytes:
    """A notebook with that metadata.

    Args:
        content: of its file.
    """
    notebook = json.loads(content)
    notebook["metadata"] |= metadata()
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()
