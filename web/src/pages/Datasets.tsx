// /datasets: every dataset with its newest versions.
import { useState } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { graphql, nodesOf } from '../api/graphql';
import { FactTabs } from '../components/FactTabs';
import { nodeHref } from '../components/links';
import { Tags, Time } from '../components/Marks';
import { Recalled } from '../components/Recalled';
import { Answer, Page } from '../components/Page';
import { Pager } from '../components/Pager';
import { label, long } from '../components/format';
import { useList } from '../components/useList';

const DATASETS = graphql(`
  query Datasets($after: String, $filter: DatasetFilter) {
    datasets(first: 50, after: $after, filter: $filter) {
      totalCount
      edges { node { id name namespace description owner createdAt tags { key value } versions(first: 5) { totalCount edges { node { id name version rows role createdAt recallState } } } } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export default function Datasets() {
  const list = useList();
  const [prefix, setPrefix] = useState(list.value('name'));
  const [{ data, fetching, error }] = useQuery({ query: DATASETS, variables: { after: list.after, filter: list.value('name') ? { namePrefix: list.value('name') } : null } });
  return (
    <Page title="Datasets" actions={<FactTabs current="/datasets" />}>
      <form
        className="toolbar"
        role="search"
        aria-label="Filter the datasets"
        onSubmit={(event) => {
          event.preventDefault();
          list.filter('name', prefix);
        }}
      >
        <div className="field wide">
          <label htmlFor="dataset-name">Name starts with</label>
          <input id="dataset-name" value={prefix} autoComplete="off" onChange={(event) => setPrefix(event.target.value)} />
        </div>
        <button type="submit">Filter</button>
      </form>
      <Answer data={data?.datasets} fetching={fetching} error={error}>
        {(found) => (
          <div className="panel">
            {found.edges.length === 0 && <p className="muted">No dataset is recorded, or your roles see none.</p>}
            <ul className="rows">
              {nodesOf(found).map((dataset) => (
                <li key={dataset.id}>
                  <strong>{dataset.name ?? 'restricted dataset'}</strong> <span className="muted">{dataset.namespace}</span> {dataset.owner && <span className="badge tag">{dataset.owner}</span>}
                  {dataset.description && <div className="muted small clamp">{dataset.description}</div>}
                  <Tags tags={dataset.tags} />
                  <ul className="plain">
                    {nodesOf(dataset.versions).map((version) => (
                      <li key={version.id} className="small">
                        <Link href={nodeHref(version.id)}>{version.version ?? version.name ?? version.id}</Link> <span className="badge">{label(version.role)}</span> <Recalled id={version.id} state={version.recallState} /> {version.rows !== null && `${long(version.rows)} rows`}{' '}
                        <span className="muted">
                          <Time at={version.createdAt} date />
                        </span>
                      </li>
                    ))}
                    {(dataset.versions?.totalCount ?? 0) > 5 && <li className="muted small">and {dataset.versions!.totalCount! - 5} more</li>}
                  </ul>
                </li>
              ))}
            </ul>
            <Pager hasNext={found.pageInfo.hasNextPage} after={list.after} end={found.pageInfo.endCursor} onGo={list.go} />
          </div>
        )}
      </Answer>
    </Page>
  );
}
