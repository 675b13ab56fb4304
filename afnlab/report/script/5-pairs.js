// Two ticked rows, paired: the difference of every seed, its interval, its p-value.

function tickable(comparison) {
  const { box, data, rows } = comparison;
  const panel = element('section', { class: 'pair', 'aria-label': 'Two rows, paired', hidden: true });
  const ticked = [];
  const show = () => {
    panel.hidden = ticked.length < 2;
    if (ticked.length === 2) panel.replaceChildren(...paired(data, ...ticked), close);
  };
  const boxes = rows.map((row, index) => {
    const label = `Compare ${data.names[index]}`;
    const tick = element('input', { type: 'checkbox', class: 'tick', 'aria-label': label });
    tick.addEventListener('change', () => {
      if (tick.checked) ticked.push(index);
      else ticked.splice(ticked.indexOf(index), 1);
      if (ticked.length > 2) boxes[ticked.shift()].checked = false;
      show();
    });
    row.cells[0].prepend(tick);
    return tick;
  });
  const close = element('button', { type: 'button', class: 'close', 'aria-label': 'Close' }, '\u00d7');
  close.addEventListener('click', () => {
    ticked.splice(0).forEach((index) => {
      boxes[index].checked = false;
    });
    show();
  });
  box.append(panel);
}

/** What the page says of a pair; the better mean comes first. */
function paired(data, first, second) {
  const { measure } = data;
  const [one, other] = ahead(data, first, second) ? [first, second] : [second, first];
  const found = pairs(data, one, other);
  const [a, b] = [data.names[one], data.names[other]];
  if (!found.length) return [element('p', {}, `${a} and ${b} share no seed.`)];
  const d = found.map((pair) => pair.difference);
  const test = testOf(data, one, other);
  const interval = test.interval(d);
  const p = test.p(d);
  const known = Number.isFinite(interval.low);
  const bounds = known ? `95 % interval ${limits(measure, interval)}` : 'these seeds set no bounds';
  const told = interval.low === interval.high ? 'the same in every seed' : bounds;
  const all = (data.labels.length * (data.labels.length - 1)) / 2;
  const better = d.filter((v) => measure.sign * v > 0).length;
  return [
    element('h3', {}, `${a} against ${b}`),
    element(
      'p',
      { class: 'pair-result' },
      element('strong', {}, difference(measure, interval.mean)),
      ` over ${d.length} seed${d.length === 1 ? '' : 's'}, ${told}, ${equation(p)}` +
        ` (${test.name(d.length)}); better in ${better} of ${d.length}.`,
    ),
    element(
      'p',
      { class: 'note' },
      `Neither is adjusted for the choice of this pair among ${all}; times ${all}, ` +
        `${equation(Math.min(1, p * all))}.`,
    ),
    strip(measure, found, interval),
    seedTable(measure, found, a, b),
  ];
}

function ahead(data, one, other) {
  const d = pairs(data, one, other).map((pair) => pair.difference);
  return !d.length || data.measure.sign * mean(d) >= 0;
}

/** The differences as dots over their interval. */
function strip(measure, found, interval) {
  const ends = [0, interval.low, interval.high, ...found.map((pair) => pair.difference)];
  const finite = ends.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const at = (v) => (10 + ((v - low) / (high - low || 1)) * 340).toFixed(1);
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 360 34');
  svg.setAttribute('class', 'strip');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', 'The difference of every seed; the table holds the same numbers');
  const draw = (name, attributes, title) => {
    const part = document.createElementNS(svg.namespaceURI, name);
    for (const [key, of] of Object.entries(attributes)) part.setAttribute(key, of);
    if (title) {
      const words = document.createElementNS(svg.namespaceURI, 'title');
      words.textContent = title;
      part.append(words);
    }
    svg.append(part);
  };
  draw('path', { class: 'zero', d: `M${at(0)} 0V34` });
  if (Number.isFinite(interval.low))
    draw('path', { class: 'difference', d: `M${at(interval.low)} 26H${at(interval.high)}` });
  draw('circle', { class: 'mean', cx: at(interval.mean), cy: 26, r: 4 });
  for (const { seed, difference: d } of found)
    draw('circle', { class: 'dot', cx: at(d), cy: 11, r: 3 }, `seed ${seed}: ${difference(measure, d)}`);
  return svg;
}

function seedTable(measure, found, a, b) {
  const head = ['seed', a, b, measure.points ? `difference (${measure.points})` : 'difference'];
  const row = ({ seed, a: one, b: other, difference: d }) => {
    const texts = [value(measure, one), value(measure, other), signed(measure, d)];
    const cells = texts.map((text) => element('td', {}, text));
    return element('tr', {}, element('th', { scope: 'row' }, String(seed)), ...cells);
  };
  const heads = head.map((text) => element('th', { scope: 'col' }, text));
  return element(
    'div',
    { class: 'scroll' },
    element(
      'table',
      { class: 'facts-table by-seed' },
      element('thead', {}, element('tr', {}, ...heads)),
      element('tbody', {}, ...found.map(row)),
    ),
  );
}
