// The frame of every page's content: its title, the way to it, and what to show while there is no answer.
import { useEffect, type ReactNode } from 'react';
import type { CombinedError } from '@urql/core';
import { Link } from 'wouter';
import { codeOf, hiddenFieldsText, queryErrorText } from '../api/errortext';
import { WithCode } from './WithCode';

interface PageProps {
  title: string;
  /** The heading, when it is more than the title. */
  heading?: ReactNode;
  lead?: ReactNode;
  crumbs?: [string, string][];
  actions?: ReactNode;
  children: ReactNode;
}

/** A page with its heading. It names the tab. */
export function Page({ title, heading, lead, crumbs, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Pedigree`;
  }, [title]);
  return (
    <>
      {crumbs && (
        <nav className="crumbs" aria-label="Where this page lies">
          <ol>
            {crumbs.map(([text, href]) => (
              <li key={href}>
                <Link href={href}>{text}</Link>
              </li>
            ))}
          </ol>
        </nav>
      )}
      <div className="page-head">
        <div>
          <h1>{heading ?? title}</h1>
          {lead && <div className="muted">{lead}</div>}
        </div>
        {actions && <div className="actions">{actions}</div>}
      </div>
      {children}
    </>
  );
}

interface PanelProps {
  title: string;
  /** Links or buttons beside the title. */
  more?: ReactNode;
  children: ReactNode;
  id?: string;
}

/** A part of a page with a heading. */
export function Panel({ title, more, children, id }: PanelProps) {
  const heading = `panel-${id ?? title.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`;
  return (
    <section className="panel" aria-labelledby={heading}>
      <div className="panel-head">
        <h2 id={heading}>{title}</h2>
        {more}
      </div>
      {children}
    </section>
  );
}

/** Grey lines in the place of what is being loaded. */
export function Skeleton({ lines = 5 }: { lines?: number }) {
  return (
    <div className="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, i) => (
        <span key={i} />
      ))}
    </div>
  );
}

interface StateProps<T> {
  data: T | null | undefined;
  fetching: boolean;
  error: CombinedError | undefined;
  lines?: number;
  children: (data: NonNullable<T>) => ReactNode;
}

/**
 * Shows an answer, or why there is none: it is being loaded, or it was refused. What an answer lacks is told above it. A
 * server that does not answer is told by the frame of the pages, and what was shown stays.
 */
export function Answer<T>({ data, fetching, error, lines, children }: StateProps<T>) {
  if (data == null) {
    if (error !== undefined && codeOf(error) !== 'NETWORK') {
      return (
        <p className="error" role="alert">
          <WithCode text={queryErrorText(error)} />
        </p>
      );
    }
    if (fetching || error !== undefined) return <Skeleton lines={lines ?? 5} />;
    return <p className="muted">Nothing here.</p>;
  }
  const hidden = hiddenFieldsText(error?.graphQLErrors.length ? error : undefined);
  return (
    <>
      {hidden !== '' && <p className="notice">{hidden}</p>}
      {children(data)}
    </>
  );
}

/** Says that there is no such thing, or that the reader's roles hide it. */
export function NotFound({ what }: { what: string }) {
  return (
    <Page title="Not found">
      <p className="empty">
        There is no {what}, or your roles may not see it. <Link href="/models">All models</Link>
      </p>
    </Page>
  );
}
