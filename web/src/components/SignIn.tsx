import { useEffect, useRef, useState, type FormEvent } from 'react';
import { TOKEN_COMMAND, errorText } from '../api/errortext';
import { BASE, LOGIN, loginAddress, parseToken, start } from '../api/session';
import { WithCode } from './WithCode';

interface Props {
  title: string;
  /** A line below the title. */
  lead?: string;
  /** What to show at the start, such as that a session has ended. */
  message?: string;
  classes: { main: string; button: string; error: string };
  /** Whether to link to the dashboard. */
  home?: boolean;
  onDone: () => void;
}

/** Asks for the token in a password field, and starts a session with it. */
export function SignIn({ title, lead, message = '', classes, home = true, onDone }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const [error, setError] = useState(message);
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
    <main className={classes.main}>
      <form className="login panel" aria-labelledby="sign-in-title" onSubmit={(event) => void submit(event)}>
        <h1 id="sign-in-title">{title}</h1>
        {lead && <p>{lead}</p>}
        <label htmlFor="token">API token</label>
        <input ref={input} id="token" type="password" autoComplete="off" spellCheck={false} required aria-describedby="token-help sign-in-error" />
        <p id="sign-in-error" className={classes.error} role="alert">
          <WithCode text={error} />
        </p>
        <button type="submit" className={classes.button} disabled={busy}>
          Sign in
        </button>
        <p id="token-help" className="muted">
          <WithCode text={`No token yet? ${TOKEN_COMMAND} prints one as its last line. The page does not keep it: it starts a session, which ends when you sign out.`} />
        </p>
        {LOGIN && (
          <p>
            <a href={loginAddress()}>Sign in with your organisation</a>
          </p>
        )}
        {home && (
          <p>
            <a href={`${BASE}/`}>Back to the dashboard</a>
          </p>
        )}
      </form>
    </main>
  );
}
