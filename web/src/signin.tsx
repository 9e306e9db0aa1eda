import { useEffect, useRef, useState, type FormEvent } from 'react';
import { ask } from './api';
import { TOKEN_COMMAND, errorText } from './errortext';
import { VIEWER, type ViewerData } from './queries';
import { parseToken, saveToken } from './session';

/** A text whose parts between backquotes are code. */
function WithCode({ text }: { text: string }) {
  return text.split('`').map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : part));
}

/** Asks for the token in a password field, as the dashboard does, and stores it for this tab when the server accepts it. */
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
      await ask<ViewerData>(VIEWER, {}, value);
      saveToken(value);
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
          <WithCode text={`No token yet? ${TOKEN_COMMAND} prints one as its last line. It is kept in this tab only, until you sign out or close it.`} />
        </p>
        <p>
          <a href="/">Back to the dashboard</a>
        </p>
      </form>
    </main>
  );
}
