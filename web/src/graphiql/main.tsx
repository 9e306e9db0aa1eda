import 'graphiql/graphiql.css';
import './graphiql.css';
import { useEditorContext, useExecutionContext, type GraphiQLPlugin } from '@graphiql/react';
import type { FetcherParams } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { EXAMPLES, findSamples, type Ask, type Example } from './examples';
import { fetcher } from './fetcher';
import { BASE, end, exists } from '../api/session';
import { SignIn } from '../components/SignIn';

function Icon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d="M5 4h11l3 3v13H5zM9 10h6M9 14h6" />
    </svg>
  );
}

/** The panel with the examples. Choosing one replaces the editors' content; undo restores it. */
function Examples() {
  const { queryEditor, variableEditor, headerEditor } = useEditorContext({ nonNull: true });
  const execution = useExecutionContext();
  const [busy, setBusy] = useState<string | null>(null);

  async function use(example: Example) {
    setBusy(example.title);
    const none = { modelVersion: null, deployment: null, datasetVersion: null };
    const samples = example.needsSamples ? await findSamples(askWith(headerEditor?.getValue() ?? '')) : none;
    const variables = example.variables(samples);
    if (queryEditor) {
      queryEditor.setValue(example.query);
      // GraphiQL reads the new operation's name 0.1 seconds later. Before that it would run the old one.
      queryEditor.operationName = null;
    }
    variableEditor?.setValue(Object.keys(variables).length > 0 ? JSON.stringify(variables, null, 2) : '');
    setBusy(null);
    queryEditor?.focus();
  }

  return (
    <section aria-label="Examples">
      <div className="graphiql-doc-explorer-title">Examples</div>
      <p className="pedigree-hint">
        Choosing an example fills the editors; run it with {'▶'} or Ctrl-Enter. Your session goes with every request; the Headers editor is for other headers.
      </p>
      <ul className="pedigree-examples">
        {EXAMPLES.map((example) => (
          <li key={example.title}>
            <button type="button" disabled={busy !== null || execution?.isFetching} onClick={() => void use(example)}>
              <strong>{example.title}</strong>
              <span>{busy === example.title ? 'Looking for nodes to ask about…' : example.about}</span>
            </button>
          </li>
        ))}
      </ul>
      <p className="pedigree-hint">
        <a href={document.body.dataset['licenses']}>Licenses of the libraries in this page</a>
      </p>
    </section>
  );
}

const EXAMPLES_PLUGIN: GraphiQLPlugin = { title: 'Examples', icon: Icon, content: Examples };

/** Sends queries as the editors do: in the session, and with the headers in the headers editor. */
function askWith(headersText: string): Ask {
  return async (query, variables) => {
    const headers = headersText.trim() === '' ? {} : (JSON.parse(headersText) as Record<string, string>);
    return (await fetcher({ query, variables } as FetcherParams, { headers })) as { data?: unknown };
  };
}

// GraphiQL's history stores the headers of the headers editor, whatever its setting for headers is. They may be secret
// too. So everything that it stores goes to sessionStorage, and is deleted with the tab or at sign-out.
// After sign-out nothing is written: GraphiQL's editors write late.
let keeps = true;
const storage = {
  getItem: (key: string) => sessionStorage.getItem(key),
  setItem: (key: string, value: string) => {
    if (keeps) sessionStorage.setItem(key, value);
  },
  removeItem: (key: string) => sessionStorage.removeItem(key),
  clear: () => Object.keys(sessionStorage).filter((key) => key.startsWith('graphiql:')).forEach((key) => sessionStorage.removeItem(key)),
  get length() {
    return Object.keys(sessionStorage).filter((key) => key.startsWith('graphiql:')).length;
  },
};

// Opens the examples panel at the first visit. GraphiQL's own prop would open it again at every render.
const VISIBLE = 'graphiql:visiblePlugin';
if (sessionStorage.getItem(VISIBLE) === null && matchMedia('(min-width: 900px)').matches) sessionStorage.setItem(VISIBLE, EXAMPLES_PLUGIN.title);

// A page of the dashboard hands over its query in the fragment.
const handed = new URLSearchParams(location.hash.slice(1));
const handedQuery = handed.get('query');
const handedVariables = handed.get('variables');
if (handedQuery !== null) history.replaceState(null, '', location.pathname);

/** The page: GraphiQL behind a sign-in. The session is a cookie, which no script reads. */
function Page() {
  const [signedIn, setSignedIn] = useState<boolean | null>(null);
  useEffect(() => {
    exists().then(setSignedIn, () => setSignedIn(false));
  }, []);
  if (signedIn === null) return null;
  if (!signedIn) return <SignIn title="GraphiQL" lead="Requests need a token." classes={{ main: 'graphiql-container pedigree-sign-in', button: 'graphiql-button', error: 'pedigree-error' }} onDone={() => { keeps = true; setSignedIn(true); }} />;

  function signOut() {
    keeps = false;
    void end().then(() => setSignedIn(false));
  }

  return (
    <GraphiQL
      fetcher={fetcher}
      storage={storage}
      plugins={[EXAMPLES_PLUGIN]}
      defaultQuery={EXAMPLES[0]!.query}
      {...(handedQuery !== null && { query: handedQuery, variables: handedVariables ?? '' })}
      isHeadersEditorEnabled
      shouldPersistHeaders={false}
      showPersistHeadersSettings={false}
    >
      <GraphiQL.Logo>
        <a className="pedigree-home" href={`${BASE}/`} title="Back to the dashboard">
          Pedigree
        </a>
        <button type="button" className="pedigree-sign-out" onClick={signOut}>
          Sign out
        </button>
      </GraphiQL.Logo>
    </GraphiQL>
  );
}

createRoot(document.getElementById('app')!).render(<Page />);
