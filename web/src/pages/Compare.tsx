// /compare?a=&b=: two versions side by side, for someone who must judge the change. It prints as a document.
import { Suspense, lazy, useMemo } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { print } from 'graphql/language/printer';
import { graphql, nodesOf, type ResultOf } from '../api/graphql';
import { graphiqlHref, nodeHref, versionHref } from '../components/links';
import { Stage, Time } from '../components/Marks';
import { Recalled } from '../components/Recalled';
import { Answer, Page, Panel, Skeleton } from '../components/Page';
import { count, number } from '../components/format';
import { useUrlState } from '../components/useUrlState';
import { truncationText } from '../graph/labels';

const ComparePlot = lazy(() => import('../components/ComparePlot'));

const SIDE = graphql(`
  query CompareSide($id: ID!) {
    node(id: $id) {
      __typename
      ... on ModelVersion {
        id version modelName stage createdDate creator recallState
        model { id versions(first: 50) { edges { node { id version stage } } } }
      }
    }
  }
`);

const DIFF = graphql(`
  query Compare($a: ID!, $b: ID!) {
    lineageDiff(a: $a, b: $b) {
      identical
      datasets { added { id name } removed { id name } changed { name beforeDigest afterDigest beforeVersion afterVersion before { id } after { id } } }
      runs { added { id name } removed { id name } changed { name before { id } after { id } parameters { key before after } } }
      features { added { id name } removed { id name } }
      commits { addedCount removedCount complete added { id name } removed { id name } }
      parameters { key before after }
      metrics { key before after }
      card { path before after }
      approvals { before { id at by reason to approval } after { id at by reason to approval } }
      truncationA { truncated reasons frontier redacted }
      truncationB { truncated reasons frontier redacted }
    }
  }
`);

type Diff = NonNullable<ResultOf<typeof DIFF>['lineageDiff']>;
type Side = Extract<NonNullable<ResultOf<typeof SIDE>['node']>, { __typename: 'ModelVersion' }>;

export default function Compare() {
  const [params, set] = useUrlState();
  const [a, b] = [params.get('a') ?? '', params.get('b') ?? ''];
  const left = useSide(a);
  const right = useSide(b);
  const [{ data, fetching, error }] = useQuery({ query: DIFF, variables: { a, b }, pause: a === '' || b === '' });
  const siblings = nodesOf((left ?? right)?.model?.versions);
  return (
    <Page
      title={left && right ? `${left.version} and ${right.version} of ${left.modelName}` : 'Compare versions'}
      actions={
        a !== '' && b !== '' ? (
          <>
            <button type="button" onClick={() => set({ a: b, b: a })}>
              Swap
            </button>
            <button type="button" onClick={() => window.print()}>
              Print
            </button>
            <a className="button" href={graphiqlHref(print(DIFF), { a, b })}>
              Open this query in GraphiQL
            </a>
          </>
        ) : undefined
      }
    >
      <div className="toolbar">
        <Choose name="Before" value={a} versions={siblings} onSet={(id) => set({ a: id })} />
        <Choose name="After" value={b} versions={siblings} onSet={(id) => set({ b: id })} />
      </div>
      {a === '' && b === '' && <p className="empty">Open a version’s page, and choose “Compare” there.</p>}
      {(a === '') !== (b === '') && <p className="empty">Choose the other version above.</p>}
      {left && right && (
        <div className="grid">
          <SideHead side={left} name="Before" />
          <SideHead side={right} name="After" />
        </div>
      )}
      {a !== '' && b !== '' && (
        <Answer data={data?.lineageDiff} fetching={fetching} error={error}>
          {(diff) => <Content diff={diff} before={left?.version ?? 'before'} after={right?.version ?? 'after'} />}
        </Answer>
      )}
    </Page>
  );
}

function useSide(id: string): Side | null {
  const [{ data }] = useQuery({ query: SIDE, variables: { id }, pause: id === '' });
  return id !== '' && data?.node?.__typename === 'ModelVersion' ? data.node : null;
}

function Choose({ name, value, versions, onSet }: { name: string; value: string; versions: { id: string; version: string | null }[]; onSet: (id: string) => void }) {
  const id = `compare-${name}`;
  return (
    <div className="field">
      <label htmlFor={id}>{name}</label>
      <select id={id} value={value} onChange={(event) => onSet(event.target.value)}>
        <option value="">Choose…</option>
        {versions.map((version) => (
          <option key={version.id} value={version.id}>
            {version.version ?? 'restricted'}
          </option>
        ))}
        {value !== '' && !versions.some((version) => version.id === value) && <option value={value}>{value}</option>}
      </select>
    </div>
  );
}

function SideHead({ side, name }: { side: Side; name: string }) {
  return (
    <Panel title={`${name}: ${side.version}`} id={`side-${name}`} more={<span className="badges"><Stage stage={side.stage} /> <Recalled id={side.id} state={side.recallState} /></span>}>
      <p>
        {side.modelName && side.version && <Link href={versionHref(side.modelName, side.version)}>Its page</Link>}, made <Time at={side.createdDate} date /> by {side.creator ?? 'someone'}
      </p>
    </Panel>
  );
}

