// /models: every model, with filters and sorts. Its state is in the address.
import { useEffect, useState } from 'react';
import { useClient, useQuery } from 'urql';
import { Link } from 'wouter';
import { graphql, nodesOf, type FragmentOf } from '../api/graphql';
import { modelHref, versionHref } from '../components/links';
import { STAGES, Stage, Tags, Time } from '../components/Marks';
import { Recalled } from '../components/Recalled';
import { Answer, Page } from '../components/Page';
import { Pager } from '../components/Pager';
import { tagOf, tagText } from '../components/tags';
import { count, title } from '../components/format';
import { useUrlState } from '../components/useUrlState';

const ROW = graphql(`
  fragment CatalogRow on Model @_unmask {
    id name description owner createdAt nextReview
    tags { key value }
    productionVersion { id version stage recallState deprecation { step sunset } card { completeness { complete filled total } } }
    latestVersion { id version stage recallState }
  }
`);

const MODELS = graphql(
  `
  query Catalog($after: String, $filter: ModelFilter, $orderBy: ModelOrder) {
    models(first: 50, after: $after, filter: $filter, orderBy: $orderBy) { totalCount edges { node { ...CatalogRow } } pageInfo { hasNextPage endCursor } }
  }
`,
  [ROW],
);

type Model = FragmentOf<typeof ROW>;
type StageName = (typeof STAGES)[number][0];

const SORTS = {
  name: ['Name', { field: 'NAME', direction: 'ASC' }],
  newest: ['Newest first', { field: 'CREATED_AT', direction: 'DESC' }],
  oldest: ['Oldest first', { field: 'CREATED_AT', direction: 'ASC' }],
  owner: ['Owner', { field: 'OWNER', direction: 'ASC' }],
} as const;

export default function Catalog() {
  const [params, set] = useUrlState();
  const stage = STAGES.map(([name]) => name).find((name) => name === params.get('stage'));
  const owner = params.get('owner') ?? '';
  const prefix = params.get('name') ?? '';
  const sort = (params.get('sort') ?? 'name') as keyof typeof SORTS;
  const after = params.get('after');
  const tag = params.get('tag') ?? '';
  const filtered = stage !== undefined || owner !== '' || prefix !== '' || tag !== '';
  const [{ data, fetching, error }] = useQuery({
    query: MODELS,
    variables: {
      after,
      filter: { ...(stage && { stage: stage as StageName }), ...(owner && { owner }), ...(prefix && { namePrefix: prefix }), ...(tag && { tag: tagOf(tag) }) },
      orderBy: (SORTS[sort] ?? SORTS.name)[1],
    },
  });
  const tags = [...new Set(nodesOf(data?.models).flatMap((model) => (model.tags ?? []).map(tagText)))].sort();
  return (
    <Page title="Models" lead={data?.models?.totalCount != null ? count(data.models.totalCount, 'model') : undefined}>
      <form className="toolbar" role="search" aria-label="Filter the models" onSubmit={(event) => event.preventDefault()}>
        <Filter name="Name starts with" value={prefix} wide onSet={(value) => set({ name: value, after: null }, 'replace')} />
        <Filter name="Owner" value={owner} onSet={(value) => set({ owner: value, after: null }, 'replace')} />
        <Filter name="Tag" value={tag} suggestions={tags} hint="key=value" fits={(text) => text === '' || text.includes('=')} onSet={(value) => set({ tag: value, after: null }, 'replace')} />
        <div className="field">
          <label htmlFor="stage">With a version in</label>
          <select id="stage" value={stage ?? ''} onChange={(event) => set({ stage: event.target.value, after: null })}>
            <option value="">any stage</option>
            {STAGES.map(([name]) => (
              <option key={name} value={name}>
                {title(name)}
              </option>
            ))}
          </select>
        </div>
        <div className="field">
          <label htmlFor="sort">Sort by</label>
          <select id="sort" value={sort} onChange={(event) => set({ sort: event.target.value === 'name' ? null : event.target.value, after: null })}>
            {Object.entries(SORTS).map(([key, [text]]) => (
              <option key={key} value={key}>
                {text}
              </option>
            ))}
          </select>
        </div>
        {filtered && (
          <button type="button" onClick={() => set({ stage: null, owner: null, name: null, tag: null, after: null })}>
            Clear
          </button>
        )}
      </form>
      <Answer data={data?.models} fetching={fetching} error={error} lines={8}>
        {(models) => {
          const rows = nodesOf(models);
          if (rows.length === 0) return filtered ? <p className="empty">No model fits these filters.</p> : <EmptyRegistry />;
          return (
            <>
              <div className="panel">
                <ModelTable models={rows} onOwner={(name) => set({ owner: name, after: null })} onTag={(one) => set({ tag: one, after: null })} />
              </div>
              <Pager hasNext={models.pageInfo.hasNextPage} after={after} end={models.pageInfo.endCursor} onGo={(to) => set({ after: to })} />
            </>
          );
        }}
      </Answer>
    </Page>
  );
}

interface FilterProps {
  name: string;
  value: string;
  wide?: boolean;
  /** Values to choose from. */
  suggestions?: readonly string[];
  /** How a value is written. */
  hint?: string;
  /** Whether a text is a whole value. */
  fits?: (text: string) => boolean;
  onSet: (value: string) => void;
}

