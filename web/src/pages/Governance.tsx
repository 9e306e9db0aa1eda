// /governance: the boards of what people decide: requests, deprecations and reviews, each with its steps and dates.
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { graphql, nodesOf } from '../api/graphql';
import { useLive } from '../api/live';
import { useMay, useViewer } from '../api/viewer';
import { Boards } from '../components/Boards';
import { Choice } from '../components/Choice';
import { modelHref } from '../components/links';
import { Stage, Time } from '../components/Marks';
import { Answer, Page, Panel, Skeleton } from '../components/Page';
import { Pager } from '../components/Pager';
import { Text } from '../components/Text';
import { VersionRef } from '../components/VersionRef';
import { DecideButtons } from '../components/Decide';
import { DeprecationButtons, PlanButton } from './governance/DeprecationActions';
import { count, label } from '../components/format';
import { useList } from '../components/useList';

const REQUESTS = graphql(`
  query RequestBoard($filter: TransitionRequestFilter, $after: String) {
    transitionRequests(first: 20, after: $after, filter: $filter) {
      edges { node { id modelName version from to status requestedBy requestedAt reason needed approvers expiresAt closedBy closedAt comment voidBecause approvals { by at comment } } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

const DEPRECATIONS = graphql(`
  query DeprecationBoard($filter: DeprecationFilter, $after: String) {
    deprecations(first: 20, after: $after, filter: $filter) {
      edges {
        node {
          id modelName version step plan guide sunset plannedBy plannedAt announcedBy announcedAt closedBy closedAt keepUntil cleanedBy cleanedAt reason
          replacement { id version }
          consumers(first: 5) { totalCount edges { node { id subject lastUsedAt migrated } } }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

const REVIEWS = graphql(`
  query ReviewBoard($after: String, $at: DateTime) {
    reviewsDue(first: 20, after: $after, at: $at) {
      edges { node { id name owner nextReview reviewIntervalDays reviews(first: 1) { edges { node { id by at decision } } } } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

const BOARDS = ['requests', 'deprecations', 'reviews'] as const;
const STATUSES = ['PENDING', 'APPROVED', 'EXECUTED', 'REJECTED', 'EXPIRED', 'VOID', 'WITHDRAWN'] as const;
const STEPS = ['PLANNED', 'ANNOUNCED', 'RETIRED', 'CLEANED_UP', 'WITHDRAWN'] as const;

export default function Governance() {
  const list = useList();
  const viewer = useViewer();
  const may = useMay();
  const board = BOARDS.find((key) => key === list.value('board')) ?? 'requests';
  if (viewer === null) return <Skeleton />;
  const allowed = board === 'deprecations' ? may('deprecation.read') : may('request.read');
  return (
    <Page title="Governance" lead="What waits for a decision, what goes out of use, and what is due for review.">
      <Boards current={board} />
      {!allowed && <p className="empty">Your roles may not read this board. Ask an administrator for a role that may.</p>}
      {allowed && board === 'requests' && <Requests />}
      {allowed && board === 'deprecations' && <Deprecations />}
      {allowed && board === 'reviews' && <Reviews />}
    </Page>
  );
}

function Requests() {
  const list = useList();
  const status = STATUSES.find((one) => one === list.value('status'));
  const mine = list.value('whose');
  const [{ data, fetching, error }, again] = useQuery({
    query: REQUESTS,
    variables: { after: list.after, filter: { ...(status && { status }), scope: mine === 'MINE' || mine === 'WAITING_FOR_ME' ? mine : 'ALL' } },
  });
  useLive(() => again({ requestPolicy: 'network-only' }));
  return (
    <>
      <div className="toolbar">
        <Choice name="Whose" value={mine} all="everyone's" options={[['WAITING_FOR_ME', 'waiting for me'], ['MINE', 'mine']]} onSet={(value) => list.filter('whose', value)} />
        <Choice name="Status" value={status ?? ''} options={STATUSES} onSet={(value) => list.filter('status', value)} />
      </div>
      <Answer data={data?.transitionRequests} fetching={fetching} error={error}>
        {(found) => (
          <Panel title="Requests">
            {found.edges.length === 0 && <p className="muted">None.</p>}
            <ul className="rows">
              {nodesOf(found).map((one) => (
                <li key={one.id}>
                  <span className={one.status === 'PENDING' ? 'badge warn' : one.status === 'EXECUTED' || one.status === 'APPROVED' ? 'badge good' : 'badge'}>{label(one.status)}</span>{' '}
                  <VersionRef model={one.modelName} version={one.version} /> <span className="muted">{label(one.from)} →</span> <Stage stage={one.to} />
                  {one.reason && <div>{one.reason}</div>}
                  <div className="muted small">
                    asked by {one.requestedBy}, <Time at={one.requestedAt} /> · {one.approvals?.length ?? 0} of {one.needed} approvals
                    {(one.approvals ?? []).map((approval) => (
                      <span key={approval.by}>
                        {' '}
                        · {approval.by}
                        {approval.comment ? `: ${approval.comment}` : ''}
                      </span>
                    ))}
                    {one.status === 'PENDING' && (
                      <>
                        {' '}
                        · void after <Time at={one.expiresAt} date />
                      </>
                    )}
                    {one.closedBy && ` · closed by ${one.closedBy}`}
                    {one.comment && `: ${one.comment}`}
                  </div>
                  {one.status === 'PENDING' && <DecideButtons id={one.id} requestedBy={one.requestedBy} />}
                  {(one.voidBecause ?? []).length > 0 && <div className="notice">{one.voidBecause!.join('; ')}</div>}
                </li>
              ))}
            </ul>
            <Pager hasNext={found.pageInfo.hasNextPage} after={list.after} end={found.pageInfo.endCursor} onGo={list.go} />
          </Panel>
        )}
      </Answer>
    </>
  );
}

function Deprecations() {
  const list = useList();
  const step = STEPS.find((one) => one === list.value('step'));
  const [{ data, fetching, error }, again] = useQuery({ query: DEPRECATIONS, variables: { after: list.after, filter: step ? { step } : {} } });
  useLive(() => again({ requestPolicy: 'network-only' }));
  return (
    <>
      <div className="toolbar">
        <Choice name="Step" value={step ?? ''} options={STEPS} onSet={(value) => list.filter('step', value)} />
        <PlanButton />
      </div>
      <Answer data={data?.deprecations} fetching={fetching} error={error}>
        {(found) => (
          <Panel title="Deprecations">
            {found.edges.length === 0 && <p className="muted">None.</p>}
            <ul className="rows">
              {nodesOf(found).map((one) => (
                <li key={one.id} className="stack">
                  <div>
                    <VersionRef model={one.modelName} version={one.version} />
                    {one.replacement?.version && one.modelName && (
                      <>
                        {' '}
                        → <VersionRef model={one.modelName} version={one.replacement.version} />
                      </>
                    )}
                  </div>
                  {one.modelName && one.version && <DeprecationButtons model={one.modelName} version={one.version} step={one.step} sunset={one.sunset} keepUntil={one.keepUntil} />}
                  <ol className="steps">
                    <Step name="planned" at={one.plannedAt} by={one.plannedBy} />
                    <Step name="announced" at={one.announcedAt} by={one.announcedBy} />
                    <Step name="sunset" at={one.sunset} done={one.step === 'RETIRED' || one.step === 'CLEANED_UP'} />
                    <Step name={one.step === 'WITHDRAWN' ? 'withdrawn' : 'retired'} at={one.closedAt} by={one.closedBy} />
                    <Step name="cleaned up" at={one.cleanedAt} by={one.cleanedBy} />
                  </ol>
                  {(one.reason ?? one.plan) && <div>{one.reason ?? one.plan}</div>}
                  <Text text={one.guide} />
                  {(one.consumers?.totalCount ?? 0) > 0 && (
                    <div className="muted small">
                      {count(one.consumers!.totalCount!, 'consumer')}:{' '}
                      {nodesOf(one.consumers)
                        .map((consumer) => `${consumer.subject ?? 'someone'}${consumer.migrated ? ' (moved)' : ''}`)
                        .join(', ')}
                    </div>
                  )}
                </li>
              ))}
            </ul>
            <Pager hasNext={found.pageInfo.hasNextPage} after={list.after} end={found.pageInfo.endCursor} onGo={list.go} />
          </Panel>
        )}
      </Answer>
    </>
  );
}

function Step({ name, at, by, done }: { name: string; at: string | null; by?: string | null; done?: boolean }) {
  return (
    <li className={(done ?? at !== null) ? 'done' : ''}>
      <strong>{name}</strong>
      <div className="muted small">
        {at !== null ? <Time at={at} date /> : 'not yet'}
        {by && ` by ${by}`}
      </div>
    </li>
  );
}

const HORIZONS: [string, string][] = [
  ['30', 'within 30 days'],
  ['90', 'within 90 days'],
  ['365', 'within a year'],
];

function Reviews() {
  const list = useList();
  const days = HORIZONS.map(([key]) => key).find((key) => key === list.value('within'));
  // The end of the day, so that the question stays the same while the page is open.
  const at = days ? `${new Date(Date.now() + Number(days) * 86_400_000).toISOString().slice(0, 10)}T23:59:59Z` : null;
  const [{ data, fetching, error }] = useQuery({ query: REVIEWS, variables: { after: list.after, at } });
  return (
    <>
      <div className="toolbar">
        <Choice name="Due" value={days ?? ''} all="now" options={HORIZONS} onSet={(value) => list.filter('within', value)} />
      </div>
      <Answer data={data?.reviewsDue} fetching={fetching} error={error}>
        {(found) => (
          <Panel title="Reviews due">
            {found.edges.length === 0 && <p className="muted">None.</p>}
            <ul className="rows">
              {nodesOf(found).map((model) => (
                <li key={model.id}>
                  {model.name === null ? 'restricted model' : <Link href={modelHref(model.name)}>{model.name}</Link>} <span className="muted">{model.owner}</span> is due on <Time at={model.nextReview} date />
                  {nodesOf(model.reviews).map((last) => (
                    <div key={last.id} className="muted small">
                      last {label(last.decision)} by {last.by}, <Time at={last.at} date />
                    </div>
                  ))}
                </li>
              ))}
            </ul>
            <Pager hasNext={found.pageInfo.hasNextPage} after={list.after} end={found.pageInfo.endCursor} onGo={list.go} />
          </Panel>
        )}
      </Answer>
    </>
  );
}
