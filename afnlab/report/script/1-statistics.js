'use strict';
// The statistics of afnlab/stats by the same rules, on arrays that hold one value for each seed. A
// test computes both and compares every printed digit.

const EXACT_UP_TO = 16; // seeds: all sign patterns are tried, beyond they are sampled
const SAMPLED = 99999;
const TIE = 1e-9; // sums are compared in units of the largest difference
const TINY = 1e-12;
const LEVEL = 0.95;

/** numpy's random generator with seed 0 (PCG64); numbers of 128 bits are eight of 16, low first. */
class Generator {
  static START = [25059, 42645, 24247, 2392, 17709, 22934, 46388, 6817];
  static STEP = [29609, 17528, 13244, 22657, 6786, 15095, 56027, 16781];
  static FACTOR = [63045, 40908, 57188, 17285, 23972, 8134, 60677, 9056];

  constructor() {
    this.state = Float64Array.from(Generator.START);
    this.next = new Float64Array(8);
    this.kept = null; // the upper half of a word of which the lower one was used
  }

  /** The next 64 bits, as [low, high]. */
  word() {
    const { state, next } = this;
    let carry = 0;
    for (let k = 0; k < 8; k++) {
      let sum = carry + Generator.STEP[k];
      for (let i = 0; i <= k; i++) sum += state[i] * Generator.FACTOR[k - i];
      next[k] = sum % 65536;
      carry = (sum - next[k]) / 65536;
    }
    [this.state, this.next] = [next, state];
    const half = (at) => (next[at] | (next[at + 1] << 16)) >>> 0;
    const low = (half(0) ^ half(4)) >>> 0;
    const high = (half(2) ^ half(6)) >>> 0;
    const turn = next[7] >>> 10;
    const [a, b] = turn & 32 ? [high, low] : [low, high];
    const by = turn & 31;
    if (!by) return [a, b];
    return [((a >>> by) | (b << (32 - by))) >>> 0, ((b >>> by) | (a << (32 - by))) >>> 0];
  }

  /** One random bit, as `choice` of two things uses it. */
  bit() {
    if (this.kept !== null) {
      const bit = this.kept >>> 31;
      this.kept = null;
      return bit;
    }
    const [low, high] = this.word();
    this.kept = high;
    return low >>> 31;
  }
}

/** A function that remembers what it returned for a number. */
const remembered = (compute) => {
  const known = new Map();
  return (n) => {
    if (!known.has(n)) known.set(n, compute(n));
    return known.get(n);
  };
};

/** Sampled sign patterns, 1 where a sign is flipped; the first one is the observed. */
const sampledFlips = remembered((n) => {
  const random = new Generator();
  const flips = new Uint8Array((SAMPLED + 1) * n);
  for (let at = 0; at < flips.length; at++) flips[at] = 1 - random.bit();
  return flips.fill(0, 0, n);
});

/** A sum in numpy's order. */
function sum(x) {
  if (x.length < 8) return x.reduce((a, b) => a + b, 0);
  const r = x.slice(0, 8);
  let at = 8;
  for (; at + 8 <= x.length; at += 8) for (let k = 0; k < 8; k++) r[k] += x[at + k];
  let total = r[0] + r[1] + (r[2] + r[3]) + (r[4] + r[5] + (r[6] + r[7]));
  for (; at < x.length; at++) total += x[at];
  return total;
}

const mean = (x) => sum(x) / x.length;

function deviation(x) {
  const middle = mean(x);
  return Math.sqrt(sum(x.map((v) => (v - middle) ** 2)) / (x.length - 1));
}

/** Rounded to so many places, a tie to the even neighbour. */
function rounded(x, places) {
  const scaled = x * 10 ** places;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0);
  return Number.isFinite(scaled) ? (floor + (up ? 1 : 0)) / 10 ** places : x;
}

