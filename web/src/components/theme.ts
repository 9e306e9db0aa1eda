// Light or dark: as the reader's system says, unless the reader chose here. Only that choice is stored.

/** What a reader can choose. */
export type Theme = 'system' | 'light' | 'dark';

const KEY = 'pedigree-theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

/** The reader's choice. */
export function chosenTheme(): Theme {
  const stored = localStorage.getItem(KEY);
  return stored === 'light' || stored === 'dark' ? stored : 'system';
}

/** Shows the chosen theme. */
export function applyTheme(): void {
  const theme = chosenTheme();
  document.documentElement.dataset['theme'] = theme === 'system' ? (dark.matches ? 'dark' : 'light') : theme;
}

/** Keeps a choice and shows it. */
export function chooseTheme(theme: Theme): void {
  if (theme === 'system') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme);
  applyTheme();
}

dark.addEventListener('change', applyTheme);
