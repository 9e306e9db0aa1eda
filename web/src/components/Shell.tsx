// The frame of the pages: navigation, search, the user's menu, and what is wrong with the connection.
import { useEffect, useRef, useState, useSyncExternalStore, type FormEvent, type ReactNode } from 'react';
import { Button, Header, Menu, MenuItem, MenuSection, MenuTrigger, Popover } from 'react-aria-components';
import { Link, useLocation } from 'wouter';
import { connectionState, onConnectionChange } from '../api/connection';
import { BASE } from '../api/session';
import { useViewer } from '../api/viewer';
import { ErrorBoundary } from './ErrorBoundary';
import { NAVIGATION } from '../routes';
import { chooseTheme, chosenTheme, type Theme } from './theme';
import { onSaid, said, say } from './said';
import { useUrlState } from './useUrlState';
import { WithCode } from './WithCode';
import icon from '../icon.svg';

const THEMES: [Theme, string][] = [
  ['system', 'As the system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

/** The pages' frame around one page. */
export function Shell({ onSignOut, children }: { onSignOut: () => void; children: ReactNode }) {
  const main = useRef<HTMLElement>(null);
  const [path] = useLocation();
  const { online } = useSyncExternalStore(onConnectionChange, connectionState);
  const done = useSyncExternalStore(onSaid, said);
  useEffect(() => () => say(''), [path]);
  const first = useRef(true);
  // Moves the focus to a new page's content, as loading a page would; readers with a screen reader hear its heading.
  useEffect(() => {
    if (first.current) first.current = false;
    else {
      main.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
  }, [path]);
  return (
    <>
      <a
        className="skip"
        href="#content"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <header className="bar">
        <Link href="/" className="brand">
          <img src={icon} alt="" width="24" height="24" />
          Pedigree
        </Link>
        <nav aria-label="Pages">
          <ul>
            {NAVIGATION.map(([text, href]) => (
              <li key={href}>
                <Link href={href} aria-current={path === href || path.startsWith(`${href}/`) ? 'page' : undefined}>
                  {text}
                </Link>
              </li>
            ))}
            <li>
              <a href={`${BASE}/graphiql`}>GraphiQL</a>
            </li>
          </ul>
        </nav>
        <SearchBox />
        <Account onSignOut={onSignOut} />
      </header>
      <div role="status">
        {!online && (
          <p className="notice offline">
            <WithCode text="The server did not answer. Is `pedigree serve` still running? What you see may be old; the page tries again by itself." />
          </p>
        )}
        {done !== '' && <p className="notice offline">{done}</p>}
      </div>
      <main id="content" ref={main} tabIndex={-1}>
        <ErrorBoundary key={path}>{children}</ErrorBoundary>
      </main>
      <footer className="footer">
        <span>Pedigree, a model registry</span>
        <a href={document.body.dataset['licenses']}>Licenses of the libraries in these pages</a>
      </footer>
    </>
  );
}

function SearchBox() {
  const [params] = useUrlState();
  const [path, go] = useLocation();
  const shown = path === '/search' ? (params.get('q') ?? '') : '';
  const [text, setText] = useState(shown);
  useEffect(() => setText(shown), [shown]);
  function submit(event: FormEvent) {
    event.preventDefault();
    if (text.trim() !== '') go(`/search?${new URLSearchParams({ q: text.trim() })}`);
  }
  return (
    <search>
      <form onSubmit={submit}>
        <label className="visually-hidden" htmlFor="search">
          Search the registry
        </label>
        <input id="search" type="search" placeholder="Search…" value={text} onChange={(event) => setText(event.target.value)} />
      </form>
    </search>
  );
}

function Account({ onSignOut }: { onSignOut: () => void }) {
  const viewer = useViewer();
  const [, go] = useLocation();
  const [theme, setTheme] = useState(chosenTheme);
  return (
    <div className="account">
      <MenuTrigger>
        <Button className="subject">
          <span className="visually-hidden">Your menu: </span>
          {viewer ? `${viewer.subject} · ${viewer.roles.join(', ')}` : 'signed in'}
        </Button>
        <Popover className="menu-popover" placement="bottom end">
          <Menu className="menu" aria-label="Your menu">
            <MenuSection
              selectionMode="single"
              selectedKeys={[theme]}
              onSelectionChange={(keys) => {
                const [chosen] = [...keys] as Theme[];
                if (chosen === undefined) return;
                chooseTheme(chosen);
                setTheme(chosen);
              }}
            >
              <Header>Colours</Header>
              {THEMES.map(([id, text]) => (
                <MenuItem key={id} id={id}>
                  {text}
                </MenuItem>
              ))}
            </MenuSection>
            <MenuSection>
              <Header>You</Header>
              <MenuItem id="notifications" onAction={() => go('/notifications')}>
                Notifications
              </MenuItem>
            </MenuSection>
          </Menu>
        </Popover>
      </MenuTrigger>
      <button type="button" onClick={onSignOut}>
        Sign out
      </button>
    </div>
  );
}
