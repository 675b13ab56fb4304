"""A widget says that its kernel is gone, however that came about: without a Jupyter, which is slow.

`test_explore` restarts a real one.
"""

from __future__ import annotations

import pytest

from afnlab.widgets.screen import Screen

# A kernel as JupyterLab's services have it, as far as a screen listens to it, and its model.
SHOWN = """async ([script, style, happens]) => {
  const signal = () => {
    const heard = new Set();
    return {
      connect: (slot) => heard.add(slot),
      disconnect: (slot) => heard.delete(slot),
      emit: (value) => heard.forEach((slot) => slot(null, value)),
      heard,
    };
  };
  const kernel = { statusChanged: signal(), disposed: signal() };
  const given = { panels: [], number: 0, texts: [], label: "", clickable: false };
  const model = {
    get: (name) => given[name], on() {}, off() {}, send() {},
    widget_manager: happens === "no kernel" ? undefined : { kernel },
  };
  document.head.innerHTML = `<style>${style}</style>`;
  const screen = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
  const el = document.body.appendChild(document.createElement("div"));
  const end = screen.default.render({ model, el });
  if (happens === "disposed") kernel.disposed.emit();
  else if (happens !== "no kernel") kernel.statusChanged.emit(happens);
  const line = el.querySelector(".afnlab-ended");
  const shown = line.checkVisibility() ? line.textContent : "";
  end();
  return [shown, kernel.statusChanged.heard.size + kernel.disposed.heard.size];
}"""
GONE = "The kernel has ended: run the cell again."


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        ("disposed", GONE),  # shut down
        ("dead", GONE),
        ("autorestarting", GONE),  # it was killed, and another takes its place
        ("restarting", GONE),
        ("terminating", GONE),
        ("busy", ""),
        ("idle", ""),
        ("no kernel", ""),  # elsewhere than in Jupyter
    ],
)
def test_what_happens_to_a_kernel(happens, told, page):
    given = [str(Screen._esm), str(Screen._css), happens]
    shown, left = page.evaluate(SHOWN, given)
    assert shown == told
    assert left == 0  # nothing listens once the widget is gone