/** Mean of values and its 95 % interval by Student's t. */
function studentInterval(x, t) {
  const n = x.length;
  const middle = mean(x);
  if (n === 1) return { mean: middle, low: NaN, high: NaN };
  let spread = deviation(x);
  if (spread <= TINY * Math.max(...x.map(Math.abs))) spread = 0;
  const half = (t[n - 2] * spread) / Math.sqrt(n);
  return { mean: middle, low: middle - half, high: middle + half };
}

/** Differences in units of the largest, rounded so that equal sums compare as equal. */
function scaledDifferences(d) {
  const scale = Math.max(...d.map(Math.abs));
  const usable = scale > 0 && scale < Infinity;
  return { d: usable ? d.map((v) => rounded(v / scale, 12)) : d, scale };
}

/** For every sign pattern the sum of what it flips, and how many values it flips. */
function patterns(d) {
  const n = d.length;
  if (n > EXACT_UP_TO) {
    const flips = sampledFlips(n);
    const flipped = new Float64Array(SAMPLED + 1);
    const count = new Float64Array(SAMPLED + 1);
    for (let row = 0; row <= SAMPLED; row++)
      for (let at = 0; at < n; at++)
        if (flips[row * n + at]) {
          flipped[row] += d[at];
          count[row] += 1;
        }
    return { flipped, count };
  }
  const flipped = new Float64Array(2 ** (n - 1)); // a pattern and its negative stand once
  const count = new Float64Array(flipped.length);
  for (let at = 0, size = 1; at < n - 1; at++, size *= 2)
    for (let row = 0; row < size; row++) {
      flipped[size + row] = flipped[row] + d[at];
      count[size + row] = count[row] + 1;
    }
  return { flipped, count };
}

const share = (values, test) => values.reduce((k, v) => k + (test(v) ? 1 : 0), 0) / values.length;

/** Two-sided p-value of the sign-flip test that paired differences are symmetric about 0. */
function signFlipP(differences) {
  const { d, scale } = scaledDifferences(differences);
  if (!Number.isFinite(scale)) return NaN;
  const total = sum(d);
  return share(patterns(d).flipped, (f) => Math.abs(total - 2 * f) >= Math.abs(total) - TIE);
}

/** One-sided p-value that the mean difference is -margin or less. */
function notWorseP(differences, margin) {
  const { d, scale } = scaledDifferences(differences.map((v) => v + margin));
  if (!Number.isFinite(scale)) return NaN;
  const total = sum(d);
  const { flipped } = patterns(d);
  const above = share(flipped, (f) => total - 2 * f >= total - TIE);
  return (above + share(flipped, (f) => 2 * f - total >= total - TIE)) / 2;
}

/** p-value of a mean difference outside [-margin, margin]. */
const equivalenceP = (d, margin) =>
  Math.max(notWorseP(d, margin), notWorseP(d.map((v) => -v), margin));

/** Mean of paired differences, and the shifts that the sign-flip test does not reject. */
function signFlipInterval(differences, level = LEVEL) {
  const { d, scale } = scaledDifferences(differences);
  if (!Number.isFinite(scale)) return { mean: NaN, low: NaN, high: NaN };
  if (scale === 0) return { mean: 0, low: 0, high: 0 };
  const { flipped, count } = patterns(d);
  const total = sum(d);
  const lowest = new Float64Array(flipped.length);
  const highest = new Float64Array(flipped.length);
  for (let row = 0; row < flipped.length; row++) {
    const none = count[row] === 0 || count[row] === d.length;
    const one = rounded(flipped[row] / count[row], 10);
    const other = rounded((total - flipped[row]) / (d.length - count[row]), 10);
    lowest[row] = none ? -Infinity : Math.min(one, other);
    highest[row] = none ? -Infinity : -Math.max(one, other);
  }
  lowest.sort();
  highest.sort();
  const at = Math.max(0, Math.ceil(rounded(1 - level, 12) * flipped.length - TIE) - 1);
  return { mean: mean(differences), low: lowest[at] * scale + 0, high: -highest[at] * scale + 0 };
}

/** The same; where so few differences set it no bounds, Student's t interval. */
function differenceInterval(differences, t) {
  const exact = signFlipInterval(differences);
  return Number.isFinite(exact.low) ? exact : studentInterval(differences, t);
}

