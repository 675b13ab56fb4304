// Shows a figure of several panels; reports clicks, and keys that stand in for them; saves files.
const OURS = new Set(
  ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown", "Enter", " "],
);
const GONE = new Set(["terminating", "restarting", "autorestarting", "dead"]); // states of a kernel
const SOON = 120; // milliseconds
const VALUE = "aria-valuetext"; // what is said of a slider
let screens = 0;

function render({ model, el }) {
  const root = make("div", "screen");
  const ended = make("div", "ended", "The kernel has ended: run the cell again.");
  ended.setAttribute("role", "status");
  root.setAttribute("role", "group");
  el.append(ended, root);

  let [charts, layout, ink] = [[], "", "0, 0, 0"];
  // What is zoomed into is drawn with more points, once the wheel rests.
  let [told, soon] = [null, 0];
  const tell = () => {
    const x = charts.find((chart) => chart.view)?.view.x ?? null;
    if (String(x) !== String(told)) model.send({ kind: "zoom", x: (told = x) });
  };
  const screen = {
    zoomed: () => (clearTimeout(soon), (soon = setTimeout(tell, SOON))),
    key: `afnlab-${++screens}`,
    ink: (alpha = 1) => `rgba(${ink}, ${alpha})`,
    others: (one) => charts.filter((other) => other !== one && other.panel.group === one.panel.group),
    click: model.get("clickable") && ((x, y, other) => model.send({ kind: "click", x, y, other })),
  };
  const resized = new ResizeObserver(() => charts.forEach((chart) => chart.resize()));
  const clear = () => {
    resized.disconnect();
    charts.forEach((chart) => chart.stop());
    root.replaceChildren();
  };
  const build = (panels) => {
    clear();
    charts = panels.map((panel) => new Chart(panel, screen));
    for (const at of new Set(panels.map((panel) => panel.row))) {
      const row = make("div", "row");
      const own = charts.filter((chart) => chart.panel.row === at);
      row.style.setProperty("--least", own.length > 3 ? "150px" : "240px");
      row.append(...own.map((chart) => chart.element));
      root.append(row);
    }
    charts.forEach((chart) => (chart.start(), resized.observe(chart.place)));
  };

  const draw = () => {
    const [number, numbers, texts] = [model.get("number"), model.get("numbers"), model.get("texts")];
    if (!numbers?.byteLength) return;
    const panels = structuredClone(model.get("panels"));
    if (layout !== (layout = JSON.stringify(panels.map(lasting)))) build(panels);
    else panels.forEach((panel, i) => charts[i].update(panel));
    if (told) screen.zoomed(); // other limits may have ended it
    const next = blocks(numbers);
    charts.forEach((chart, i) => chart.show(next, texts[i]));
    // uPlot draws in microtasks, which were queued before this one.
    queueMicrotask(() => {
      root.dataset.number = number;
      if (!model.get("acknowledged")) return;
      model.set("seen", number);
      model.save_changes();
    });
  };
  // A theme marks the body; its colours may come a moment later.
  const theme = () => {
    const now = getComputedStyle(root).color.match(/[\d.]+/g).slice(0, 3).join();
    if (now === ink) return;
    ink = now;
    charts.forEach((chart) => chart.plot.redraw(false));
  };
  const themes = new MutationObserver(() => (theme(), setTimeout(theme, 100), setTimeout(theme, 500)));
  for (const marked of [document.documentElement, document.body])
    themes.observe(marked, { attributes: true });
  const night = matchMedia("(prefers-color-scheme: dark)");
  night.addEventListener("change", theme);
  const describe = () => root.setAttribute("aria-label", model.get("label"));
  const message = (content, buffers) => {
    if (content.kind !== "save") return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(buffers, { type: content.type }));
    link.download = content.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  // Notebooks take arrows and Enter for themselves, also from a slider or a button in an output.
  // The mark is on the element with the focus: some of their shortcuts are bound to just that one.
  const keep = (event) => {
    const plain = !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey);
    if (el.closest(".jp-OutputArea-output")?.contains(event.target))
      event.target.toggleAttribute("data-lm-suppress-shortcuts", plain && OURS.has(event.key));
  };
  window.addEventListener("keydown", keep, true);

  // Sliders stand beside their names and do not say them: to those who hear the page they are all
  // "slider", and their values are sums of steps. Cards come and go, so it is looked again.
  // An output that is replaced meanwhile is still this widget's, which is then outside of the page.
  let watching;
  requestAnimationFrame(() => {
    const around = el.closest(".jp-OutputArea-output");
    if (!around) return;
    const say = () => (nameSliders(around), roundValues(around));
    say();
    watching = new MutationObserver(say);
    watching.observe(around, { childList: true, subtree: true, attributeFilter: [VALUE] });
  });

  // The widgets' manager notes a restart that was asked for, and nothing else that ends a kernel.
  const kernel = model.widget_manager?.kernel;
  const gone = () => el.classList.add("afnlab-kernel-gone");
  const hear = (_, status) => GONE.has(status) && gone();
  kernel?.statusChanged?.connect(hear);
  kernel?.disposed?.connect(gone);

  describe();
  requestAnimationFrame(() => (theme(), draw())); // in the page by then, with a width
  model.on("change:number", draw);
  model.on("change:label", describe);
  model.on("msg:custom", message);
  return () => {
    clear();
    themes.disconnect();
    night.removeEventListener("change", theme);
    watching?.disconnect();
    kernel?.statusChanged?.disconnect(hear);
    kernel?.disposed?.disconnect(gone);
    window.removeEventListener("keydown", keep, true);
    model.off("change:number", draw);
    model.off("change:label", describe);
    model.off("msg:custom", message);
  };
}

// What of a panel only a new chart can show.
const lasting = ({ title, x, y, ...rest }) => ({
  ...rest,
  axes: [x, y].map(({ low, high, ...others }) => others),
});

// The blocks of numbers, one after the other: see afnlab/live/scene.py.
function blocks(numbers) {
  const data = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength).slice().buffer;
  const sizes = new Uint32Array(data, 4, new Uint32Array(data, 0, 1)[0]);
  let [number, at] = [0, 4 + sizes.byteLength];
  return () => {
    const block = new Float32Array(data, at, sizes[number++]);
    at += block.byteLength;
    return block;
  };
}

function nameSliders(part) {
  for (const slider of part.querySelectorAll(".widget-slider")) {
    const name = slider.querySelector("label")?.textContent;
    const handles = slider.querySelectorAll(".noUi-handle:not([aria-label])");
    const ends = handles.length > 1 ? [", from", ", to"] : [""];
    handles.forEach((handle, i) => handle.setAttribute("aria-label", `${name}${ends[i]}`));
  }
}

// 1.0000000000000002 is read as 1.
function roundValues(part) {
  for (const handle of part.querySelectorAll(`.noUi-handle[${VALUE}]`)) {
    const value = handle.getAttribute(VALUE);
    const short = String(Number(Number(value).toFixed(10)));
    if (short !== value && short !== "NaN") handle.setAttribute(VALUE, short);
  }
}

export default { render };
