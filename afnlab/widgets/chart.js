// One panel of a figure on the axes of uPlot: curves, paths, areas, bars and surfaces. The curves
// are uPlot's series, which have one x; all else is drawn from its own numbers below or above them.
const FONT = "12px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";
const NOTCH = 0.002; // of the logarithm of the range, per pixel that the wheel has turned
const STEP = 0.02; // of the panel's width, that an arrow key moves the crosshair by
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const short = (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "–");
const gaps = (values) => Array.from(values, (v) => (Number.isFinite(v) ? v : null));
const make = (kind, name, text = "") => {
  const made = document.createElement(kind);
  [made.className, made.textContent] = [`afnlab-${name}`, text];
  return made;
};

class Chart {
  // screen: ink() is the colour of text; key links crosshairs; others(chart) share its x; zoomed()
  // is called after a zoom; click(x, y, other) is there where surfaces can be clicked.
  constructor(panel, screen) {
    Object.assign(this, { panel, screen, view: null });
    this.curves = panel.parts.filter((part) => part.reads).sort((a, b) => a.z - b.z);
    this.paths = panel.parts.filter((part) => part.kind === "path");
    this.surface = panel.parts.find((part) => part.kind === "surface");
    this.click = this.surface && screen.click;
    this.element = make("div", "panel");
    this.head = make("div", "head");
    this.head.append(make("b", "title"), make("span", "text"), make("span", "place"));
    this.place = make("div", "plot");
    this.element.append(this.head, this.legend(), this.place);
    this.name();
  }

  name() {
    this.element.dataset.title = this.panel.title;
    this.head.firstChild.textContent = this.panel.title;
    this.head.firstChild.style.color = this.panel.colour;
    const keys = this.click ? "Enter adds a point" : "+ and - zoom, 0 shows all";
    this.place.setAttribute("aria-label", `${this.panel.title}: arrows move the crosshair, ${keys}`);
  }

  // What the colours and styles are, with room for the values at the crosshair.
  legend() {
    const legend = make("div", "legend");
    let [group, last] = [null, ""];
    for (const part of this.panel.parts) {
      const { label, reads } = part;
      if (!label && !reads) continue;
      const another = !group || label !== last;
      if (another) legend.append((group = make("span", "group")));
      group.append(swatch(part));
      if (another && label !== reads) group.append(make("span", "label", label));
      last = label;
      if (!reads) continue;
      part.value = make("output", "value");
      Object.assign(part.value.dataset, { of: label, reads });
      group.append(make("span", "reads", reads), part.value);
    }
    return legend;
  }

  // To be called once it has its place in the page, which says how wide it is.
  start() {
    const { x, y } = this.panel;
    const scale = ({ low, high, log }) => ({ time: false, auto: false, min: low, max: high, distr: log ? 3 : 1 });
    const axis = {
      stroke: () => this.screen.ink(),
      font: FONT,
      labelFont: FONT,
      grid: { stroke: () => this.screen.ink(0.13), width: 1 },
      ticks: { stroke: () => this.screen.ink(0.3), width: 1, size: 4 },
      values: (_, splits) => splits.map((v) => (v === null ? "" : short(v))),
      gap: 3,
    };
    const own = (type) => type === "mousemove" || type === "mouseleave";
    this.plot = new uPlot(
      {
        ...this.size(),
        legend: { show: false },
        padding: [6, 12, x.label ? 0 : 4, y.seen ? 0 : 12],
        scales: { x: scale(x), y: scale(y) },
        axes: [
          { ...axis, label: x.label || null, size: 24, labelSize: 16, labelGap: 0, space: 44 },
          { ...axis, label: y.label || null, size: y.log ? 54 : 46, labelSize: 16, labelGap: 0, space: 28, show: y.seen, ...(y.log && { splits: decades }) },
        ],
        cursor: {
          drag: { x: !this.click, y: !this.click, uni: 30, dist: 5, setScale: false },
          sync: { key: `${this.screen.key}-${this.panel.group}`, setSeries: false, scales: ["x", null], filters: { pub: own, sub: () => true } },
          bind: { dblclick: () => null },
          points: { size: 7 },
        },
        series: [{}, ...this.curves.map(series)],
        hooks: {
          drawClear: [(u) => inside(u, () => this.below(u))],
          drawAxes: [(u) => inside(u, () => this.lines(u))],
          draw: [(u) => (inside(u, () => this.marks(u)), this.follow())],
          setCursor: [() => this.read()],
          setSelect: [(u) => this.select(u)],
        },
      },
      [[x.low, x.high], ...this.curves.map(() => [null, null])],
      this.place,
    );
    this.listen(this.plot.over);
    this.place.tabIndex = 0;
    this.place.setAttribute("role", "application");
    this.place.dataset.lmSuppressShortcuts = "true"; // arrows and Enter are not JupyterLab's here
  }

