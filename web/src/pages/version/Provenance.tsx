// The way from raw data to production: a sentence that can be read aloud, the commits, and the gaps.
import { Fragment, type ReactNode } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { graphql, nodesOf, type ResultOf } from '../../api/graphql';
import { nodeHref } from '../../components/links';
import { Time } from '../../components/Marks';
import { Answer, Panel } from '../../components/Page';
import { count, label } from '../../components/format';
import { truncationText } from '../../graph/labels';
import type { VersionData } from '../Version';

const PROVENANCE = graphql(`
  query VersionProvenance($of: ID!) {
    provenance(of: $of) {
      rawSources { id name }
      datasets { id name }
      runs { id name ... on Run { runKind } }
      commits { __typename id name ... on Commit { sha message author committedAt work: role } }
      tags { id name }
      features { id name }
      people
      gaps { code message field node { id name } }
      truncation { truncated reasons frontier redacted }
    }
  }
`);

type Data = NonNullable<ResultOf<typeof PROVENANCE>['provenance']>;

export function Provenance({ version, name }: { version: VersionData; name: string }) {
  const [{ data, fetching, error }] = useQuery({ query: PROVENANCE, variables: { of: version.id } });
  return (
    <Panel title="Where it came from">
      <Answer data={data?.provenance} fetching={fetching} error={error}>
        {(found) => (
          <>
            <Sentence found={found} version={version} name={name} />
            <Gaps gaps={found.gaps} />
            {found.truncation.truncated || found.truncation.redacted > 0 ? <p className="notice">{truncationText(found.truncation).join(' ')}</p> : null}
            <Commits commits={found.commits} />
          </>
        )}
      </Answer>
    </Panel>
  );
}

/** Names as people list them: the first three, and how many more. */
function Names({ nodes, noun }: { nodes: readonly { id: string; name: string | null }[]; noun: string }) {
  const shown = nodes.slice(0, 3);
  const more = nodes.length - shown.length;
  return shown.map((node, i) => (
    <Fragment key={node.id}>
      {i > 0 && (i === shown.length - 1 && more === 0 ? ' and ' : ', ')}
      {node.name === null ? `a restricted ${noun}` : <Link href={nodeHref(node.id)}>{node.name}</Link>}
      {i === shown.length - 1 && more > 0 && ` and ${count(more, `more ${noun}`)}`}
    </Fragment>
  ));
}

function Sentence({ found, version, name }: { found: Data; version: VersionData; name: string }) {
  const entered = nodesOf(version.transitions).findLast((one) => one.to === 'PRODUCTION');
  // The walk lists what is nearest first; the sentence goes from the sources on.
  const made = found.datasets.filter((one) => !found.rawSources.some((raw) => raw.id === one.id)).reverse();
  const parts: ReactNode[] = [];
  if (found.rawSources.length > 0) parts.push(<> began as <Names nodes={found.rawSources} noun="source" /></>);
  if (made.length > 0) parts.push(<> went through <Names nodes={made} noun="dataset" /></>);
  if (found.features.length > 0) parts.push(<> learned from the features <Names nodes={found.features} noun="feature" /></>);
  if (found.runs.length > 0) parts.push(<> was made by {found.runs.length === 1 ? 'the run' : 'the runs'} <Names nodes={found.runs} noun="run" /></>);
  if (found.commits.length > 0) parts.push(<> with code of {count(found.commits.length, 'commit')}{found.people.length > 0 && <> by {found.people.slice(0, 4).join(', ')}</>}</>);
  if (found.tags.length > 0) parts.push(<> was released as <Names nodes={found.tags} noun="tag" /></>);
  if (parts.length === 0) return <p className="empty">Nothing is recorded of what this version came from. Record its run with its inputs and its commit, and it shows here.</p>;
  return (
    <p className="sentence">
      <strong>
        {name} {version.version}
      </strong>
      {parts.map((part, i) => (
        <Fragment key={i}>
          {i > 0 && (i === parts.length - 1 ? ', and' : ',')}
          {part}
        </Fragment>
      ))}
      .{' '}
      {entered && (
        <>
          It went into production on <Time at={entered.at} date />, decided by {entered.by}
          {entered.reason ? `: “${entered.reason}”` : ''}.
        </>
      )}
    </p>
  );
}

/** What is missing in the way, and how to add it. */
const HOW: Record<string, string> = {
  VERSION_WITHOUT_TRAINING: 'Record the training run, and name it when you register the version.',
  VERSION_WITHOUT_DATA: 'Record the dataset versions, and name them as inputs of the run.',
  RUN_WITHOUT_COMMIT: 'Record the run again with the commit that it ran.',
  DATASET_WITHOUT_SOURCE: 'Record what made the dataset version, or give it the role RAW.',
  CARD_CONTRADICTS_GRAPH: 'Correct the card, or the recorded facts.',
};

function Gaps({ gaps }: { gaps: Data['gaps'] }) {
  if (gaps.length === 0) return <p className="badge good">No gaps</p>;
  return (
    <div className="notice">
      <h3>{count(gaps.length, 'gap')}</h3>
      <ul className="bullets">
        {gaps.slice(0, 20).map((gap, i) => (
          <li key={i}>
            {gap.message} <span>{HOW[gap.code] ?? label(gap.code)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Commits({ commits }: { commits: Data['commits'] }) {
  if (commits.length === 0) return null;
  return (
    <details>
      <summary>{count(commits.length, 'commit')} with their messages</summary>
      <ul className="rows">
        {commits.slice(0, 50).map((commit) => (
          <li key={commit.id}>
            {commit.__typename === 'Commit' ? (
              <>
                <Link href={nodeHref(commit.id)}>
                  <code>{commit.sha?.slice(0, 10)}</code>
                </Link>{' '}
                {commit.message?.split('\n')[0]}
                <div className="muted small">
                  {commit.author}, <Time at={commit.committedAt} date /> {commit.work && <span className="badge">{commit.work}</span>}
                </div>
              </>
            ) : (
              'a restricted commit'
            )}
          </li>
        ))}
      </ul>
      {commits.length > 50 && <p className="muted">and {count(commits.length - 50, 'more commit')}</p>}
    </details>
  );
}
