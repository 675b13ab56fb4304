// The page as a whole: light and dark, folds, menus; and everything above, set to work.

const THEMES = ['auto', 'light', 'dark'];

function themeSwitch() {
  const root = document.documentElement;
  const button = element('button', { type: 'button', class: 'theme' });
  const set = (theme) => {
    root.dataset.theme = theme;
    button.textContent = { auto: '\u25d0 Auto', light: '\u2600 Light', dark: '\u263e Dark' }[theme];
    button.setAttribute('aria-label', `Theme: ${theme}`);
    try {
      localStorage.setItem('afnlab-theme', theme);
    } catch {
      // A browser may keep nothing for a page from the disk.
    }
  };
  let kept = 'auto';
  try {
    kept = localStorage.getItem('afnlab-theme') ?? kept;
  } catch {
    kept = 'auto';
  }
  set(THEMES.includes(kept) ? kept : 'auto');
  button.addEventListener('click', () => {
    set(THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length]);
  });
  document.querySelector('nav.bar')?.append(button);
}

/** Without a script and in print everything is open; here one opens what one wants to read. */
function folds() {
  const all = [...document.querySelectorAll('details.prose, details.glossary')];
  all.forEach((fold) => {
    fold.open = false;
  });
  let closed = [];
  addEventListener('beforeprint', () => {
    closed = all.filter((fold) => !fold.open);
    closed.forEach((fold) => {
      fold.open = true;
    });
  });
  addEventListener('afterprint', () => {
    closed.forEach((fold) => {
      fold.open = false;
    });
  });
  addEventListener('hashchange', unfold);
  unfold();
}

/** Open what a link of this page leads into. */
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const fold = target?.closest('details') ?? null;
  if (fold && !fold.open) {
    fold.open = true;
    target.scrollIntoView();
  }
}

function menus() {
  const all = [...document.querySelectorAll('details.menu')];
  const close = (but) => {
    all.forEach((menu) => {
      if (menu !== but) menu.open = false;
    });
  };
  addEventListener('click', (event) => {
    const link = event.target.closest('details.menu a');
    close(link ? null : event.target.closest('details.menu'));
  });
  addEventListener('keydown', (event) => {
    if (event.key === 'Escape') close(null);
  });
}

function begin() {
  document.documentElement.classList.add('scripted');
  document.body.append(tooltip);
  themeSwitch();
  folds();
  menus();
  const byName = new Map();
  for (const box of document.querySelectorAll('.compared')) {
    const comparison = new Comparison(box);
    comparison.controls();
    tickable(comparison);
    byName.set(box.dataset.of, comparison);
  }
  for (const table of document.querySelectorAll('main table:not(.facts-table)')) makeSortable(table);
  for (const figure of document.querySelectorAll('figure[id]')) {
    const of = [...byName].find(([name]) => figure.id === `${name}-comparison`);
    const inPairs = [...byName].find(([name]) => figure.id === `${name}-pairs`);
    if (inPairs) hoverablePairs(figure, inPairs[1].data);
    else if (figure.querySelector('[data-tip]')) hoverable(figure, of?.[1].data);
  }
}

begin();
