import './dashboard.css';
import { TOKEN_COMMAND, errorText } from './errortext';
import { RequestError, ask } from './api';
import { h, setChildren, withCode } from './dom';
import { makeModelList } from './modellist';
import { makeTreePanel } from './treepanel';
import { VIEWER, type ViewerData } from './queries';
import * as session from './session';

const app = document.getElementById('app')!;
const account = document.getElementById('account')!;

/** Aborts the requests and removes the listeners of the signed-in page. */
let signedIn = new AbortController();

/** Leaves the signed-in page, on request or because the session has ended. */
function signOut(message = ''): void {
  signedIn.abort();
  void session.end().then(() => showLogin(message));
}

function showLogin(message = ''): void {
  setChildren(account);
  const input = h('input', {
    id: 'token', type: 'password', autocomplete: 'off', spellcheck: 'false', required: true,
    'aria-describedby': 'token-help login-error',
  });
  const error = h('p', { id: 'login-error', class: 'error', role: 'alert' });
  setChildren(error, withCode(message));
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
      withCode(`No token yet? ${TOKEN_COMMAND} prints one as its last line. The page does not keep it: it starts a session, which ends when you sign out.`)),
    session.LOGIN && h('p', {}, h('a', { href: session.loginAddress() }, 'Sign in with your organisation')),
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const value = session.parseToken(input.value);
    if (value === null) {
      setChildren(error, withCode(`This is not a token: a token is one line of letters, digits and signs. ${TOKEN_COMMAND} prints one.`));
      input.focus();
      return;
    }
    button.disabled = true;
    setChildren(error);
    try {
      await session.start(value);
      input.value = '';
      showSignedIn((await ask<ViewerData>(VIEWER, {})).data);
    } catch (err) {
      setChildren(error, withCode(errorText(err)));
      button.disabled = false;
      input.focus();
      input.select();
    }
  });
  setChildren(app, form);
  input.focus();
}

function showSignedIn({ viewer }: ViewerData): void {
  signedIn = new AbortController();
  const out = h('button', { type: 'button' }, 'Sign out');
  out.addEventListener('click', () => signOut());
  const roles = viewer?.roles ?? [];
  setChildren(
    account,
    h('span', { class: 'subject' }, viewer?.subject ?? 'signed in', roles.length > 0 && h('span', { class: 'muted' }, ` · ${roles.join(', ')}`)),
    out,
  );
  const onFailure = (err: unknown): string => {
    if (err instanceof RequestError && err.code === 'UNAUTHENTICATED') signOut('Your session has ended. Sign in again.');
    return errorText(err);
  };
  const context = { signal: signedIn.signal, onFailure };
  const treePanel = makeTreePanel(context);
  const list = makeModelList(context, (model, byUser) => void treePanel.showModel(model, byUser));
  setChildren(app, h('h1', { class: 'visually-hidden' }, 'Models and their provenance'), h('div', { class: 'columns' }, list.element, treePanel.element));
  treePanel.start();
  void list.load();
}

async function start(): Promise<void> {
  try {
    if (!(await session.exists())) return showLogin();
    showSignedIn((await ask<ViewerData>(VIEWER, {})).data);
  } catch (err) {
    if (err instanceof RequestError && err.code === 'UNAUTHENTICATED') return signOut('Your session has ended. Sign in again.');
    const again = h('button', { type: 'button' }, 'Try again');
    again.addEventListener('click', () => void start());
    const out = h('button', { type: 'button' }, 'Sign out');
    out.addEventListener('click', () => signOut());
    setChildren(app, h('div', { class: 'login' }, h('p', { class: 'error', role: 'alert' }, withCode(errorText(err))), again, ' ', out));
  }
}

// The skip link moves the focus with a script: following the link would overwrite #node in the address.
document.querySelector('.skip')!.addEventListener('click', (event) => {
  event.preventDefault();
  app.focus();
});

void start();
