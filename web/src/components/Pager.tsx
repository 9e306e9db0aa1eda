interface Props {
  hasNext: boolean | undefined;
  after: string | null;
  end: string | null | undefined;
  onGo: (after: string | null) => void;
}

/** The buttons of a list that is read page by page. The browser's back button leads to the page before. */
export function Pager({ hasNext, after, end, onGo }: Props) {
  if (!hasNext && after === null) return null;
  return (
    <nav className="actions" aria-label="Pages of this list">
      {after !== null && (
        <>
          <button type="button" onClick={() => history.back()}>
            Back
          </button>
          <button type="button" onClick={() => onGo(null)}>
            First page
          </button>
        </>
      )}
      {hasNext && end != null && (
        <button type="button" onClick={() => onGo(end)}>
          Next page
        </button>
      )}
    </nav>
  );
}
