// /lineage/:id: what a node came from and what came of it, as a graph, a tree and a table of one answer. The whole state
// is in the address.
import '../styles/tree.css';
import { Suspense, lazy, useCallback, useMemo, useState } from 'react';
import { useQuery } from 'urql';
import { graphql, type ResultOf } from '../api/graphql';
import { hiddenFieldsText, queryErrorText } from '../api/errortext';
import { count } from '../components/format';
import { graphiqlHref, useSegments } from '../components/links';
import { Time } from '../components/Marks';
import { Page, Panel, Skeleton } from '../components/Page';
import { PathList } from '../components/PathList';
import { useUrlState } from '../components/useUrlState';
import { Controls, type Settings } from '../graph/Controls';
import { Details } from '../graph/Details';
import { ExportMenu } from '../graph/ExportMenu';
import { MAX_DEPTH, nodeTitle, truncationText } from '../graph/labels';
import type { Box } from '../graph/layout';
import { NodeTable } from '../graph/NodeTable';
import { Tree } from '../graph/Tree';
import { buildTree } from '../graph/treemodel';
import { LINEAGE, useLineage, type LineageQuestion, type Loaded } from '../graph/useLineage';
import { makeView } from '../graph/view';
import { print } from 'graphql/language/printer';

const Canvas = lazy(() => import('../graph/Canvas').then(({ Canvas: component }) => ({ default: component })));

const PATHS = graphql(`
  query PathsBetween($from: ID!, $to: ID!, $asOf: DateTime, $knownAt: DateTime) {
    up: paths(from: $from, to: $to, k: 5, asOf: $asOf, knownAt: $knownAt) { ...Ways }
    down: paths(from: $to, to: $from, k: 5, asOf: $asOf, knownAt: $knownAt) { ...Ways }
  }
  fragment Ways on PathSet @_unmask { paths { length nodes { id kind name } } exhaustive onAnyPath { nodes { id } } truncation { truncated reasons frontier redacted } }
`);

/** A graph of more nodes starts as a table, and one of half as many when more follow. */
const DRAWABLE = 1000;
const NO_BOXES: ReadonlyMap<string, Box> = new Map();

export default function Lineage() {
  const id = useSegments()[1] ?? '';
  const [params, set] = useUrlState();
  const settings = useMemo<Settings>(() => readSettings(params), [params]);
  const question: LineageQuestion = {
    of: id,
    direction: settings.direction,
    maxDepth: settings.depth,
    history: 20,
    where: settings.kinds.length > 0 ? { kinds: settings.kinds } : null,
    asOf: settings.asOf,
    knownAt: settings.knownAt,
  };
  const { loaded, fetching, error, loadMore } = useLineage(question);
  const root = loaded?.nodes.find(({ node }) => node.id === loaded.last.root) ?? loaded?.nodes[0];
  const name = root ? nodeTitle({ kind: root.node.kind, name: root.node.name, restricted: root.node.name === null }) : '';
  return (
    <Page
      title={name === '' ? 'Lineage' : `Lineage of ${name}`}
      heading={
        <>
          Provenance of <span className="subject-name">{name || '…'}</span>
        </>
      }
      crumbs={[['Lineage', '/lineage']]}
      actions={
        <a className="button" href={graphiqlHref(print(LINEAGE), question)}>
          Open this query in GraphiQL
        </a>
      }
    >
      <Controls settings={settings} root={id} onSet={set} />
      {error && !loaded && (
        <p className="error" role="alert">
          {queryErrorText(error)}
        </p>
      )}
      {error && loaded && <p className="notice">{hiddenFieldsText(error)}</p>}
      {!loaded && fetching && <Skeleton lines={10} />}
      {loaded && <Shown id={id} name={name} loaded={loaded} fetching={fetching} question={question} settings={settings} onSet={set} onMore={loadMore} />}
    </Page>
  );
}

interface ShownProps {
  id: string;
  name: string;
  loaded: Loaded;
  fetching: boolean;
  question: LineageQuestion;
  settings: Settings;
  onSet: (change: Record<string, string | null>, how?: 'push' | 'replace') => void;
  onMore: () => void;
}

