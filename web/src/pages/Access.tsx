// /access: what I may do and my tokens; for administrators who may do what, and why.
import { Link } from 'wouter';
import { useMay, useViewer } from '../api/viewer';
import { Page, Panel, Skeleton } from '../components/Page';
import { useUrlState } from '../components/useUrlState';
import { Explain } from './access/Explain';
import { Matrix } from './access/Matrix';
import { Rules } from './access/Rules';
import { Subjects } from './access/Subjects';
import { Tokens } from './access/Tokens';

const PARTS = [
  ['mine', 'My access'],
  ['roles', 'Roles'],
  ['explain', 'Explain'],
  ['subjects', 'Subjects'],
  ['rules', 'Rules'],
] as const;

export default function Access() {
  const viewer = useViewer();
  const may = useMay();
  const [params] = useUrlState();
  if (viewer === null) return <Skeleton />;
  const manages = may('access.manage');
  const part = PARTS.map(([key]) => key).find((key) => key === params.get('part')) ?? 'mine';
  return (
    <Page title="Access" lead="Who may see and do what, and which rule says so.">
      {manages && (
        <nav className="actions" aria-label="Parts of this page">
          {PARTS.map(([key, text]) => (
            <Link key={key} className="button" href={`/access?part=${key}`} aria-current={part === key ? 'page' : undefined}>
              {text}
            </Link>
          ))}
        </nav>
      )}
      {part === 'mine' && <Mine />}
      {part !== 'mine' && !manages && <p className="empty">Only those who manage access see this. What you may do yourself is under <Link href="/access">your access</Link>.</p>}
      {manages && part === 'roles' && <Matrix />}
      {manages && part === 'explain' && <Explain />}
      {manages && part === 'subjects' && <Subjects />}
      {manages && part === 'rules' && <Rules />}
    </Page>
  );
}

/** What the reader may do, by the part of the registry that it is about. */
function Mine() {
  const viewer = useViewer()!;
  const may = useMay();
  const areas = new Map<string, string[]>();
  for (const action of [...viewer.actions].sort()) {
    const [area = action, ...rest] = action.split('.');
    areas.set(area, [...(areas.get(area) ?? []), ...(rest.length > 0 ? [rest.join('.')] : [])]);
  }
  return (
    <div className="stack">
      {may('token.manage.own') && <Tokens />}
      <Panel title="What you may do">
        <p>
          <Link href="/notifications">What you are told</Link>
        </p>
        <p>
          You are <strong>{viewer.subject}</strong>, with {viewer.roles.length === 1 ? 'the role' : 'the roles'} {viewer.roles.join(', ')}.
        </p>
        <ul className="areas">
          {[...areas].map(([area, actions]) => (
            <li key={area}>
              <strong>{area}</strong> <span className="muted">{actions.join(', ')}</span>
            </li>
          ))}
        </ul>
      </Panel>
    </div>
  );
}