const write = (value: unknown) => (value == null ? '—' : typeof value === 'number' ? number(value) : typeof value === 'string' ? value : JSON.stringify(value));

function Content({ diff, before, after }: { diff: Diff; before: string; after: string }) {
  const cut = [...truncationText(diff.truncationA), ...truncationText(diff.truncationB)];
  const metrics = useMemo(() => diff.metrics ?? [], [diff]);
  // One scale fits what lies between 0 and 1; the table has all.
  const points = useMemo(() => metrics.flatMap((one) => (fits(one.before) && fits(one.after) ? [{ metric: one.key, before: one.before, after: one.after }] : [])), [metrics]);
  return (
    <>
      {cut.length > 0 && <p className="notice">{cut.join(' ')}</p>}
      {diff.identical && <p className="empty">Both came from the same data, code and features.</p>}
      {metrics.length > 0 && (
        <Panel title="Metrics">
          {points.length > 0 && (
            <Suspense fallback={<Skeleton lines={6} />}>
              <ComparePlot points={points} before={before} after={after} />
            </Suspense>
          )}
          <Table before={before} after={after} more="Change" rows={metrics.map((one) => [one.key, write(one.before), write(one.after), one.before !== null && one.after !== null ? signed(one.after - one.before) : ''])} />
        </Panel>
      )}
      {(diff.parameters ?? []).length > 0 && (
        <Panel title="Parameters">
          <Table before={before} after={after} rows={(diff.parameters ?? []).map((one) => [one.key, write(one.before), write(one.after)])} />
        </Panel>
      )}
      <Panel title="Data">
        {diff.datasets.changed.length > 0 && (
          <Table
            before={before}
            after={after}
            rows={diff.datasets.changed.map((one) => [one.name ?? 'restricted', [one.beforeVersion, one.beforeDigest].filter(Boolean).join(' '), [one.afterVersion, one.afterDigest].filter(Boolean).join(' ')])}
          />
        )}
        <Sets added={diff.datasets.added} removed={diff.datasets.removed} noun="dataset version" />
      </Panel>
      <div className="grid">
        <Panel title="Runs">
          <Sets added={diff.runs.added} removed={diff.runs.removed} noun="run" changed={diff.runs.changed.length} />
        </Panel>
        <Panel title="Features">
          <Sets added={diff.features.added} removed={diff.features.removed} noun="feature" />
        </Panel>
        <Panel title="Commits">
          <p>
            {count(diff.commits.addedCount, 'commit')} more, {diff.commits.removedCount} fewer{diff.commits.complete ? '' : ', as far as was walked'}.
          </p>
          <Sets added={diff.commits.added} removed={diff.commits.removed} noun="commit" />
        </Panel>
      </div>
      {(diff.card ?? []).length > 0 && (
        <Panel title="Card">
          <Table before={before} after={after} rows={(diff.card ?? []).map((one) => [one.path, write(one.before), write(one.after)])} />
        </Panel>
      )}
      {diff.approvals && (
        <Panel title="Approvals">
          <div className="grid">
            {([['before', before], ['after', after]] as const).map(([side, version]) => (
              <div key={side}>
                <h3>{version}</h3>
                {diff.approvals![side].length === 0 && <p className="muted">None.</p>}
                <ul className="rows">
                  {diff.approvals![side].map((one) => (
                    <li key={one.id}>
                      <Stage stage={one.to} /> {one.reason}
                      <div className="muted small">
                        {one.by}, <Time at={one.at} />
                      </div>
                    </li>
                  ))}
                </ul>
              </div>
            ))}
          </div>
        </Panel>
      )}
    </>
  );
}

const fits = (value: number | null): value is number => value !== null && value >= 0 && value <= 1;

const signed = (value: number) => `${value > 0 ? '+' : ''}${number(value)}`;

function Table({ before, after, more, rows }: { before: string; after: string; more?: string; rows: string[][] }) {
  return (
    <div className="scroll">
      <table className="side-by-side">
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">{before}</th>
            <th scope="col">{after}</th>
            {more && <th scope="col">{more}</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, ...cells]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {cells.map((cell, i) => (
                <td key={i}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Sets({ added, removed, noun, changed = 0 }: { added: readonly { id: string; name: string | null }[]; removed: readonly { id: string; name: string | null }[]; noun: string; changed?: number }) {
  if (added.length + removed.length + changed === 0) return <p className="muted">No other {noun} on one side alone.</p>;
  const list = (nodes: readonly { id: string; name: string | null }[], sign: string, words: string) => (
    <ul className="rows">
      {nodes.slice(0, 30).map((node) => (
        <li key={node.id}>
          <strong aria-hidden="true">{sign}</strong> <span className="visually-hidden">{words}: </span>
          {node.name === null ? `a restricted ${noun}` : <Link href={nodeHref(node.id)}>{node.name}</Link>}
        </li>
      ))}
      {nodes.length > 30 && <li className="muted">and {count(nodes.length - 30, `more ${noun}`)}</li>}
    </ul>
  );
  return (
    <>
      {changed > 0 && <p>{count(changed, `${noun} differs`, `${noun}s differ`)}.</p>}
      {list(added, '+', 'only after')}
      {list(removed, '−', 'only before')}
    </>
  );
}
