import { Link } from 'wouter';
import { label } from './format';
import { nodeHref } from './links';
import { KindIcon } from './Marks';

interface Step {
  id: string;
  kind: string;
  name: string | null;
}

/** A way through the graph, one node after another. */
export function PathList({ path, name = 'Shortest path' }: { path: readonly Step[]; name?: string }) {
  return (
    <ol className="path" aria-label={name}>
      {path.map((step) => (
        <li key={step.id} data-kind={step.kind}>
          <span className="kind">
            <KindIcon kind={step.kind} />
            <span className="visually-hidden">{label(step.kind)}</span>
          </span>{' '}
          {step.name === null ? <em>restricted</em> : <Link href={nodeHref(step.id)}>{step.name}</Link>}
        </li>
      ))}
    </ol>
  );
}