  size() {
    const { height, x } = this.panel;
    return { width: Math.max(80, this.place.clientWidth), height: height + 30 + (x.label ? 16 : 0) };
  }

  resize() {
    const { width, height } = this.size();
    if (width !== this.plot.width) this.plot.setSize({ width, height });
  }

  // Another panel with the same parts: new limits end a zoom.
  update(panel) {
    const { x, y } = this.panel;
    Object.assign(this.panel, { x: panel.x, y: panel.y, title: panel.title });
    this.name();
    const same = (a, b) => a.low === b.low && a.high === b.high;
    if (!same(x, panel.x) || !same(y, panel.y)) this.zoom(null);
  }

  // next(): the next block of numbers.
  show(next, text) {
    const x = this.curves.length ? Array.from(next()) : [this.panel.x.low, this.panel.x.high];
    for (const part of this.panel.parts)
      part.data = part.reads || part.kind === "surface" ? [next()] : [next(), next()];
    if (this.surface) this.surface.picture = painted(this.surface);
    this.head.children[1].textContent = text;
    this.plot.setData([x, ...this.curves.map((part) => gaps(part.data[0]))], false);
    this.zoom(this.view); // sets the scales, upon which uPlot draws
  }

  below(u) {
    const { ctx } = u;
    for (const part of this.panel.parts) {
      if (part.kind === "surface") {
        const [left, right, low, high] = part.extent;
        const [x, y] = [u.valToPos(left, "x", true), u.valToPos(high, "y", true)];
        ctx.imageSmoothingQuality = "high";
        ctx.drawImage(part.picture, x, y, u.valToPos(right, "x", true) - x, u.valToPos(low, "y", true) - y);
      } else if (part.kind === "area") {
        const outline = new Path2D();
        const [xs, shares] = part.data;
        xs.forEach((x, i) => outline.lineTo(u.valToPos(x, "x", true), u.bbox.top + (1 - shares[i]) * u.bbox.height));
        ctx.fillStyle = part.fill;
        ctx.fill(outline);
        stroke(ctx, part, outline);
      }
    }
  }

  // Under the curves: the axes through 0, and the lines that are no curves.
  lines(u) {
    if (!this.surface)
      for (const key of ["x", "y"]) {
        if (this.panel[key].log) continue;
        const axis = new Path2D();
        const [{ left, top, width, height }, at] = [u.bbox, u.valToPos(0, key, true)];
        if (key === "x") axis.rect(at, top, 0, height);
        else axis.rect(left, at, width, 0);
        stroke(u.ctx, { colour: this.screen.ink(0.35), width: 0.6, dash: [] }, axis);
      }
    for (const part of this.paths) {
      const path = new Path2D();
      let on = false;
      for (const [x, y] of points(u, part)) {
        const there = Number.isFinite(x + y);
        if (there) path[on ? "lineTo" : "moveTo"](x, y);
        on = there;
      }
      stroke(u.ctx, part, path);
    }
  }

  marks(u) {
    for (const part of this.paths) {
      const [path, r] = [new Path2D(), (part.size / 2) * devicePixelRatio];
      for (const [x, y] of points(u, part)) {
        if (part.marker === "square") path.rect(x - r, y - r, 2 * r, 2 * r);
        else if (part.marker) path.moveTo(x + r, y), path.arc(x, y, r, 0, 7);
      }
      u.ctx.fillStyle = part.face;
      if (part.marker) u.ctx.fill(path);
      stroke(u.ctx, { colour: part.rim, width: part.rimWidth, dash: [] }, path);
    }
  }

  // The crosshair stays where it is while what is under it moves.
  follow() {
    const { left, top } = this.plot.cursor;
    if (left >= 0) this.plot.setCursor({ left, top }, true, false);
  }