/** Positions of the finite values, the smallest first. */
const ascending = (p) =>
  [...p.keys()].filter((at) => Number.isFinite(p[at])).sort((a, b) => p[a] - p[b] || a - b);

/** p-values adjusted for the number of comparisons by Holm's procedure. */
function holm(p) {
  const adjusted = p.map(() => NaN);
  const order = ascending(p);
  let most = 0;
  order.forEach((at, rank) => {
    most = Math.max(most, Math.min(1, p[at] * (order.length - rank)));
    adjusted[at] = most;
  });
  return adjusted;
}

/** The confidence levels of the intervals that go with Holm's p-values. */
function holmLevels(p, alpha) {
  const levels = p.map(() => NaN);
  const order = ascending(p);
  let left = order.length;
  for (const at of order) {
    levels[at] = 1 - alpha / left;
    if (p[at] * left < alpha) left -= 1;
  }
  return levels;
}

/** The smallest attainable p-value of one comparison. */
const smallestP = (seeds) => Math.min(1, seeds <= EXACT_UP_TO ? 2 / 2 ** seeds : 1 / (SAMPLED + 1));

const SIGN_FLIP = {
  name: (seeds) => (seeds <= EXACT_UP_TO ? 'exact sign-flip test' : 'sign-flip test'),
  p: signFlipP,
  interval: signFlipInterval,
  alone: differenceInterval,
  equivalenceP,
  notWorseP,
  smallestP,
  decided(gains, raised, alpha) {
    if (raised >= alpha) return null;
    return mean(gains) > 0 ? 'better' : 'worse';
  },
};

/** The differences of two rows of the page's numbers, by the seeds that both have. */
function pairs(data, one, other) {
  const found = [];
  data.seeds.forEach((seed, at) => {
    const [a, b] = [data.values[one][at], data.values[other][at]];
    if (a !== null && b !== null) found.push({ seed, at, a, b, difference: a - b });
  });
  return found;
}

/** Every row against a baseline: what `compare_histories` says of differences. */
function compared(data, baseline) {
  const { sign } = data.measure;
  const rows = data.labels.map((_, row) => {
    const d = row === baseline ? [] : pairs(data, row, baseline).map((pair) => pair.difference);
    const test = testOf(data, row, baseline);
    return { d, test, p: d.length ? test.p(d) : NaN };
  });
  const inOrder = (procedure) => (values) => {
    const shown = data.order.map((row) => values[row]);
    const found = procedure([...shown, ...Array(data.further ?? 0).fill(1)]);
    return values.map((_, row) => found[data.order.indexOf(row)]);
  };
  const p = rows.map((row) => row.p);
  const raise = inOrder(holm);
  const raised = raise(p);
  const levels = inOrder((values) => holmLevels(values, data.alpha))(p);
  const attainable = raise(rows.map(({ d, test }) => (d.length ? test.smallestP(d.length) : NaN)));
  const gains = rows.map((row) => row.d.map((v) => sign * v));
  const byMargin = (name) =>
    raise(
      gains.map((d, row) =>
        d.length && data.margin !== null ? rows[row].test[name](d, data.margin) : NaN,
      ),
    );
  const [equivalent, notWorse] = [byMargin('equivalenceP'), byMargin('notWorseP')];
  return rows.map(({ d, test }, row) => {
    if (row === baseline) return { verdict: 'baseline' };
    if (!Number.isFinite(raised[row])) return { verdict: 'no pairs' };
    const interval = test.alone(d, data.t);
    const adjusted = test.interval(d, levels[row]);
    const shown = test.decided(gains[row], raised[row], data.alpha, levels[row]);
    let verdict = 'not distinguishable';
    if (shown) verdict = shown;
    else if (equivalent[row] < data.alpha) verdict = 'equivalent';
    else if (notWorse[row] < data.alpha) verdict = 'not worse';
    else if (attainable[row] >= data.alpha) verdict = 'too few seeds';
    return { ...interval, adjusted, p: p[row], raised: raised[row], verdict };
  });
}
