// Numbers as the page's tables print them: the rules of afnlab/compare/formatting.py.

const MINUS = '\u2212';

const LARGE = 1e10; // from which on a number is printed by its size: 1.332e+29

/** A number with so many decimals, or a large one by its size, as Python's `printed`: what rounds
 * to 0 has no sign. */
function fixed(x, decimals) {
  const large = Math.abs(x) >= LARGE;
  const print = (v, places) => (large ? v.toExponential(places) : v.toFixed(places));
  const places = large ? 3 : decimals;
  const text = evenTie(x, print(x, places), print(Math.abs(x), places + 30));
  return text.replace(/^-(?=0(\.0*)?$)/, '');
}

/** A rounded number, given with 30 more digits too: a tie goes to the even digit, as in Python. */
function evenTie(x, text, whole) {
  const [digits, size] = whole.split('e');
  const end = digits.length - 30;
  if (!/^50*$/.test(digits.slice(end))) return text;
  const kept = digits.slice(0, end).replace(/\.$/, '');
  if (Number(kept.at(-1)) % 2) return text;
  return (x < 0 ? '-' : '') + kept + (size ? `e${size}` : '');
}

const FURTHER = 4; // decimals that a number may have more than others; what is smaller is rounding

/** The same; one that would be printed as 0 and is not has further decimals, up to its first
 * digit, as Python's `sided`. */
function sided(x, decimals) {
  for (let places = decimals; x !== 0 && places <= decimals + FURTHER; places += 1)
    if (Number(fixed(x, places)) !== 0) return fixed(x, places);
  return fixed(x, decimals);
}

/** A difference of stored values, with its sign; empty if it is not finite. */
function signed(measure, stored) {
  if (!Number.isFinite(stored)) return '';
  const text = sided(measure.scale * stored, measure.decimals).replace('-', MINUS);
  return text.startsWith(MINUS) || Number(text) === 0 ? text : `+${text}`;
}

const value = (measure, stored) =>
  `${fixed(measure.scale * stored, measure.decimals)} ${measure.unit}`.trim();

const difference = (measure, stored) => `${signed(measure, stored)} ${measure.points}`.trim();

function limits(measure, { low, high }) {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return '';
  return low === high ? 'all equal' : `[${signed(measure, low)}, ${signed(measure, high)}]`;
}

function pValue(p) {
  if (!Number.isFinite(p)) return '';
  return p >= 0.001 ? fixed(p, 3) : '< 0.001';
}

/** "p = 0.012" or "p < 0.001". */
const equation = (p) => (pValue(p).startsWith('<') ? `p ${pValue(p)}` : `p = ${pValue(p)}`);

/** What is written into the cells of a row that is compared with a baseline, by column. */
function cells(measure, row) {
  const unbounded = Number.isFinite(row.p) && !Number.isFinite(row.adjusted.low);
  const told = row.adjusted !== undefined;
  return {
    difference: told ? signed(measure, row.mean) : '',
    interval: told ? limits(measure, row) : '',
    adjusted: told ? (unbounded ? 'no bounds' : limits(measure, row.adjusted)) : '',
    p: told ? pValue(row.raised) : '',
    verdict: row.verdict,
  };
}

/** An element with attributes, texts and other elements. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, of] of Object.entries(attributes))
    if (key in made && typeof of !== 'string') made[key] = of;
    else made.setAttribute(key, of);
  made.append(...children);
  return made;
}
