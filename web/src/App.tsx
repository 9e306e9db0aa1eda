// Signing in, and the page that the address names.
import { Suspense, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { Provider } from 'urql';
import { Route, Router, Switch } from 'wouter';
import { makeClient } from './api/client';
import { connectionState, onConnectionChange, sessionBegan } from './api/connection';
import { errorText } from './api/errortext';
import { BASE, end, exists } from './api/session';
import { ViewerProvider } from './api/viewer';
import { NotFound, Skeleton } from './components/Page';
import { Shell } from './components/Shell';
import { SignIn } from './components/SignIn';
import { UrlStateProvider } from './components/useUrlState';
import { WithCode } from './components/WithCode';
import { ROUTES } from './routes';

const SIGN_IN_CLASSES = { main: '', button: 'primary', error: 'error' };

/** The whole dashboard. The address stays the same while someone signs in. */
export function App() {
  const [state, setState] = useState<'asking' | 'in' | 'out'>('asking');
  const [message, setMessage] = useState('');
  const [problem, setProblem] = useState('');
  const { sessionEnded } = useSyncExternalStore(onConnectionChange, connectionState);

  function ask() {
    setProblem('');
    exists().then(
      (signedIn) => setState(signedIn ? 'in' : 'out'),
      (err: unknown) => setProblem(errorText(err)),
    );
  }
  useEffect(ask, []);
  useEffect(() => {
    if (!sessionEnded) return;
    setMessage('Your session has ended. Sign in again.');
    void end().then(() => setState('out'));
  }, [sessionEnded]);

  if (problem !== '') {
    return (
      <main>
        <div className="login panel">
          <h1>Pedigree</h1>
          <p className="error" role="alert">
            <WithCode text={problem} />
          </p>
          <button type="button" onClick={ask}>
            Try again
          </button>
        </div>
      </main>
    );
  }
  if (state === 'asking') return null;
  if (state === 'out') {
    return (
      <SignIn
        title="Sign in"
        message={message}
        classes={SIGN_IN_CLASSES}
        home={false}
        onDone={() => {
          sessionBegan();
          setMessage('');
          setState('in');
        }}
      />
    );
  }
  return <SignedIn onSignOut={() => void end().then(() => setState('out'))} />;
}

/** The pages of one session. Their answers are forgotten with it. */
function SignedIn({ onSignOut }: { onSignOut: () => void }) {
  const client = useMemo(makeClient, []);
  return (
    <Provider value={client}>
      <ViewerProvider>
        <Router base={BASE}>
          <UrlStateProvider>
            <Shell onSignOut={onSignOut}>
              <Suspense fallback={<Skeleton lines={8} />}>
                <Switch>
                  {ROUTES.map(([path, Component]) => (
                    <Route key={path} path={path} component={Component} />
                  ))}
                  <Route>
                    <NotFound what="page with this address" />
                  </Route>
                </Switch>
              </Suspense>
            </Shell>
          </UrlStateProvider>
        </Router>
      </ViewerProvider>
    </Provider>
  );
}

