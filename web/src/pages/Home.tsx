// /: what waits for the reader, and what changed lately.
import { useState, type FormEvent } from 'react';
import { useQuery } from 'urql';
import { Link, useLocation } from 'wouter';
import { graphql, nodesOf, type ResultOf } from '../api/graphql';
import { useLive } from '../api/live';
import { useMay, useViewer } from '../api/viewer';
import { modelHref, nodeHref, recallHref, versionHref } from '../components/links';
import { Stage, Time } from '../components/Marks';
import { Recalled } from '../components/Recalled';
import { Answer, Page, Panel } from '../components/Page';
import { VersionRef } from '../components/VersionRef';
import { label, title } from '../components/format';
import { EmptyRegistry } from './Catalog';

const HOME = graphql(`
  query Home($requests: Boolean!, $deprecations: Boolean!, $recalls: Boolean!, $log: Boolean!) {
    models(first: 6, orderBy: { field: CREATED_AT, direction: DESC }) {
      edges { node { id name description owner productionVersion { id version stage recallState } latestVersion { id version stage } } }
    }
    reviewsDue(first: 10) @include(if: $requests) { edges { node { id name owner nextReview } } }
    transitionRequests(first: 10, filter: { scope: WAITING_FOR_ME }) @include(if: $requests) {
      edges { node { id modelName version from to requestedBy requestedAt expiresAt reason needed approvals { by } } }
    }
    deprecations(first: 10, filter: { step: ANNOUNCED }) @include(if: $deprecations) {
      edges { node { id modelName version sunset replacement { id version } } }
    }
    recalls(first: 10, filter: { open: true }) @include(if: $recalls) {
      edges { node { id number reason severity recalledBy recalledAt clearing { askedBy askedAt reason } nodes { id name } } }
    }
    auditLog(first: 12) @include(if: $log) {
      edges { node { seq at actor action reason model objects } }
    }
  }
`);

export default function Home() {
  const viewer = useViewer();
  const may = useMay();
  const [, go] = useLocation();
  const [text, setText] = useState('');
  const [{ data, fetching, error }, again] = useQuery({
    query: HOME,
    variables: { requests: may('request.read'), deprecations: may('deprecation.read'), recalls: may('recall.read'), log: may('log.read') },
    pause: viewer === null,
  });
  useLive(() => again({ requestPolicy: 'network-only' }));
  function search(event: FormEvent) {
    event.preventDefault();
    if (text.trim() !== '') go(`/search?${new URLSearchParams({ q: text.trim() })}`);
  }
  return (
    <Page title="Home" heading={viewer ? `Hello, ${viewer.subject}` : 'Home'} lead="Where every model came from, and who decided.">
      <search>
        <form className="hero" onSubmit={search}>
          <label className="visually-hidden" htmlFor="home-search">
            Search
          </label>
          <input id="home-search" type="search" placeholder="A model, a dataset, a commit, a deployment…" value={text} onChange={(event) => setText(event.target.value)} />
          <button type="submit" className="primary">
            Search
          </button>
        </form>
      </search>
      <Answer data={data} fetching={fetching} error={error} lines={10}>
        {(home) => {
          if (home.models && nodesOf(home.models).length === 0) return <EmptyRegistry />;
          return (
            <div className="sided">
              <div className="stack">
                <Waiting home={home} />
                {home.auditLog && <Changes entries={nodesOf(home.auditLog)} />}
              </div>
              <Panel title="Newest models" more={<Link href="/models">All models</Link>}>
                <ul className="rows">
                  {nodesOf(home.models).map((model) => (
                    <li key={model.id}>
                      {model.name === null ? 'restricted model' : <Link href={modelHref(model.name)}>{model.name}</Link>}{' '}
                      {model.owner && <span className="muted small">{model.owner}</span>}
                      {model.description && <div className="muted small clamp">{model.description}</div>}
                      {model.name !== null && model.productionVersion?.version && (
                        <div className="small">
                          <Link href={versionHref(model.name, model.productionVersion.version)}>{model.productionVersion.version}</Link> <Stage stage={model.productionVersion.stage} /> <Recalled id={model.productionVersion.id} state={model.productionVersion.recallState} />
                        </div>
                      )}
                    </li>
                  ))}
                </ul>
              </Panel>
            </div>
          );
        }}
      </Answer>
    </Page>
  );
}

