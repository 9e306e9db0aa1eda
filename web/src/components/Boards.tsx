import { Link } from 'wouter';

const BOARDS = [
  ['requests', 'Requests', '/governance'],
  ['deprecations', 'Deprecations', '/governance?board=deprecations'],
  ['reviews', 'Reviews', '/governance?board=reviews'],
  ['recalls', 'Recalls', '/recalls'],
] as const;

/** The name of a board. */
export type Board = (typeof BOARDS)[number][0];

/** The boards of what people decide, one beside the other. */
export function Boards({ current }: { current: Board }) {
  return (
    <nav className="actions" aria-label="Boards">
      {BOARDS.map(([key, text, href]) => (
        <Link key={key} className="button" href={href} aria-current={current === key ? 'page' : undefined}>
          {text}
        </Link>
      ))}
    </nav>
  );
}
