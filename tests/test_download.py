"""Downloads, from a server on this machine: fetched once, checked, and refused when altered."""

from __future__ import annotations

import gzip
import hashlib
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pooch
import pytest

from afnlab.training import data
from afnlab.training.data import DataError, mnist


class Quiet(SimpleHTTPRequestHandler):
    served: list[str]

    def do_GET(self):
        self.served.append(self.path)
        super().do_GET()

    def log_message(self, *_):
        """Nothing to the terminal."""


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A server of a tiny MNIST, with its checksums in place of the real ones."""
    served, cache = tmp_path / "served", tmp_path / "cache"
    served.mkdir()
    sums = {}
    for name in data._MNIST:
        images = "images" in name
        body = np.arange(784 * 3 if images else 3, dtype=np.int64) % (256 if images else 10)
        content = bytes(16 if images else 8) + body.astype(np.uint8).tobytes()
        packed = gzip.compress(content, mtime=0)
        (served / f"{name}.gz").write_bytes(packed)
        sums[name] = tuple(hashlib.md5(part).hexdigest() for part in (content, packed))
    handler = type("Handler", (Quiet,), {"served": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(served)))
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.delenv(data.ENVIRONMENT, raising=False)
    monkeypatch.setattr(data, "_MNIST", sums)
    monkeypatch.setattr(data, "_MNIST_MIRROR", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setattr(pooch, "os_cache", lambda _: cache)
    mnist.cache_clear()
    yield served, handler.served
    mnist.cache_clear()
    server.shutdown()
    server.server_close()


def test_fetched_once_and_read(mirror):
    _, served = mirror
    found = mnist()
    assert found.train_x.shape == (3, 784)
    assert found.test_y.tolist() == [0, 1, 2]
    assert float(found.train_x[0, 255]) == 1.0
    assert len(served) == 4
    mnist.cache_clear()
    assert mnist().fingerprint == found.fingerprint
    assert len(served) == 4


def test_an_altered_file_is_refused_and_can_be_fetched_again(mirror):
    folder, _ = mirror
    file = folder / "t10k-labels-idx1-ubyte.gz"
    right = file.read_bytes()
    file.write_bytes(gzip.compress(b"something else"))
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz: could not be fetched"):
        mnist()
    file.write_bytes(right)
    assert len(mnist().test_y) == 3


def test_a_missing_file_says_what_to_do(mirror):
    folder, _ = mirror
    (folder / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(DataError, match="set AFNLAB_DATA to that folder"):
        mnist()
