// /models/:model: its versions, where they stand, how well they do, and what happened to them.
import { Suspense, lazy, useMemo } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { print } from 'graphql/language/printer';
import { graphql, nodesOf, type ResultOf } from '../api/graphql';
import { useMay } from '../api/viewer';
import { complianceHref, graphiqlHref, impactHref, lineageHref, nodeHref, useSegments, versionHref } from '../components/links';
import { STAGES, Stage, Tags, Time } from '../components/Marks';
import { Recalled } from '../components/Recalled';
import { Answer, NotFound, Page, Panel, Skeleton } from '../components/Page';
import { Pager } from '../components/Pager';
import { Text } from '../components/Text';
import { label, number, title } from '../components/format';
import { useUrlState } from '../components/useUrlState';
import type { Point } from '../components/MetricsPlot';

const MetricsPlot = lazy(() => import('../components/MetricsPlot'));

const MODEL = graphql(`
  query Model($name: String!, $after: String) {
    model(name: $name) {
      id name description owner createdAt updatedAt firstName nextReview reviewIntervalDays reviewers
      tags { key value }
      aliases { id name version setBy setAt }
      productionVersion { id version stage }
      latestVersion { id version stage }
      versions(first: 50, after: $after) {
        totalCount
        edges {
          node {
            id version stage createdDate creator owner recallState
            deprecation { step sunset }
            card { performance { accuracy precision recall f1Score metrics { name value } } completeness { complete filled total } }
          }
        }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

const LADDER = graphql(`
  query ModelLadder($name: String!) {
    model(name: $name) {
      DEVELOPMENT: versionsByStage(stage: DEVELOPMENT) { id version }
      STAGING: versionsByStage(stage: STAGING) { id version }
      CANARY: versionsByStage(stage: CANARY) { id version }
      PRODUCTION: versionsByStage(stage: PRODUCTION) { id version }
      DEPRECATED: versionsByStage(stage: DEPRECATED) { id version }
      ARCHIVED: versionsByStage(stage: ARCHIVED) { id version }
    }
  }
`);

const HISTORY = graphql(`
  query ModelHistory($name: String!) {
    model(name: $name) {
      versions(first: 50) { edges { node { id version transitions(first: 20) { edges { node { id at from to by reason approval forced } } } } } }
    }
  }
`);

const DEPLOYMENTS = graphql(`
  query ModelDeployments($name: String!) {
    model(name: $name) {
      versions(first: 50) { edges { node { id version deployments(first: 20) { edges { node { id name environment endpoint trafficPercent live startedAt endedAt owner recallState } } } } } }
    }
  }
`);

const GOVERNANCE = graphql(`
  query ModelGovernance($name: String!) {
    model(name: $name) { reviews(first: 10) { edges { node { id version by at decision findings nextReview } } } }
    transitionRequests(first: 20, filter: { model: $name, status: PENDING }) { edges { node { id version from to requestedBy requestedAt reason needed approvals { by } } } }
  }
`);

const CONSUMERS = graphql(`
  query ModelConsumers($name: String!) {
    deprecations(first: 10, filter: { model: $name }) {
      edges { node { id version step consumers(first: 20) { totalCount edges { node { id subject since lastUsedAt uses migrated environments } } } } }
    }
  }
`);

type ModelData = NonNullable<ResultOf<typeof MODEL>['model']>;
type Version = NonNullable<ModelData['versions']>['edges'][number]['node'];

export default function Model() {
  const name = useSegments()[1] ?? '';
  const [params, set] = useUrlState();
  const after = params.get('after');
  const [{ data, fetching, error }] = useQuery({ query: MODEL, variables: { name, after } });
  if (data && data.model === null && !error) return <NotFound what={`model named ${name}`} />;
  const model = data?.model;
  const main = model?.productionVersion ?? model?.latestVersion;
  return (
    <Page
      title={name}
      lead={model && <Lead model={model} />}
      crumbs={[['Models', '/models']]}
      actions={
        <>
          {main && (
            <Link className="button" href={lineageHref(main.id)}>
              Lineage
            </Link>
          )}
          {main && (
            <Link className="button" href={impactHref(main.id)}>
              Impact
            </Link>
          )}
          {main?.version && (
            <Link className="button" href={complianceHref(name, main.version)}>
              Compliance of {main.version}
            </Link>
          )}
          <a className="button" href={graphiqlHref(print(MODEL), { name })}>
            Open this query in GraphiQL
          </a>
        </>
      }
    >
      <Answer data={model} fetching={fetching} error={error} lines={12}>
        {(found) => <Content name={name} model={found} after={after} onGo={(to) => set({ after: to })} />}
      </Answer>
    </Page>
  );
}

function Lead({ model }: { model: ModelData }) {
  return (
    <>
      Owned by {model.owner ?? 'nobody that you may see'}, registered <Time at={model.createdAt} date />
      {model.firstName && <>, first as {model.firstName}</>}
    </>
  );
}

function Content({ name, model, after, onGo }: { name: string; model: ModelData; after: string | null; onGo: (after: string | null) => void }) {
  const may = useMay();
  const versions = nodesOf(model.versions);
  return (
    <>
      {(model.description || (model.tags?.length ?? 0) > 0) && (
        <div className="stack">
          <Text text={model.description} />
          <Tags tags={model.tags} />
        </div>
      )}
      <Ladder name={name} />
      <div className="sided">
        <div className="stack">
          <Metrics versions={versions} production={model.productionVersion?.version ?? null} />
          <Panel title="Versions" more={model.versions?.totalCount != null && <span className="muted">{model.versions.totalCount} in all, highest first</span>}>
            <Versions name={name} versions={versions} />
            <Pager hasNext={model.versions?.pageInfo.hasNextPage} after={after} end={model.versions?.pageInfo.endCursor} onGo={onGo} />
          </Panel>
          <Deployments name={name} />
        </div>
        <div className="stack">
          <Panel title="Aliases">
            {(model.aliases ?? []).length === 0 && <p className="muted">None.</p>}
            <ul className="rows">
              {(model.aliases ?? []).map((alias) => (
                <li key={alias.id}>
                  <strong>{alias.name}</strong> → {alias.version && <Link href={versionHref(name, alias.version)}>{alias.version}</Link>}
                  <div className="muted small">
                    set by {alias.setBy}, <Time at={alias.setAt} date />
                  </div>
                </li>
              ))}
            </ul>
          </Panel>
          {may('request.read') && <Governance name={name} model={model} />}
          {may('deprecation.read') && <Consumers name={name} />}
          <History name={name} />
        </div>
      </div>
    </>
  );
}

/** The six stages, and which versions stand in each. */
function Ladder({ name }: { name: string }) {
  const [{ data }] = useQuery({ query: LADDER, variables: { name } });
  return (
    <section aria-labelledby="ladder">
      <h2 id="ladder" className="visually-hidden">
        Stages
      </h2>
      <ol className="ladder">
        {STAGES.map(([stage, about]) => {
          const here = data?.model?.[stage] ?? [];
          return (
            <li key={stage} className={here.length > 0 ? 'on' : ''}>
              <Stage stage={stage} />
              <div className="muted small">{about}</div>
              <ul className="badges">
                {here.slice(0, 4).map((version) => (
                  <li key={version.id}>{version.version && <Link href={versionHref(name, version.version)}>{version.version}</Link>}</li>
                ))}
                {here.length > 4 && <li className="muted small">and {here.length - 4} more</li>}
              </ul>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

/** The metrics of a card that lie between 0 and 1, so that one scale fits them. */
function pointsOf(version: NonNullable<Version>): Point[] {
  const performance = version.card?.performance;
  if (!performance || version.version === null) return [];
  const named: [string, number | null][] = [
    ['accuracy', performance.accuracy],
    ['precision', performance.precision],
    ['recall', performance.recall],
    ['F1', performance.f1Score],
    ...(performance.metrics ?? []).map(({ name, value }): [string, number] => [name, value]),
  ];
  return named.flatMap(([metric, value]) => (value !== null && value >= 0 && value <= 1 ? [{ version: version.version!, metric, value }] : []));
}

function Metrics({ versions, production }: { versions: NonNullable<Version>[]; production: string | null }) {
  const [points, order] = useMemo(() => {
    const rising = [...versions].reverse();
    const all = rising.flatMap(pointsOf);
    return [all, rising.map(({ version }) => version ?? '').filter((version) => all.some((point) => point.version === version))];
  }, [versions]);
  if (points.length === 0) return null;
  return (
    <Panel title="Metrics over versions">
      <Suspense fallback={<Skeleton lines={6} />}>
        <MetricsPlot points={points} versions={order} production={production} />
      </Suspense>
    </Panel>
  );
}

function Versions({ name, versions }: { name: string; versions: NonNullable<Version>[] }) {
  if (versions.length === 0) return <p className="empty">No version is registered yet, or your roles see none.</p>;
  return (
    <div className="scroll">
      <table>
        <caption className="visually-hidden">Versions</caption>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Stage</th>
            <th scope="col" className="num">
              Accuracy
            </th>
            <th scope="col" className="num">
              F1
            </th>
            <th scope="col">Card</th>
            <th scope="col">Made</th>
          </tr>
        </thead>
        <tbody>
          {versions.map((version) => (
            <tr key={version.id}>
              <th scope="row">{version.version === null ? 'restricted' : <Link href={versionHref(name, version.version)}>{version.version}</Link>}</th>
              <td>
                <Stage stage={version.stage} /> <Recalled id={version.id} state={version.recallState} />
                {version.deprecation && version.deprecation.step !== 'WITHDRAWN' && <div className="badge warn">deprecation {label(version.deprecation.step)}</div>}
              </td>
              <td className="num">{version.card?.performance?.accuracy != null && number(version.card.performance.accuracy)}</td>
              <td className="num">{version.card?.performance?.f1Score != null && number(version.card.performance.f1Score)}</td>
              <td>
                {version.card?.completeness && (
                  <span className={version.card.completeness.complete ? 'badge good' : 'badge'}>
                    {version.card.completeness.filled} of {version.card.completeness.total}
                  </span>
                )}
              </td>
              <td>
                <Time at={version.createdDate} date />
                {version.creator && <div className="muted small">{version.creator}</div>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Who still uses versions that go out of use. */
function Consumers({ name }: { name: string }) {
  const [{ data, fetching, error }] = useQuery({ query: CONSUMERS, variables: { name } });
  return (
    <Panel title="Consumers">
      <Answer data={data?.deprecations} fetching={fetching} error={error} lines={3}>
        {(found) => {
          const open = nodesOf(found).filter((one) => nodesOf(one.consumers).length > 0);
          if (open.length === 0) return <p className="muted">Consumers are counted for versions that go out of use.</p>;
          return open.map((one) => (
            <section key={one.id} aria-label={`Consumers of ${one.version}`}>
              <h3>
                {one.version && <Link href={versionHref(name, one.version)}>{one.version}</Link>} <span className="badge warn">deprecation {label(one.step)}</span>
              </h3>
              <ul className="rows">
                {nodesOf(one.consumers).map((consumer) => (
                  <li key={consumer.id}>
                    <strong>{consumer.subject ?? 'someone'}</strong> {consumer.migrated && <span className="badge good">moved</span>}
                    <div className="muted small">
                      {(consumer.environments ?? []).join(', ')} {consumer.lastUsedAt ? <>last used <Time at={consumer.lastUsedAt} date /></> : 'no use was counted'}
                      {consumer.uses !== null && consumer.uses > 0 && `, ${number(consumer.uses)} uses`}
                    </div>
                  </li>
                ))}
              </ul>
            </section>
          ));
        }}
      </Answer>
    </Panel>
  );
}

function History({ name }: { name: string }) {
  const [{ data, fetching, error }] = useQuery({ query: HISTORY, variables: { name } });
  return (
    <Panel title="Transitions">
      <Answer data={data?.model} fetching={fetching} error={error}>
        {(model) => {
          const all = nodesOf(model.versions)
            .flatMap((version) => nodesOf(version.transitions).map((one) => ({ version: version.version, ...one })))
            .sort((a, b) => Date.parse(b.at ?? '') - Date.parse(a.at ?? ''));
          if (all.length === 0) return <p className="muted">Nothing moved yet.</p>;
          return (
            <ol className="timeline">
              {all.slice(0, 40).map((one) => (
                <li key={one.id}>
                  <div>
                    {one.version && <Link href={versionHref(name, one.version)}>{one.version}</Link>} <span className="muted">{label(one.from)} →</span> <Stage stage={one.to} />
                  </div>
                  {one.reason && <div className="clamp">{one.reason}</div>}
                  <div className="muted small">
                    {one.by}, <Time at={one.at} />
                    {one.approval && ' · approved'}
                    {one.forced && ' · forced'}
                  </div>
                </li>
              ))}
            </ol>
          );
        }}
      </Answer>
    </Panel>
  );
}

function Deployments({ name }: { name: string }) {
  const [{ data, fetching, error }] = useQuery({ query: DEPLOYMENTS, variables: { name } });
  return (
    <Panel title="Deployments, now and before">
      <Answer data={data?.model} fetching={fetching} error={error}>
        {(model) => {
          const all = nodesOf(model.versions).flatMap((version) => nodesOf(version.deployments).map((one) => ({ version: version.version, ...one })));
          all.sort((a, b) => Number(b.live) - Number(a.live) || Date.parse(b.startedAt ?? '') - Date.parse(a.startedAt ?? ''));
          if (all.length === 0) return <p className="muted">It was never deployed, as far as you may see.</p>;
          return (
            <div className="scroll">
              <table>
                <caption className="visually-hidden">Deployments</caption>
                <thead>
                  <tr>
                    <th scope="col">Where</th>
                    <th scope="col">Version</th>
                    <th scope="col">State</th>
                    <th scope="col">Since</th>
                  </tr>
                </thead>
                <tbody>
                  {all.map((one) => (
                    <tr key={one.id}>
                      <th scope="row">
                        <Link href={nodeHref(one.id)}>{one.environment ?? one.name ?? 'a deployment'}</Link>
                        {one.endpoint && <div className="muted small">{one.endpoint}</div>}
                      </th>
                      <td>{one.version && <Link href={versionHref(name, one.version)}>{one.version}</Link>}</td>
                      <td>
                        <span className={one.live ? 'badge good' : 'badge'}>{one.live ? 'live' : 'ended'}</span> {one.trafficPercent != null && `${number(one.trafficPercent)} %`} <Recalled id={one.id} state={one.recallState} />
                      </td>
                      <td>
                        <Time at={one.startedAt} date />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          );
        }}
      </Answer>
    </Panel>
  );
}

function Governance({ name, model }: { name: string; model: ModelData }) {
  const [{ data, fetching, error }] = useQuery({ query: GOVERNANCE, variables: { name } });
  return (
    <Panel title="Approvals and reviews">
      <Answer data={data} fetching={fetching} error={error} lines={3}>
        {(found) => (
          <ul className="rows">
            {nodesOf(found.transitionRequests).map((request) => (
              <li key={request.id}>
                <span className="badge warn">waits</span> {request.version && <Link href={versionHref(name, request.version)}>{request.version}</Link>} to {label(request.to)}, asked by {request.requestedBy}
                <div className="muted small">
                  {request.approvals?.length ?? 0} of {request.needed} approvals; <Time at={request.requestedAt} date />
                </div>
              </li>
            ))}
            {nodesOf(found.model?.reviews).map((review) => (
              <li key={review.id}>
                <span className={review.decision === 'REJECTED' ? 'badge bad' : 'badge good'}>{title(review.decision)}</span> by {review.by}, <Time at={review.at} date />
                {review.findings && <div className="clamp">{review.findings}</div>}
              </li>
            ))}
            <li className="muted">
              {model.nextReview ? (
                <>
                  Next review on <Time at={model.nextReview} date />
                </>
              ) : (
                'No review is planned.'
              )}
            </li>
          </ul>
        )}
      </Answer>
    </Panel>
  );
}