  read() {
    const u = this.plot;
    if (!u) return;
    const { left, top, idx } = u.cursor;
    const on = left >= 0;
    const at = this.curves.length && idx !== null ? u.data[0][idx] : u.posToVal(left, "x");
    const { x, y } = this.panel;
    let text = on ? `${x.label || "x"} = ${short(at)}` : "";
    if (on && !this.curves.length && top >= 0) text += `, ${y.label || "y"} = ${short(u.posToVal(top, "y"))}`;
    this.head.children[2].textContent = text;
    this.curves.forEach((part, i) => {
      const value = on && idx !== null ? u.data[i + 1][idx] : null;
      part.value.textContent = value === null || value === undefined ? "" : short(value);
    });
  }

  // view: x and y as [low, high]; null: all.
  zoom(view) {
    this.view = view;
    const whole = ({ low, high }) => [low, high];
    const set = (key) => {
      const [min, max] = view?.[key] ?? whole(this.panel[key]);
      this.plot.setScale(key, { min, max });
    };
    this.plot.batch(() => (set("x"), set("y")));
    this.element.toggleAttribute("data-zoomed", Boolean(view));
  }

  // The same x for those that share it.
  zoomed(view) {
    this.zoom(view);
    for (const other of this.screen.others(this)) other.zoom(view && { x: view.x, y: other.view?.y });
    this.screen.zoomed();
  }

  select(u) {
    const { left, top, width, height } = u.select;
    if (!width && !height) return;
    const { width: w, height: h } = u.over.getBoundingClientRect();
    const [x0, x1] = width ? [left, left + width] : [0, w];
    const [y0, y1] = height ? [top + height, top] : [h, 0];
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.zoomed({ x: [u.posToVal(x0, "x"), u.posToVal(x1, "x")], y: [u.posToVal(y0, "y"), u.posToVal(y1, "y")] });
  }

  // By a factor around a place, and never beyond the whole; false where nothing changes.
  magnify(factor, left, top) {
    const u = this.plot;
    const { width, height } = u.over.getBoundingClientRect();
    if (factor > 1 && !this.view) return false;
    const ends = (key, at, length, sign) => {
      const to = (pixel) => u.posToVal(pixel, key);
      const around = [to(at * (1 - factor)), to(at + (length - at) * factor)];
      const [low, high] = sign > 0 ? around : around.reverse();
      return [Math.max(low, this.panel[key].low), Math.min(high, this.panel[key].high)];
    };
    const view = { x: ends("x", left, width, 1), y: ends("y", top, height, -1) };
    const all = ["x", "y"].every((key) => view[key][0] <= this.panel[key].low && view[key][1] >= this.panel[key].high);
    this.zoomed(all ? null : view);
    return true;
  }

