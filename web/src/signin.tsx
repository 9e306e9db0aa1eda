import { useEffect, useRef, useState, type FormEvent } from 'react';
import { TOKEN_COMMAND, errorText } from './errortext';
import { BASE, LOGIN, loginAddress, parseToken, start } from './session';

/** A text whose parts between backquotes are code. */
function WithCode({ text }: { text: string }) {
  return text.split('`').map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : part));
}

/** Asks for the token in a password field, as the dashboard does, and starts a session with it. */
export function SignIn({ onDone }: { onDone: () => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  useEffect(() => input.current?.focus(), []);

  async function submit(event: FormEvent) {
    event.preventDefault();
    const value = parseToken(input.current?.value ?? '');
    if (value === null) {
      setError(`This is not a token: a token is one line of letters, digits and signs. ${TOKEN_COMMAND} prints one.`);
      input.current?.focus();
      return;
    }
    setBusy(true);
    setError('');
    try {
      await start(value);
      onDone();
    } catch (err) {
      setError(errorText(err));
      setBusy(false);
      input.current?.select();
    }
  }

  return (
    <main className="graphiql-container pedigree-sign-in">
      <form aria-labelledby="sign-in-title" onSubmit={(event) => void submit(event)}>
        <h1 id="sign-in-title">GraphiQL</h1>
        <p>Requests need a token.</p>
        <label htmlFor="token">API token</label>
        <input ref={input} id="token" type="password" autoComplete="off" spellCheck={false} required aria-describedby="token-help sign-in-error" />
        <p id="sign-in-error" className="pedigree-error" role="alert">
          <WithCode text={error} />
        </p>
        <button type="submit" className="graphiql-button" disabled={busy}>
          Sign in
        </button>
        <p id="token-help">
          <WithCode text={`No token yet? ${TOKEN_COMMAND} prints one as its last line. The page does not keep it: it starts a session, which ends when you sign out.`} />
        </p>
        {LOGIN && (
          <p>
            <a href={loginAddress()}>Sign in with your organisation</a>
          </p>
        )}
        <p>
          <a href={`${BASE}/`}>Back to the dashboard</a>
        </p>
      </form>
    </main>
  );
}
