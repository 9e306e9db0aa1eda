// /models/:model/versions/:version: where a version came from, what its card says, and what the reader may do with it.
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { print } from 'graphql/language/printer';
import { graphql, nodesOf, type ResultOf } from '../api/graphql';
import { compareHref, complianceHref, graphiqlHref, impactHref, lineageHref, modelHref, nodeHref, useSegments } from '../components/links';
import { Stage, Tags, Time } from '../components/Marks';
import { RecallButton } from '../components/RecallButton';
import { Recalled } from '../components/Recalled';
import { Answer, NotFound, Page, Panel } from '../components/Page';
import { Text } from '../components/Text';
import { bytes, label, long, number } from '../components/format';
import { Card } from './version/Card';
import { Actions, Requests, VersionGates } from './version/Actions';
import { Provenance } from './version/Provenance';
import { MovedButton } from './governance/DeprecationActions';

export const VERSION = graphql(`
  query Version($model: String!, $version: String!) {
    modelVersion(model: $model, version: $version) {
      id revision deleted version number label description owner creator stage createdDate recordedAt updatedAt replacedBy recallState
      tags { key value }
      model { id name }
      aliases { id name }
      deprecation { id step plan guide sunset reason replacement { id version } }
      features { id name column }
      artifacts(first: 50) { totalCount edges { node { id name uri digest sizeBytes format } } pageInfo { hasNextPage } }
      deployments(first: 20) { edges { node { id name environment endpoint live startedAt recallState } } }
      transitions(first: 50) { edges { node { id from to at by reason approval forced } } }
      card {
        id revision description dataPreprocessing limitations
        modelDetails { algorithm framework hyperparameters }
        training { trainingDataVersion trainingDate trainingTimeHours samplesUsed }
        performance { accuracy precision recall f1Score metrics { name value } }
        features
        ethicalConsiderations { fairnessChecked biasAuditDone protectedGroups }
        completeness { complete missing filled total }
      }
    }
  }
`);

export type VersionData = NonNullable<ResultOf<typeof VERSION>['modelVersion']>;

export default function Version() {
  const segments = useSegments();
  const [name, asked] = [segments[1] ?? '', segments[3] ?? ''];
  const [{ data, fetching, error }, again] = useQuery({ query: VERSION, variables: { model: name, version: asked } });
  if (data && data.modelVersion === null && !error) return <NotFound what={`version ${asked} of ${name}`} />;
  const version = data?.modelVersion;
  const shown = version?.version ?? asked;
  return (
    <Page
      title={`${name} ${shown}`}
      crumbs={[
        ['Models', '/models'],
        [name, modelHref(name)],
      ]}
      lead={
        version && (
          <span className="badges">
            <Stage stage={version.stage} />
            <Recalled id={version.id} state={version.recallState} />
            {(version.aliases ?? []).map((alias) => (
              <span key={alias.id} className="badge">
                {alias.name}
              </span>
            ))}
            <span>
              made <Time at={version.createdDate} date /> by {version.creator ?? 'someone'}
            </span>
          </span>
        )
      }
      actions={
        version && (
          <>
            <Actions model={name} version={version} onStale={() => again({ requestPolicy: 'network-only' })} />
            <RecallButton id={version.id} kind="MODEL_VERSION" name={`${name} ${shown}`} />
            <Link className="button" href={lineageHref(version.id)}>
              Lineage
            </Link>
            <Link className="button" href={impactHref(version.id)}>
              Impact
            </Link>
            <Link className="button" href={compareHref(version.id, null)}>
              Compare
            </Link>
            {version.version && (
              <Link className="button" href={complianceHref(name, version.version)}>
                Compliance
              </Link>
            )}
            <a className="button" href={graphiqlHref(print(VERSION), { model: name, version: asked })}>
              Open this query in GraphiQL
            </a>
          </>
        )
      }
    >
      <Answer data={version} fetching={fetching} error={error} lines={12}>
        {(found) => <Content name={name} version={found} />}
      </Answer>
    </Page>
  );
}

