// Tables: sorting by a column, a filter by name, another baseline.

const NAMES = new Intl.Collator('en', { numeric: true }); // SReLU(t=2) before SReLU(t=10)

/** A cell's text as something to sort by: its first number, or its letters; of names, all. */
function sortable(cell) {
  const text = (cell?.querySelector('.number') ?? cell)?.textContent.trim() ?? '';
  const found = /^[[<>\s]*([+-]?[\d,]*\.?\d+(?:e[+-]?\d+)?)(?!\w)/.exec(text.replaceAll(MINUS, '-'));
  const number = found && cell.tagName !== 'TH' ? Number(found[1].replaceAll(',', '')) : NaN;
  if (!Number.isFinite(number)) return text;
  return text.startsWith('<') ? number - 1e-9 : number;
}

/** The smaller first; empty cells and texts behind the numbers. */
function order(a, b) {
  if (a === '' || b === '') return (a === '') - (b === '');
  if (typeof a === 'string' && typeof b === 'string') return NAMES.compare(a, b);
  if (typeof a === typeof b) return a - b;
  return typeof a === 'number' ? -1 : 1;
}

function sortBy(table, column, descending) {
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row, at) => ({ row, at, key: sortable(row.cells[column]) }));
  rows.sort((a, b) => {
    const first = order(a.key, b.key);
    const turned = descending && a.key !== '' && b.key !== '' ? -first : first;
    return turned || a.at - b.at;
  });
  body.append(...rows.map(({ row }) => row));
}

/** Sort again by the column that a table is sorted by, after its cells have changed. */
function sortAgain(table) {
  const column = [...table.tHead.rows[0].cells].findIndex((head) => head.hasAttribute('aria-sort'));
  if (column < 0) return;
  const sorted = table.tHead.rows[0].cells[column].getAttribute('aria-sort');
  sortBy(table, column, sorted === 'descending');
}

function makeSortable(table) {
  const heads = [...(table.tHead?.rows[0].cells ?? [])];
  heads.forEach((head, column) => {
    const button = element('button', { type: 'button', class: 'sort' }, ...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const descending = head.getAttribute('aria-sort') === 'ascending';
      heads.forEach((other) => other.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      sortBy(table, column, descending);
    });
  });
}

const filters = [];

/** Have all tables of activations show the rows alone whose name holds a text. */
function filterBy(text) {
  const wanted = text.trim().toLowerCase();
  filters.forEach((filter) => {
    if (filter.value !== text) filter.value = text;
  });
  for (const row of document.querySelectorAll('table:not(.facts-table) tbody tr')) {
    const name = row.cells[0].textContent.toLowerCase();
    row.hidden = !name.includes(wanted);
  }
}

/** The value of sorted numbers below which a share of them is. */
function quantile(sorted, share) {
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  return below + (at % 1) * (sorted[Math.ceil(at)] - below);
}

const numbersOf = (values) => values.filter(Number.isFinite).sort((a, b) => a - b);

/** Which rows would set a scale alone, as `fence` in figures/metric_axis.py. */
function farBehind(rows, sign, least) {
  const middles = rows.map((row) => (row.verdict === 'baseline' ? 0 : row.mean));
  const good = numbersOf(middles.map((v) => sign * v));
  if (good.length < 3) return rows.map(() => false);
  const quartile = (share) =>
    good.length < 5 ? good[Math.ceil(share * (good.length - 1))] : quantile(good, share);
  const [low, high] = [0.25, 0.75].map(quartile);
  const width = (row) => [row.adjusted, row].map((e) => e?.high - e?.low).find(Number.isFinite);
  const widths = numbersOf(rows.map(width));
  const edge = low - 3 * Math.max(high - low + (quantile(widths, 0.5) || 0), least);
  return middles.map((v) => sign * v < edge);
}

/** The scale of the small bars, as `Scale` in report/sections/bars.py. */
function barScale(rows, far) {
  const near = rows.filter((_, at) => !far[at]);
  const ends = numbersOf(
    near.flatMap((row) => [row.mean, row.low, row.high, row.adjusted?.low, row.adjusted?.high]),
  );
  const zero = near.some((row) => row.verdict === 'baseline') ? [0] : [];
  const held = [...zero, ...(ends.length ? [quantile(ends, 0.05), quantile(ends, 0.95)] : [])];
  const [low, high] = [Math.min(...held), Math.max(...held)];
  return high > low ? (v) => 4 + Math.min(1, Math.max(0, (v - low) / (high - low))) * 64 : null;
}

