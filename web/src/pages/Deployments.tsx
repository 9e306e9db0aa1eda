// /deployments: what is at work where, and what was.
import { useState } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { graphql, nodesOf } from '../api/graphql';
import { Choice } from '../components/Choice';
import { lineageHref, nodeHref, versionHref } from '../components/links';
import { Time } from '../components/Marks';
import { Recalled } from '../components/Recalled';
import { Answer, Page } from '../components/Page';
import { Pager } from '../components/Pager';
import { number } from '../components/format';
import { useList } from '../components/useList';

const DEPLOYMENTS = graphql(`
  query Deployments($after: String, $filter: DeploymentFilter) {
    deployments(first: 50, after: $after, filter: $filter, orderBy: { field: STARTED_AT, direction: DESC }) {
      edges { node { id name environment endpoint trafficPercent modelName version owner startedAt endedAt live recallState } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export default function Deployments() {
  const list = useList();
  const [environment, setEnvironment] = useState(list.value('environment'));
  const state = list.value('state');
  const [{ data, fetching, error }] = useQuery({
    query: DEPLOYMENTS,
    variables: { after: list.after, filter: { ...(list.value('environment') && { environment: list.value('environment') }), ...(state === 'live' && { live: true }), ...(state === 'ended' && { live: false }) } },
  });
  return (
    <Page title="Deployments">
      <form
        className="toolbar"
        role="search"
        aria-label="Filter the deployments"
        onSubmit={(event) => {
          event.preventDefault();
          list.filter('environment', environment);
        }}
      >
        <Choice name="State" value={state} all="live or ended" options={['live', 'ended']} onSet={(value) => list.filter('state', value)} />
        <div className="field">
          <label htmlFor="environment">Environment</label>
          <input id="environment" value={environment} autoComplete="off" onChange={(event) => setEnvironment(event.target.value)} />
        </div>
        <button type="submit">Filter</button>
      </form>
      <Answer data={data?.deployments} fetching={fetching} error={error}>
        {(found) => (
          <div className="panel scroll">
            {found.edges.length === 0 && <p className="muted">No deployment fits, or your roles see none.</p>}
            {found.edges.length > 0 && (
              <table>
                <caption className="visually-hidden">Deployments</caption>
                <thead>
                  <tr>
                    <th scope="col">Where</th>
                    <th scope="col">Version</th>
                    <th scope="col">State</th>
                    <th scope="col">Owner</th>
                    <th scope="col">Since</th>
                    <th scope="col">Made from</th>
                  </tr>
                </thead>
                <tbody>
                  {nodesOf(found).map((one) => (
                    <tr key={one.id}>
                      <th scope="row">
                        <Link href={nodeHref(one.id)}>{one.environment ?? one.name ?? 'restricted'}</Link>
                        {one.endpoint && <div className="muted small">{one.endpoint}</div>}
                      </th>
                      <td>
                        {one.modelName && one.version && (
                          <Link href={versionHref(one.modelName, one.version)}>
                            {one.modelName} {one.version}
                          </Link>
                        )}
                      </td>
                      <td>
                        <span className={one.live ? 'badge good' : 'badge'}>{one.live ? 'live' : 'ended'}</span> {one.trafficPercent !== null && `${number(one.trafficPercent)} %`} <Recalled id={one.id} state={one.recallState} />
                      </td>
                      <td>{one.owner}</td>
                      <td>
                        <Time at={one.startedAt} date />
                        {one.endedAt && (
                          <>
                            {' '}
                            to <Time at={one.endedAt} date />
                          </>
                        )}
                      </td>
                      <td>
                        <Link href={lineageHref(one.id)}>
                          Lineage<span className="visually-hidden"> of {one.name}</span>
                        </Link>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
            <Pager hasNext={found.pageInfo.hasNextPage} after={list.after} end={found.pageInfo.endCursor} onGo={list.go} />
          </div>
        )}
      </Answer>
    </Page>
  );
}
