interface Props {
  /** What it is, as a sentence begins with it. */
  what: string;
  secret: string;
  onDone: () => void;
}

/** A secret that the server tells this once. It is kept nowhere. */
export function ShownOnce({ what, secret, onDone }: Props) {
  return (
    <div className="notice stack" role="status">
      <p>{what} is shown this once: copy it now.</p>
      <p>
        <code className="secret">{secret}</code>
      </p>
      <div className="actions">
        <button type="button" onClick={() => void navigator.clipboard?.writeText(secret)}>
          Copy
        </button>
        <button type="button" onClick={onDone}>
          I have it
        </button>
      </div>
    </div>
  );
}
