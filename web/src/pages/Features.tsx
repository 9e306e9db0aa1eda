// /features: every feature, newest first, with the column that it is defined on.
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { graphql, nodesOf } from '../api/graphql';
import { FactTabs } from '../components/FactTabs';
import { nodeHref } from '../components/links';
import { Time } from '../components/Marks';
import { Recalled } from '../components/Recalled';
import { Answer, Page } from '../components/Page';
import { Pager } from '../components/Pager';
import { count } from '../components/format';
import { useList } from '../components/useList';

const FEATURES = graphql(`
  query Features($after: String) {
    features(first: 50, after: $after) {
      totalCount
      edges {
        node {
          id name type description owner column createdAt recallState
          upstream(first: 1) { edges { node { id name } } }
          downstream(first: 3) { totalCount edges { node { __typename id ... on ModelVersion { modelName version } } } }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export default function Features() {
  const list = useList();
  const [{ data, fetching, error }] = useQuery({ query: FEATURES, variables: { after: list.after } });
  return (
    <Page title="Features" lead={data?.features?.totalCount != null ? count(data.features.totalCount, 'feature') : undefined} actions={<FactTabs current="/features" />}>
      <Answer data={data?.features} fetching={fetching} error={error}>
        {(found) => (
          <div className="panel">
            {found.edges.length === 0 && <p className="muted">No feature is recorded, or your roles see none.</p>}
            {found.edges.length > 0 && (
              <div className="scroll">
                <table>
                  <caption className="visually-hidden">Features</caption>
                  <thead>
                    <tr>
                      <th scope="col">Feature</th>
                      <th scope="col">Type</th>
                      <th scope="col">Defined on</th>
                      <th scope="col">Owner</th>
                      <th scope="col">Used by</th>
                      <th scope="col">Since</th>
                    </tr>
                  </thead>
                  <tbody>
                    {nodesOf(found).map((feature) => (
                      <tr key={feature.id}>
                        <th scope="row">
                          <Link href={nodeHref(feature.id)}>{feature.name ?? 'restricted feature'}</Link> <Recalled id={feature.id} state={feature.recallState} />
                          {feature.description && <div className="muted small clamp">{feature.description}</div>}
                        </th>
                        <td>{feature.type}</td>
                        <td>
                          {nodesOf(feature.upstream).map((data) => (
                            <Link key={data.id} href={nodeHref(data.id)}>
                              {data.name ?? 'a restricted dataset'}
                            </Link>
                          ))}
                          {feature.column !== null && feature.column !== feature.name && <span className="muted"> {feature.column}</span>}
                        </td>
                        <td>{feature.owner}</td>
                        <td>
                          {nodesOf(feature.downstream)
                            .map((user) => (user.__typename === 'ModelVersion' ? `${user.modelName ?? 'a restricted model'} ${user.version ?? ''}` : 'something restricted'))
                            .join(', ')}
                          {(feature.downstream?.totalCount ?? 0) > 3 && <span className="muted"> and {feature.downstream!.totalCount! - 3} more</span>}
                        </td>
                        <td>
                          <Time at={feature.createdAt} date />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
            <Pager hasNext={found.pageInfo.hasNextPage} after={list.after} end={found.pageInfo.endCursor} onGo={list.go} />
          </div>
        )}
      </Answer>
    </Page>
  );
}