  listen(over) {
    // A page that is being scrolled goes on scrolling; the wheel zooms once the pointer has moved.
    let here = false;
    over.addEventListener("pointermove", (event) => (here ||= Boolean(event.movementX || event.movementY)));
    over.addEventListener("pointerleave", () => (here = false));
    const place = (event) => {
      const box = over.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    if (!this.click) {
      over.addEventListener("wheel", (event) => {
        const turn = Math.max(-0.5, Math.min(0.5, event.deltaY * NOTCH));
        if (here && this.magnify(Math.exp(turn), ...place(event))) event.preventDefault();
      }, { passive: false });
      over.addEventListener("dblclick", () => this.zoomed(null));
    } else over.addEventListener("click", (event) => this.report(...place(event), event.shiftKey));
    this.place.addEventListener("keydown", (event) => this.press(event));
    this.place.addEventListener("blur", () => this.plot.setCursor({ left: -10, top: -10 }, true, true));
  }

  report(left, top, other) {
    this.click(this.plot.posToVal(left, "x"), this.plot.posToVal(top, "y"), other);
  }

  // With the keyboard: arrows move the crosshair; Enter and the space bar click where it stands.
  press(event) {
    const { width, height } = this.plot.over.getBoundingClientRect();
    let { left, top } = this.plot.cursor;
    if (left < 0) [left, top] = [width / 4, 0.3 * height];
    const within = (v, most) => Math.min(most, Math.max(0, v));
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in MOVES) {
      const [dx, dy] = MOVES[event.key];
      const to = { left: within(left + STEP * width * dx, width), top: within(top + STEP * width * dy, height) };
      this.plot.setCursor(to, true, true);
    } else if (this.click && (event.key === "Enter" || event.key === " ")) this.report(left, top, event.shiftKey);
    else if (!this.click && "+-".includes(event.key)) this.magnify(event.key === "+" ? 0.8 : 1.25, left, top);
    else if (!this.click && event.key === "0") this.zoomed(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  stop() {
    this.plot.destroy();
  }
}

// A curve, bars or dots as uPlot has them.
function series(part) {
  const dots = part.marker && !part.width;
  const paths = part.kind === "bars" ? steps : dots ? () => null : line;
  return {
    scale: "y",
    stroke: () => part.colour,
    fill: () => part.fill || null,
    width: part.width,
    dash: part.dash.map((length) => length * devicePixelRatio),
    pxAlign: 0,
    points: { show: Boolean(dots), size: part.size || 1, width: 0, fill: () => part.colour },
    paths,
  };
}

const bare = { fill: null, clip: null, band: null, gaps: null, flags: 0 };

// A line with gaps where there is no number: those of uPlot's own paths are as wide as pixels.
function line(u, i) {
  const path = new Path2D();
  let on = false;
  u.data[0].forEach((x, k) => {
    const y = u.data[i][k];
    if (y !== null) path[on ? "lineTo" : "moveTo"](u.valToPos(x, "x", true), u.valToPos(y, "y", true));
    on = y !== null;
  });
  return { ...bare, stroke: path };
}

// The powers of ten on an axis; of less than one decade, what uPlot would choose is as good.
function decades(_, __, low, high) {
  const [from, to] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  if (to > from) return Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
  return [0, 1, 2, 3].map((i) => low * (high / low) ** (i / 3));
}

// The outline of bars, of which the data have the middles.
function steps(u, i) {
  const [xs, ys, outline] = [u.data[0], u.data[i], new Path2D()];
  const half = (xs[1] - xs[0]) / 2;
  const to = (x, y) => outline.lineTo(u.valToPos(x, "x", true), u.valToPos(y, "y", true));
  to(xs[0] - half, 0);
  xs.forEach((x, k) => (to(x - half, ys[k]), to(x + half, ys[k])));
  to(xs.at(-1) + half, 0);
  return { ...bare, stroke: outline, fill: new Path2D(outline) };
}

// Draw within the axes, in pixels of the screen.
function inside(u, act) {
  const { left, top, width, height } = u.bbox;
  u.ctx.save();
  u.ctx.beginPath();
  u.ctx.rect(left, top, width, height);
  u.ctx.clip();
  act();
  u.ctx.restore();
}

// A path's points in pixels of the screen.
const points = (u, { data: [xs, ys] }) =>
  Array.from(xs, (x, i) => [u.valToPos(x, "x", true), u.valToPos(ys[i], "y", true)]);

function stroke(ctx, { colour, width, dash }, path) {
  if (!width) return;
  ctx.strokeStyle = colour;
  ctx.lineWidth = width * devicePixelRatio;
  ctx.setLineDash(dash.map((length) => length * devicePixelRatio));
  ctx.stroke(path);
}

// A surface a pixel a cell; drawn larger, the colours between two cells are in between.
function painted({ rows, columns, palette, data: [values] }) {
  const picture = new OffscreenCanvas(columns, rows);
  const pixels = new ImageData(columns, rows);
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) continue;
    const at = 4 * Math.round(255 * Math.min(1, Math.max(0, values[i])));
    const row = rows - 1 - Math.floor(i / columns); // the first is the lowest
    pixels.data.set(palette.slice(at, at + 4), 4 * (row * columns + (i % columns)));
  }
  picture.getContext("2d").putImageData(pixels, 0, 0);
  return picture;
}

// A small picture of a line, a mark or a filled bar.
function swatch(part) {
  const ns = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(ns, "svg");
  picture.setAttribute("class", "afnlab-swatch");
  picture.setAttribute("viewBox", "0 0 22 10");
  const add = (kind, looks) => {
    const made = document.createElementNS(ns, kind);
    for (const [name, value] of Object.entries(looks)) made.setAttribute(name, value);
    picture.append(made);
  };
  const line = { stroke: part.colour, "stroke-width": Math.max(part.width, 1), "stroke-dasharray": part.dash.join(" ") };
  if (part.fill) add("rect", { x: 1, y: 1, width: 20, height: 8, fill: part.fill, ...line });
  else if (part.width) add("line", { x1: 0, x2: 22, y1: 5, y2: 5, ...line });
  if (part.marker) add(part.marker === "square" ? "rect" : "circle", part.marker === "square" ? { x: 8, y: 2, width: 6, height: 6, fill: part.colour } : { cx: 11, cy: 5, r: 3, fill: part.colour });
  return picture;
}
