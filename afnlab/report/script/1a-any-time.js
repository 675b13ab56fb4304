// The test of seeds that were added until the evidence decided, as afnlab/stats/anytime.py has it.

const BETS = [0.5, 1, 2]; // over the typical size of a difference; their products are averaged
const CERTAIN = 50; // from which on a factor is 2 in every digit
const LEAST = 2.2250738585072014e-308;

/** At each seed the median size of the earlier differences that are not 0; Infinity of none. */
const typicalSizes = (d) =>
  d.map((_, at) => {
    const earlier = d.slice(0, at).map(Math.abs).filter(Boolean).sort((a, b) => a - b);
    if (!earlier.length) return Infinity;
    const [low, high] = [1, 0].map((step) => earlier[Math.max(0, (earlier.length - step) >> 1)]);
    return Math.max(low / 2 + high / 2, LEAST);
  });

/** The logarithm of the e-process that differences lie above a center, after each seed. */
function logEvidence(d, center = 0, sizes = typicalSizes(d)) {
  const products = BETS.map(() => 0);
  return d.map((v, at) => {
    BETS.forEach((bet, k) => {
      const y = Math.max(-1e300, Math.min(CERTAIN, (bet / sizes[at]) * (v - center)));
      products[k] += Math.LN2 - (y > 0 ? Math.log1p(Math.exp(-2 * y)) : -2 * y + Math.log1p(Math.exp(2 * y)));
    });
    const most = Math.max(...products);
    const total = products.reduce((sum, product) => sum + Math.exp(product - most), 0);
    return most + Math.log(total / BETS.length);
  });
}

const negated = (d) => d.map((v) => -v);
const greatest = (process) => Math.max(0, ...process);

/** Two-sided p-value: 2 over the greatest e-value so far. */
const anyTimeP = (d) =>
  Math.min(1, 2 * Math.exp(-Math.max(greatest(logEvidence(d)), greatest(logEvidence(negated(d))))));

/** The same that the center is -margin or less. */
const anyTimeNotWorseP = (d, margin) => Math.min(1, 2 * Math.exp(-greatest(logEvidence(d, -margin))));

/** The same of a center outside [-margin, margin]. */
const anyTimeEquivalenceP = (d, margin) =>
  Math.max(anyTimeNotWorseP(d, margin), anyTimeNotWorseP(negated(d), margin));

/** The center up to which "no higher than this" is rejected; evidence falls as it rises. */
function lowerLimit(d, sizes, needed) {
  const finite = sizes.filter(Number.isFinite);
  if (!finite.length) return -Infinity;
  const rejected = (center) => logEvidence(d, center, sizes).at(-1) >= needed;
  let high = Math.max(...d);
  let low = Math.min(...d) - (CERTAIN * Math.max(...finite)) / BETS[0];
  if (!rejected(low)) return -Infinity;
  for (let step = 0; step < 100; step++) {
    const middle = low / 2 + high / 2;
    if (rejected(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** Mean of the differences, and the interval of the confidence sequence after the last of them. */
function anyTimeInterval(d, level = LEVEL) {
  const sizes = typicalSizes(d);
  const needed = Math.log(2 / rounded(1 - level, 12));
  let [low, high] = [-Infinity, Infinity];
  for (let n = 1; n <= d.length; n++) {
    const [some, its] = [d.slice(0, n), sizes.slice(0, n)];
    const [from, to] = [lowerLimit(some, its, needed), -lowerLimit(negated(some), its, needed)];
    if (Math.max(low, from) > Math.min(high, to)) break; // no center is left
    [low, high] = [Math.max(low, from), Math.min(high, to)];
  }
  return { mean: mean(d), low, high };
}

/** Which way the evidence decides first, at a level; null: it is open. */
function firstDecided(gains, level) {
  const needed = Math.log(2 / rounded(1 - level, 12));
  const first = (process) => {
    const at = process.findIndex((log) => log >= needed);
    return at < 0 ? Infinity : at;
  };
  const [better, worse] = [first(logEvidence(gains)), first(logEvidence(negated(gains)))];
  if (better === Infinity && worse === Infinity) return null;
  return better <= worse ? 'better' : 'worse';
}

const ANY_TIME = {
  name: () => 'test that may be looked at after every seed',
  p: anyTimeP,
  interval: anyTimeInterval,
  alone: (d) => anyTimeInterval(d),
  equivalenceP: anyTimeEquivalenceP,
  notWorseP: anyTimeNotWorseP,
  smallestP: (seeds) => Math.min(1, 4 / 2 ** seeds),
  decided: (gains, _, __, level) => firstDecided(gains, level),
};

/** The test of two rows, by how their seeds came about. */
const testOf = (data, one, other) => (data.decided[one] || data.decided[other] ? ANY_TIME : SIGN_FLIP);