function Content({ name, version }: { name: string; version: VersionData }) {
  return (
    <>
      {version.deleted && <p className="notice">This version was deleted. It stands only in lineage.</p>}
      <Deprecated version={version} name={name} />
      <Requests version={version} />
      <Provenance version={version} name={name} />
      <div className="sided">
        <div className="stack">
          {version.card && <Card card={version.card} />}
          <Artifacts version={version} />
        </div>
        <div className="stack">
          <Panel title="About it">
            <Text text={version.description} />
            <dl className="facts">
              <dt>Owner</dt>
              <dd>{version.owner ?? 'not known'}</dd>
              <dt>Number</dt>
              <dd>{version.number}</dd>
              {version.label && (
                <>
                  <dt>Label</dt>
                  <dd>{version.label}</dd>
                </>
              )}
              <dt>Recorded</dt>
              <dd>
                <Time at={version.recordedAt} />
              </dd>
              <dt>Changed</dt>
              <dd>
                <Time at={version.updatedAt} />, revision {version.revision}
              </dd>
            </dl>
            <Tags tags={version.tags} />
          </Panel>
          <VersionGates version={version} />
          <Panel title="Deployments">
            {nodesOf(version.deployments).length === 0 && <p className="muted">None that you may see.</p>}
            <ul className="rows">
              {nodesOf(version.deployments).map((one) => (
                <li key={one.id}>
                  <Link href={nodeHref(one.id)}>{one.environment ?? one.name}</Link> <span className={one.live ? 'badge good' : 'badge'}>{one.live ? 'live' : 'ended'}</span> <Recalled id={one.id} state={one.recallState} />
                  <div className="muted small">
                    {one.endpoint} since <Time at={one.startedAt} date />
                  </div>
                </li>
              ))}
            </ul>
          </Panel>
          <Panel title="Transitions">
            {nodesOf(version.transitions).length === 0 && <p className="muted">It never moved.</p>}
            <ol className="timeline">
              {nodesOf(version.transitions)
                .reverse()
                .map((one) => (
                  <li key={one.id}>
                    <span className="muted">{label(one.from)} →</span> <Stage stage={one.to} />
                    {one.reason && <div>{one.reason}</div>}
                    <div className="muted small">
                      {one.by}, <Time at={one.at} />
                      {one.approval && ' · approved'}
                      {one.forced && ' · forced'}
                    </div>
                  </li>
                ))}
            </ol>
          </Panel>
        </div>
      </div>
    </>
  );
}

function Deprecated({ version, name }: { version: VersionData; name: string }) {
  const one = version.deprecation;
  if (!one || one.step === 'WITHDRAWN') return null;
  return (
    <div className="notice stack">
      <p>
        <strong>Deprecation {label(one.step)}.</strong>{' '}
        {one.sunset && (
          <>
            It ends on <Time at={one.sunset} date />.{' '}
          </>
        )}
        {one.replacement?.version && (
          <>
            <Link href={`${modelHref(name)}/versions/${encodeURIComponent(one.replacement.version)}`}>{one.replacement.version}</Link> replaces it.{' '}
          </>
        )}
        {one.reason ?? one.plan}
      </p>
      <Text text={one.guide} />
      {one.step === 'ANNOUNCED' && version.version && (
        <div className="actions">
          <MovedButton model={name} version={version.version} />
        </div>
      )}
    </div>
  );
}

function Artifacts({ version }: { version: VersionData }) {
  const files = nodesOf(version.artifacts);
  return (
    <Panel title="Artifacts" more={version.artifacts?.totalCount != null && <span className="muted">{number(version.artifacts.totalCount)}</span>}>
      {files.length === 0 && <p className="muted">No file is recorded, or your roles see none.</p>}
      {files.length > 0 && (
        <div className="scroll">
          <table>
            <caption className="visually-hidden">Artifacts</caption>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Where it lies, and its digest</th>
                <th scope="col" className="num">
                  Size
                </th>
              </tr>
            </thead>
            <tbody>
              {files.map((file) => (
                <tr key={file.id}>
                  <th scope="row">
                    {file.name}
                    {file.format && <div className="muted small">{file.format}</div>}
                  </th>
                  <td>
                    <code>{file.uri}</code>
                    {file.digest && (
                      <div>
                        <code className="muted">{file.digest}</code>
                      </div>
                    )}
                  </td>
                  <td className="num">{file.sizeBytes !== null && <span title={`${long(file.sizeBytes)} bytes`}>{bytes(file.sizeBytes)}</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {version.artifacts?.pageInfo.hasNextPage && <p className="notice">Only the first {files.length} are shown.</p>}
    </Panel>
  );
}
