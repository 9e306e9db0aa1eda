// The mark of what is recalled: bad by itself, or descended from something that is.
import { Link } from 'wouter';
import { graphql } from '../api/graphql';
import { useMay } from '../api/viewer';
import { recallsOfHref } from './links';

/** The state of a node of any kind. */
export const MARK = graphql(`
  fragment Mark on ProvenanceNode @_unmask {
    __typename
    ... on ModelVersion { recallState }
    ... on DatasetVersion { recallState }
    ... on Run { recallState }
    ... on Commit { recallState }
    ... on Tag { recallState }
    ... on Feature { recallState }
    ... on Deployment { recallState }
  }
`);

interface Props {
  id: string;
  state: string | null | undefined;
  /** A mark without a link, for places that are links or buttons already. */
  plain?: boolean;
}

/** The mark of a node, which leads to the recalls; nothing for a node that is not recalled. */
export function Recalled({ id, state, plain }: Props) {
  const may = useMay();
  if (state !== 'RECALLED' && state !== 'UNKNOWN') return null;
  const sure = state === 'RECALLED';
  const text = sure ? 'recalled' : 'maybe recalled';
  const title = sure ? 'It is recalled, or descends from something that is.' : 'More lies behind it than was walked: it is not known whether it is recalled.';
  const mark = (
    <span className={sure ? 'badge bad' : 'badge warn'} title={title}>
      <svg viewBox="0 0 12 12" width="10" height="10" fill="currentColor" aria-hidden="true">
        <path d="M6 .8 11.600 11H.4zM5.300 4.300v3.400h1.400V4.300zm0 4.200v1.400h1.400V8.500z" fillRule="evenodd" />
      </svg>{' '}
      {text}
    </span>
  );
  if (plain || !may('recall.read')) return mark;
  return (
    <Link className="mark" href={recallsOfHref(id)}>
      {mark}
    </Link>
  );
}

/** The state of a node of any kind; a restricted node has none. */
export const stateOf = (node: object) => ('recallState' in node && typeof node.recallState === 'string' ? node.recallState : null);
