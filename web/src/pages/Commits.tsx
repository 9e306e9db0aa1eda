// /commits: every recorded commit, newest first.
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { graphql, nodesOf } from '../api/graphql';
import { FactTabs } from '../components/FactTabs';
import { nodeHref } from '../components/links';
import { Time } from '../components/Marks';
import { Recalled } from '../components/Recalled';
import { Answer, Page } from '../components/Page';
import { Pager } from '../components/Pager';
import { useList } from '../components/useList';

const COMMITS = graphql(`
  query Commits($after: String) {
    commits(first: 50, after: $after, orderBy: { field: COMMITTED_AT, direction: DESC }) {
      edges { node { id name sha message author role committedAt recallState } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export default function Commits() {
  const list = useList();
  const [{ data, fetching, error }] = useQuery({ query: COMMITS, variables: { after: list.after } });
  return (
    <Page title="Commits" actions={<FactTabs current="/commits" />}>
      <Answer data={data?.commits} fetching={fetching} error={error}>
        {(found) => (
          <div className="panel">
            {found.edges.length === 0 && <p className="muted">No commit is recorded, or your roles see none.</p>}
            <ul className="rows">
              {nodesOf(found).map((commit) => (
                <li key={commit.id}>
                  <Link href={nodeHref(commit.id)}>
                    <code>{commit.sha?.slice(0, 10) ?? commit.name ?? 'restricted'}</code>
                  </Link>{' '}
                  {commit.message?.split('\n')[0]} {commit.role && <span className="badge">{commit.role}</span>} <Recalled id={commit.id} state={commit.recallState} />
                  <div className="muted small">
                    {commit.author}, <Time at={commit.committedAt} />
                  </div>
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