function Shown({ id, name, loaded, fetching, question, settings, onSet, onMore }: ShownProps) {
  const [boxes, setBoxes] = useState(NO_BOXES);
  const { onPath, ways } = usePath(id, settings);
  const nodes = useMemo(() => (onPath ? loaded.nodes.filter(({ node }) => onPath.has(node.id) || node.id === loaded.last.root) : loaded.nodes), [loaded, onPath]);
  const view = useMemo(() => makeView(nodes, loaded.edges, onPath ? Infinity : settings.hops, new Set(settings.open)), [nodes, loaded, onPath, settings.hops, settings.open.join()]);
  const tree = useMemo(() => buildTree(loaded.last.root, nodes, loaded.edges), [nodes, loaded]);
  const select = useCallback((node: string) => onSet({ select: node }, 'replace'), [onSet]);
  const open = useCallback((node: string) => onSet({ open: [...settings.open, node].join(' ') }), [onSet, settings.open.join()]);
  const found = useMemo(() => {
    const words = settings.find.toLowerCase();
    return words === '' ? null : new Set(nodes.filter(({ node }) => (node.name ?? '').toLowerCase().includes(words) || node.id === words).map(({ node }) => node.id));
  }, [nodes, settings.find]);
  const shownView = settings.view ?? (view.nodes.length > (loaded.last.pageInfo.hasNextPage ? DRAWABLE / 2 : DRAWABLE) ? 'table' : 'graph');
  const next = loaded.last.pageInfo.hasNextPage;
  const sentences = truncationText(loaded.last.truncation, settings.depth);
  if (shownView === 'graph') {
    if (view.left > 0) sentences.push(`The picture leaves out ${count(view.left, 'node')} more than ${count(settings.hops, 'step')} away: “+n” opens them.`);
    if (view.rolled > 0) sentences.push(`${count(view.rolled, 'sibling is', 'siblings are')} drawn together: the dashed boxes open.`);
  }
  return (
    <>
      <div className="toolbar">
        <p className="status muted" role="status">
          <Summary loaded={loaded} />
          {found && ` ${count(found.size, 'node')} found.`}
          {fetching && ' Loading more…'}
        </p>
        <ExportMenu name={name} question={question} loaded={loaded} view={view} boxes={shownView === 'graph' ? boxes : NO_BOXES} />
      </div>
      {sentences.length > 0 && <p className="notice truncation">{sentences.join(' ')}</p>}
      {onPath && (
        <p className="notice">
          Only what lies on a path between {name} and {loaded.nodes.find(({ node }) => node.id === settings.path)?.node.name ?? 'the picked node'} is shown.{' '}
          <button type="button" className="link" onClick={() => onSet({ path: null })}>
            Show everything
          </button>
        </p>
      )}
      {onPath && <Ways ways={ways} />}
      <div className={settings.select ? 'sided' : 'stack'}>
        <div className="stack">
          {shownView === 'graph' && (
            <Suspense fallback={<Skeleton lines={12} />}>
              <Canvas view={view} root={loaded.last.root} selected={settings.select} found={found} onSelect={select} onOpen={open} onPlaced={setBoxes} />
            </Suspense>
          )}
          {shownView === 'tree' && tree && (
            <div className="panel">
              <Tree root={tree} selected={settings.select} onSelect={select} />
            </div>
          )}
          {shownView === 'table' && (
            <div className="panel">
              <NodeTable nodes={found ? nodes.filter(({ node }) => found.has(node.id)) : nodes} edges={loaded.edges} selected={settings.select} onSelect={select} />
            </div>
          )}
          {next && (
            <button type="button" onClick={onMore} disabled={fetching}>
              Load more nodes
            </button>
          )}
        </div>
        {settings.select && <Details id={settings.select} root={loaded.last.root} loaded={loaded} settings={settings} onSet={onSet} />}
      </div>
    </>
  );
}

type Way = NonNullable<ResultOf<typeof PATHS>['up']>;

/** The ids on any path between the start and the picked node, null without one and while it is asked for; and the paths themselves. */
function usePath(id: string, settings: Settings): { onPath: ReadonlySet<string> | null; ways: Way[] } {
  const [{ data }] = useQuery({ query: PATHS, variables: { from: id, to: settings.path ?? '', asOf: settings.asOf, knownAt: settings.knownAt }, pause: settings.path === null });
  return useMemo(() => {
    if (settings.path === null || !data) return { onPath: null, ways: [] };
    const ways = [data.up, data.down].filter((way) => way !== null);
    return { onPath: new Set(ways.flatMap((way) => way.onAnyPath.nodes.map((node) => node.id))), ways };
  }, [data, settings.path]);
}

/** The shortest paths between two nodes, in words. */
function Ways({ ways }: { ways: Way[] }) {
  const paths = ways.flatMap((way) => way.paths);
  const cut = ways.flatMap((way) => truncationText(way.truncation));
  return (
    <Panel title={paths.length === 1 ? 'The path between them' : `The ${paths.length} shortest paths between them`}>
      {paths.length === 0 && <p className="muted">No path is known.</p>}
      {ways.some((way) => !way.exhaustive && way.paths.length > 0) && <p className="muted small">There are more.</p>}
      {cut.length > 0 && <p className="notice">{cut.join(' ')}</p>}
      {paths.map((path, i) => (
        <div key={i}>
          <span className="muted small">{count(path.length, 'step')}</span>
          <PathList path={path.nodes} name={`Path ${i + 1}`} />
        </div>
      ))}
    </Panel>
  );
}

function Summary({ loaded }: { loaded: Loaded }) {
  const deepest = loaded.nodes.reduce((depth, node) => Math.max(depth, node.depth), 0);
  const next = loaded.last.pageInfo.hasNextPage;
  return (
    <>
      {next ? 'The nearest ' : ''}
      {count(loaded.nodes.length, 'node')} and {count(loaded.edges.length, 'edge')}, {count(deepest, 'step')} deep, as of <Time at={loaded.last.asOf} />.{next && ' More nodes follow.'}
      {loaded.last.historyCut && ' Older commits are not shown.'}
    </>
  );
}

const KINDS = ['DATASET_VERSION', 'RUN', 'FEATURE', 'COMMIT', 'TAG', 'MODEL_VERSION', 'DEPLOYMENT'] as const;

function readSettings(params: URLSearchParams): Settings {
  const direction = params.get('direction');
  const view = params.get('view');
  const whole = (name: string, otherwise: number) => (/^\d{1,2}$/.test(params.get(name) ?? '') ? Number(params.get(name)) : otherwise);
  return {
    view: view === 'tree' || view === 'table' || view === 'graph' ? view : null,
    direction: direction === 'DOWNSTREAM' || direction === 'BOTH' ? direction : 'UPSTREAM',
    hops: whole('hops', 2),
    depth: Math.max(1, whole('depth', MAX_DEPTH)),
    kinds: KINDS.filter((kind) => params.get('kinds')?.split(' ').includes(kind)),
    open: (params.get('open') ?? '').split(' ').filter(Boolean),
    select: params.get('select'),
    path: params.get('path'),
    find: params.get('find') ?? '',
    asOf: params.get('asOf'),
    knownAt: params.get('knownAt'),
  };
}
