// What lies under the pointer in a figure. Python has written what there is to say beside the marks
// (`tip` in afnlab/figures/style.py): a title, and a line for each dot or point of a curve.

const NEAR = 14; // pixels

/** Everything in a figure that has something to say: texts, and places in parts of its size. */
function places(svg) {
  const box = svg.getBoundingClientRect();
  const at = (x, y) => [(x - box.left) / box.width, (y - box.top) / box.height];
  const found = [];
  for (const group of svg.querySelectorAll('[data-tip]')) {
    const [title, ...lines] = JSON.parse(group.dataset.tip);
    const text = (index) => (lines.length ? `${title}, ${lines[index]}` : title);
    const path = group.querySelector(':scope > path');
    const marks = [...group.querySelectorAll('use')];
    if (marks.length)
      marks.forEach((mark, index) => {
        const r = mark.getBoundingClientRect();
        const [x, y] = at(r.left + r.width / 2, r.top + r.height / 2);
        found.push({ x, y, text: text(index), group, mark });
      });
    else if (path) {
      const to = path.getScreenCTM();
      const numbers = path.getAttribute('d').match(/-?[\d.]+(?:e-?\d+)?/g).map(Number);
      if (numbers.length / 2 !== lines.length) continue;
      lines.forEach((_, index) => {
        const p = new DOMPoint(numbers[2 * index], numbers[2 * index + 1]).matrixTransform(to);
        const [x, y] = at(p.x, p.y);
        found.push({ x, y, text: text(index), group });
      });
    }
  }
  return found;
}

function nearest(svg, known, event) {
  const box = svg.getBoundingClientRect();
  let best = null;
  let least = NEAR;
  for (const place of known) {
    const dx = box.left + place.x * box.width - event.clientX;
    const dy = box.top + place.y * box.height - event.clientY;
    const far = Math.hypot(dx, dy);
    if (far < least) [best, least] = [place, far];
  }
  return best;
}

const tooltip = element('div', { id: 'tip', role: 'status', hidden: true });

function showTip(text, event) {
  tooltip.textContent = text;
  tooltip.hidden = false;
  const { width, height } = tooltip.getBoundingClientRect();
  const left = Math.min(event.clientX + 12, innerWidth - width - 8);
  const above = event.clientY - height - 12;
  tooltip.style.left = `${Math.max(8, left)}px`;
  tooltip.style.top = `${above > 8 ? above : event.clientY + 16}px`;
}

const hideTip = () => {
  tooltip.hidden = true;
};

/** The seeds' dots of a comparison lead to their runs. */
function runOf(data, text) {
  const found = data && /^(.*), seed (\d+): /.exec(text);
  const row = found ? data.names.indexOf(found[1]) : -1;
  return row < 0 ? '' : data.runs[row][data.seeds.indexOf(Number(found[2]))];
}

/** Of a figure that is drawn twice, for wide and for narrow windows, both drawings are. */
function hoverable(figure, data) {
  for (const svg of figure.querySelectorAll('svg')) hoverableDrawing(svg, data);
}

function hoverableDrawing(svg, data) {
  let known = null;
  let lit = null;
  const light = (group) => {
    if (lit !== group) lit?.classList.remove('lit');
    group?.classList.add('lit');
    lit = group;
  };
  svg.addEventListener('pointerenter', () => {
    known = places(svg);
  });
  svg.addEventListener('pointermove', (event) => {
    known ??= places(svg);
    const place = nearest(svg, known, event);
    light(place?.group ?? null);
    svg.style.cursor = place && runOf(data, place.text) ? 'pointer' : '';
    if (!place) return hideTip();
    const run = runOf(data, place.text);
    showTip(run ? `${place.text} (run ${run})` : place.text, event);
  });
  svg.addEventListener('pointerleave', () => {
    light(null);
    hideTip();
  });
  svg.addEventListener('click', (event) => {
    const place = nearest(svg, known ?? places(svg), event);
    const run = place && runOf(data, place.text);
    if (run) document.querySelector(`a[href^="runs/${run}"]`)?.click();
  });
}

/** The heat map of all pairs: the cell under the pointer is computed from the seeds' values. */
function hoverablePairs(figure, data) {
  const picture = figure.querySelector('image');
  const rows = data.labels.map((_, row) => row);
  const there = rows.filter((row) => data.values[row].some((v) => v !== null));
  figure.querySelector('svg').addEventListener('pointermove', (event) => {
    const box = picture.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * there.length);
    const row = Math.floor(((event.clientY - box.top) / box.height) * there.length);
    const [one, other] = [there[row], there[column]];
    if (one === undefined || other === undefined || one === other) return hideTip();
    const d = pairs(data, one, other).map((pair) => pair.difference);
    if (!d.length) return hideTip();
    const gap = difference(data.measure, mean(d));
    const told = `${gap} over ${d.length} seeds, ${equation(signFlipP(d))}, not adjusted`;
    showTip(`${data.names[one]} against ${data.names[other]}: ${told}`, event);
  });
  figure.querySelector('svg').addEventListener('pointerleave', hideTip);
}