/** A text field that filters once typing pauses. */
function Filter({ name, value, wide, suggestions, hint, fits = () => true, onSet }: FilterProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value || !fits(text)) return undefined;
    const timer = setTimeout(() => onSet(text), 300);
    return () => clearTimeout(timer);
  });
  const id = `filter-${name}`;
  return (
    <div className={wide ? 'field wide' : 'field'}>
      <label htmlFor={id}>{name}</label>
      <input id={id} value={text} autoComplete="off" placeholder={hint} list={suggestions && `${id}-list`} onChange={(event) => setText(event.target.value)} />
      {suggestions && (
        <datalist id={`${id}-list`}>
          {suggestions.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
    </div>
  );
}

function ModelTable({ models, onOwner, onTag }: { models: Model[]; onOwner: (owner: string) => void; onTag: (tag: string) => void }) {
  const gaps = useGaps(models);
  return (
    <div className="scroll">
      <table className="models">
        <caption className="visually-hidden">Models</caption>
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col">Owner</th>
            <th scope="col">In production</th>
            <th scope="col">Latest</th>
            <th scope="col">Registered</th>
          </tr>
        </thead>
        <tbody>
          {models.map((model) => (
            <tr key={model.id}>
              <th scope="row">
                {model.name === null ? <span className="muted">restricted model</span> : <Link href={modelHref(model.name)}>{model.name}</Link>}
                {model.description && <div className="muted small clamp">{model.description}</div>}
                <Tags tags={model.tags} onTag={onTag} />
              </th>
              <td>
                {model.owner !== null && (
                  <button type="button" className="link" onClick={() => onOwner(model.owner!)}>
                    {model.owner}
                  </button>
                )}
              </td>
              <td>
                <VersionLink model={model.name} version={model.productionVersion} gaps={gaps} />
                <Badges model={model} />
              </td>
              <td>
                <VersionLink model={model.name} version={model.latestVersion} gaps={gaps} />
              </td>
              <td>
                <Time at={model.createdAt} date />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function VersionLink({ model, version, gaps }: { gaps: ReadonlyMap<string, number>; model: string | null; version: { id: string; version: string | null; stage: string | null; recallState: string | null } | null }) {
  if (version === null) return <span className="muted">none</span>;
  return (
    <div>
      {model !== null && version.version !== null ? <Link href={versionHref(model, version.version)}>{version.version}</Link> : <span className="muted">restricted</span>}{' '}
      <Stage stage={version.stage} /> <Recalled id={version.id} state={version.recallState} />{' '}
      {(gaps.get(version.id) ?? 0) > 0 && (
        <span className="badge warn" title="What it came from is not all recorded; its page says what is missing.">
          {count(gaps.get(version.id)!, 'gap')}
        </span>
      )}
    </div>
  );
}

function Badges({ model }: { model: Model }) {
  const step = model.productionVersion?.deprecation?.step;
  const card = model.productionVersion?.card?.completeness;
  return (
    <div className="badges">
      {(step === 'PLANNED' || step === 'ANNOUNCED') && (
        <span className="badge warn">
          deprecation {step === 'PLANNED' ? 'planned' : 'announced'}
        </span>
      )}
      {card && !card.complete && (
        <span className="badge">
          card {card.filled} of {card.total}
        </span>
      )}
    </div>
  );
}

/** The server answers at most so many walks with one request. */
const WALKS = 10;

/** How many gaps the ways of the models' versions have; they come after the list. */
function useGaps(models: readonly Model[]): ReadonlyMap<string, number> {
  const client = useClient();
  const [gaps, setGaps] = useState<ReadonlyMap<string, number>>(new Map());
  const key = [...new Set(models.flatMap((model) => [model.productionVersion?.id ?? [], model.latestVersion?.id ?? []].flat()))].join(' ');
  useEffect(() => {
    let left = false;
    const ask = async () => {
      const ids = key.split(' ').filter(Boolean);
      for (let at = 0; at < ids.length && !left; at += WALKS) {
        const part = ids.slice(at, at + WALKS);
        const query = `query CatalogGaps(${part.map((_, i) => `$v${i}: ID!`).join(', ')}) { ${part.map((_, i) => `g${i}: provenance(of: $v${i}) { gaps { code } }`).join(' ')} }`;
        const { data } = await client.query<Record<string, { gaps: unknown[] } | null>>(query, Object.fromEntries(part.map((id, i) => [`v${i}`, id]))).toPromise();
        if (!left && data) setGaps((before) => new Map([...before, ...part.map((id, i) => [id, data[`g${i}`]?.gaps.length ?? 0] as const)]));
      }
    };
    void ask();
    return () => {
      left = true;
    };
  }, [key, client]);
  return gaps;
}

/** What to do in a registry that holds nothing. */
export function EmptyRegistry() {
  const commands = ['pedigree demo load', 'pedigree import dvc PATH', 'pedigree import git PATH'];
  return (
    <div className="empty stack">
      <p>No models yet. These commands fill a registry; the second lists what may be models.</p>
      <ul className="plain">
        {commands.map((command) => (
          <li key={command}>
            <code>{command}</code>{' '}
            <button type="button" onClick={() => void navigator.clipboard?.writeText(command)}>
              Copy<span className="visually-hidden"> {command}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