const ABOUT = graphql(`
  query HomeAbout($ids: [ID!]!) {
    nodes(ids: $ids) {
      __typename
      id
      ... on Model { name }
      ... on ModelVersion { modelName version }
      ... on Deployment { name }
      ... on DatasetVersion { name }
      ... on Run { name }
    }
  }
`);

type Entry = NonNullable<NonNullable<ResultOf<typeof HOME>['auditLog']>['edges'][number]['node']>;
type About = NonNullable<ResultOf<typeof ABOUT>['nodes']>[number];

/** The last entries of the log, each with the model or the node that it is about. */
function Changes({ entries }: { entries: Entry[] }) {
  const ids = [...new Set(entries.flatMap((entry) => [...(entry.model === null ? [] : [entry.model]), ...(entry.objects ?? []).slice(0, 1)]))].slice(0, 100);
  const [{ data }] = useQuery({ query: ABOUT, variables: { ids }, pause: ids.length === 0 });
  const known = new Map((data?.nodes ?? []).flatMap((node) => (node === null ? [] : [[node.id, node] as const])));
  return (
    <Panel title="What changed lately" more={<Link href="/log">The log</Link>}>
      <ul className="rows">
        {entries.map((entry) => (
          <li key={String(entry.seq)}>
            <strong>{title(entry.action)}</strong> <AboutLink main={known.get(entry.objects?.[0] ?? '')} model={known.get(entry.model ?? '')} />
            {entry.reason && <div>{entry.reason}</div>}
            <div className="muted small">
              {entry.actor ?? 'someone'}, <Time at={entry.at} />
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** What an entry is about, the main object if it is one that people know by name, or its model. */
function AboutLink({ main, model }: { main: About | undefined; model: About | undefined }) {
  for (const one of [main, model]) {
    if (one?.__typename === 'ModelVersion' && one.modelName && one.version) return <VersionRef model={one.modelName} version={one.version} />;
    if (one?.__typename === 'Model' && one.name) return <Link href={modelHref(one.name)}>{one.name}</Link>;
    if ((one?.__typename === 'Deployment' || one?.__typename === 'DatasetVersion' || one?.__typename === 'Run') && one.name) return <Link href={nodeHref(one.id)}>{one.name}</Link>;
  }
  return null;
}

type HomeData = ResultOf<typeof HOME>;

function Waiting({ home }: { home: HomeData }) {
  const viewer = useViewer();
  const requests = nodesOf(home.transitionRequests);
  const reviews = nodesOf(home.reviewsDue);
  const sunsets = nodesOf(home.deprecations);
  const recalls = nodesOf(home.recalls);
  return (
    <Panel title="What waits for you">
      {requests.length + reviews.length + sunsets.length + recalls.length === 0 && <p className="muted">Nothing waits for you.</p>}
      <ul className="rows">
        {recalls.map((recall) => (
          <li key={recall.id}>
            <span className="badge bad">recall</span> <Link href={recallHref(recall.id)}>Recall {recall.number}</Link>: {recall.reason}{' '}
            <span className="muted small">
              {recall.clearing === null
                ? `${label(recall.severity)}, by ${recall.recalledBy}`
                : recall.clearing.askedBy === viewer?.subject
                  ? 'you asked to clear it; a second person decides'
                  : `${recall.clearing.askedBy} asks to clear it`}
            </span>
          </li>
        ))}
        {requests.map((request) => (
          <li key={request.id}>
            <span className="badge warn">approval</span> <VersionRef model={request.modelName} version={request.version} /> from {label(request.from)} to {label(request.to)}, asked by {request.requestedBy},{' '}
            <Time at={request.requestedAt} date />
            {request.reason ? `: ${request.reason}` : ''} <span className="muted small">({request.approvals?.length ?? 0} of {request.needed ?? 0} approvals)</span>
          </li>
        ))}
        {reviews.map((model) => (
          <li key={model.id}>
            <span className="badge warn">review</span> {model.name === null ? 'restricted model' : <Link href={modelHref(model.name)}>{model.name}</Link>} was due on <Time at={model.nextReview} date />
          </li>
        ))}
        {sunsets.map((one) => (
          <li key={one.id}>
            <span className="badge bad">sunset</span> <VersionRef model={one.modelName} version={one.version} /> ends on <Time at={one.sunset} date />
            {one.replacement?.version ? `; ${one.replacement.version} replaces it` : ''}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
