import './dashboard.css';
import { MAKE_TOKEN, advice } from './advice';
import { Failure, ask } from './api';
import { fill, h, hint } from './dom';
import { makeModelList } from './modellist';
import { makePedigree } from './pedigree';
import { VIEWER, type ViewerData } from './queries';
import * as session from './session';

const app = document.getElementById('app')!;
const account = document.getElementById('account')!;

/** Ends what the signed-in page started: requests under way and its listeners. */
let signedIn = new AbortController();

/** Leaves the signed-in page; a token that stopped working ends here too. */
function signOut(message = ''): void {
  signedIn.abort();
  session.forget();
  showLogin(message);
}

function showLogin(message = ''): void {
  fill(account);
  const input = h('input', {
    id: 'token', type: 'password', autocomplete: 'off', spellcheck: 'false', required: true,
    'aria-describedby': 'token-help login-error',
  });
  const error = h('p', { id: 'login-error', class: 'error', role: 'alert' });
  fill(error, hint(message));
  const button = h('button', { type: 'submit', class: 'primary' }, 'Sign in');
  const form = h(
    'form',
    { class: 'login', 'aria-labelledby': 'login-title' },
    h('h1', { id: 'login-title' }, 'Sign in'),
    h('label', { for: 'token' }, 'API token'),
    input,
    error,
    button,
    h('p', { id: 'token-help', class: 'muted' },
      hint(`No token yet? ${MAKE_TOKEN} prints one as its last line. It is kept in this tab only, until you sign out or close it.`)),
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const value = session.cleaned(input.value);
    if (value === null) {
      fill(error, hint(`This is not a token: a token is one line of letters, digits and signs. ${MAKE_TOKEN} prints one.`));
      input.focus();
      return;
    }
    button.disabled = true;
    fill(error);
    try {
      const { data } = await ask<ViewerData>(VIEWER, {}, value);
      session.keep(value);
      showSignedIn(data);
    } catch (err) {
      fill(error, hint(advice(err)));
      button.disabled = false;
      input.focus();
      input.select();
    }
  });
  fill(app, form);
  input.focus();
}

function showSignedIn({ viewer }: ViewerData): void {
  const token = session.token()!;
  signedIn = new AbortController();
  const out = h('button', { type: 'button' }, 'Sign out');
  out.addEventListener('click', () => signOut());
  const roles = viewer?.roles ?? [];
  fill(
    account,
    h('span', { class: 'subject' }, viewer?.subject ?? 'signed in', roles.length > 0 && h('span', { class: 'muted' }, ` · ${roles.join(', ')}`)),
    out,
  );
  const onFailure = (err: unknown): string => {
    if (err instanceof Failure && err.code === 'UNAUTHENTICATED') signOut(`Your token is no longer accepted. ${advice(err)}`);
    return advice(err);
  };
  const context = { token, signal: signedIn.signal, onFailure };
  const pedigree = makePedigree(context);
  const list = makeModelList(context, (model, byHand) => void pedigree.showModel(model, byHand));
  fill(app, h('h1', { class: 'visually-hidden' }, 'Models and their provenance'), h('div', { class: 'columns' }, list.element, pedigree.element));
  pedigree.start();
  void list.load();
}

async function start(): Promise<void> {
  const token = session.token();
  if (token === null) return showLogin();
  try {
    showSignedIn((await ask<ViewerData>(VIEWER, {}, token)).data);
  } catch (err) {
    if (err instanceof Failure && err.code === 'UNAUTHENTICATED') return signOut(`Your token is no longer accepted. ${advice(err)}`);
    const again = h('button', { type: 'button' }, 'Try again');
    again.addEventListener('click', () => void start());
    const out = h('button', { type: 'button' }, 'Sign out');
    out.addEventListener('click', () => signOut());
    fill(app, h('div', { class: 'login' }, h('p', { class: 'error', role: 'alert' }, hint(advice(err))), again, ' ', out));
  }
}

// The skip link moves the focus itself: following it would overwrite the #node in the address.
document.querySelector('.skip')!.addEventListener('click', (event) => {
  event.preventDefault();
  app.focus();
});

void start();