function bar(row, at, arrow) {
  if (!at || !Number.isFinite(row.mean)) return null;
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'bar');
  svg.setAttribute('viewBox', '0 0 72 12');
  svg.setAttribute('aria-hidden', 'true');
  const draw = (name, attributes) => {
    const part = document.createElementNS(svg.namespaceURI, name);
    for (const [key, of] of Object.entries(attributes)) part.setAttribute(key, of);
    svg.append(part);
  };
  draw('path', { class: 'zero', d: `M${at(0)} 0V12` });
  if (arrow) {
    draw('path', { class: 'far', d: arrow });
    return svg;
  }
  const line = (kind, ends, shape) => {
    if (Number.isFinite(ends.low) && Number.isFinite(ends.high))
      draw('path', { class: kind, d: shape(at(ends.low), at(ends.high)) });
  };
  line('adjusted', row.adjusted, (left, right) => `M${left} 6H${right}`);
  line('difference', row, (left, right) => `M${left} 3V9M${left} 6H${right}M${right} 3V9`);
  draw('circle', { cx: at(row.mean), cy: 6, r: 2.4 });
  return svg;
}

/** A table of a comparison, with its numbers, that can be set against another baseline. */
class Comparison {
  constructor(box) {
    this.box = box;
    this.data = JSON.parse(box.querySelector('script.numbers').textContent);
    this.table = box.querySelector('table.comparison');
    this.rows = [...this.table.tBodies[0].rows]; // in the order of the numbers
    const heads = [...this.table.tHead.rows[0].cells];
    this.columns = Object.fromEntries(
      heads.filter((head) => head.dataset.column).map((head) => [head.dataset.column, head]),
    );
  }

  cell(row, column) {
    return row.cells[this.columns[column].cellIndex];
  }

  /** Compare every row with another one; the page's own baseline shows what Python has written. */
  setBaseline(baseline) {
    const { data } = this;
    if (!this.columns.difference) return;
    this.baseline = baseline;
    this.original ??= this.rows.map((row) => ({
      kind: row.className,
      cells: Object.keys(this.columns).map((name) => this.cell(row, name).innerHTML),
    }));
    const own = baseline === data.baseline;
    const found = own ? [] : compared(data, baseline);
    const { sign } = data.measure;
    const far = farBehind(found, sign, Number(this.box.dataset.least ?? 0));
    const at = barScale(found, far);
    const arrow = sign > 0 ? 'M4 2L0 6L4 10Z' : 'M68 2L72 6L68 10Z';
    this.rows.forEach((row, index) => {
      if (own) {
        row.className = this.original[index].kind;
        Object.keys(this.columns).forEach((name, k) => {
          this.cell(row, name).innerHTML = this.original[index].cells[k];
        });
        return;
      }
      const told = cells(data.measure, found[index]);
      row.className = told.verdict.replaceAll(' ', '-');
      for (const name of Object.keys(this.columns)) this.cell(row, name).textContent = told[name];
      const number = element('span', { class: 'number' }, told.difference);
      const drawn = bar(found[index], at, far[index] ? arrow : '');
      this.cell(row, 'difference').replaceChildren(number, ...(drawn ? [drawn] : []));
      const verdict = element('span', { class: 'verdict' }, told.verdict);
      this.cell(row, 'verdict').replaceChildren(verdict);
    });
    const head = this.columns.difference.querySelector('button') ?? this.columns.difference;
    const unit = data.measure.points ? ` (${data.measure.points})` : '';
    head.textContent = `difference to ${data.names[baseline]}${unit}`;
    this.note.hidden = own;
    const name = data.names[data.baseline] ?? 'another row';
    this.note.textContent =
      `Compared with ${data.names[baseline]}, in this page, by the same tests. A baseline that is` +
      ` chosen after seeing the numbers makes p-values optimistic. The figures, the sentences and` +
      ` the files compare with ${name}.`;
    sortAgain(this.table);
  }

  /** The controls over the table. */
  controls() {
    const filter = element('input', { type: 'search', placeholder: 'Filter by name' });
    filter.setAttribute('aria-label', 'Filter the tables by name');
    filter.addEventListener('input', () => filterBy(filter.value));
    filters.push(filter);
    const choice = element('select', { 'aria-label': 'Baseline' });
    this.data.names.forEach((name, row) => {
      const selected = row === this.data.baseline;
      choice.append(element('option', { value: String(row), selected, defaultSelected: selected }, name));
    });
    choice.addEventListener('change', () => this.setBaseline(Number(choice.value)));
    this.note = element('p', { class: 'note rebased', role: 'status', hidden: true });
    const bar = element('div', { class: 'controls' }, filter);
    if (this.columns.difference && this.data.baseline !== null)
      bar.append(element('label', {}, 'Baseline ', choice));
    if (this.data.names.length > 1)
      bar.append(element('span', { class: 'note' }, 'Tick two rows to see them paired.'));
    this.box.prepend(bar, this.note);
  }
}
