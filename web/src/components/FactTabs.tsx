import { Link } from 'wouter';

const TABS = [
  ['/datasets', 'Datasets'],
  ['/runs', 'Runs'],
  ['/features', 'Features'],
  ['/commits', 'Commits'],
] as const;

/** The lists of recorded facts, one beside the other. */
export function FactTabs({ current }: { current: string }) {
  return (
    <nav className="actions" aria-label="Recorded facts">
      {TABS.map(([href, text]) => (
        <Link key={href} className="button" href={href} aria-current={href === current ? 'page' : undefined}>
          {text}
        </Link>
      ))}
    </nav>
  );
}
