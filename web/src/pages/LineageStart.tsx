// /lineage: choose where a lineage starts.
import { useState, type FormEvent } from 'react';
import { useQuery } from 'urql';
import { Link, useLocation } from 'wouter';
import { graphql, nodesOf } from '../api/graphql';
import { lineageHref } from '../components/links';
import { Kind } from '../components/Marks';
import { Answer, Page, Panel } from '../components/Page';
import { EmptyRegistry } from './Catalog';

const STARTS = graphql(`
  query LineageStarts {
    models(first: 30) { edges { node { id name productionVersion { id version deployments(first: 10) { edges { node { id name environment live } } } } latestVersion { id version } } } }
  }
`);

export default function LineageStart() {
  const [, go] = useLocation();
  const [id, setId] = useState('');
  const [{ data, fetching, error }] = useQuery({ query: STARTS });
  function submit(event: FormEvent) {
    event.preventDefault();
    if (id.trim() !== '') go(lineageHref(id.trim()));
  }
  return (
    <Page title="Lineage" lead="Choose where to start: a version or a deployment, or any node by its id. A search result leads here too.">
      <form className="toolbar" onSubmit={submit}>
        <div className="field wide">
          <label htmlFor="node-id">Any node’s id</label>
          <input id="node-id" value={id} autoComplete="off" spellCheck={false} onChange={(event) => setId(event.target.value)} />
        </div>
        <button type="submit">Draw</button>
      </form>
      <Answer data={data?.models} fetching={fetching} error={error}>
        {(models) =>
          models.edges.length === 0 ? (
            <EmptyRegistry />
          ) : (
            <Panel title="Versions and deployments" more={<Link href="/models">All models</Link>}>
              <ul className="rows">
                {nodesOf(models).map((model) => {
                  const version = model.productionVersion ?? model.latestVersion;
                  return (
                    <li key={model.id}>
                      {version === null ? (
                        <span className="muted">{model.name ?? 'restricted model'} has no versions that you may see</span>
                      ) : (
                        <>
                          <Kind kind="MODEL_VERSION" />{' '}
                          <Link href={lineageHref(version.id)}>
                            {model.name} {version.version}
                          </Link>
                        </>
                      )}
                      <ul className="plain">
                        {nodesOf(model.productionVersion?.deployments).map((one) => (
                          <li key={one.id}>
                            <Kind kind="DEPLOYMENT" /> <Link href={lineageHref(one.id)}>{one.name ?? 'restricted deployment'}</Link>{' '}
                            <span className="muted small">
                              {one.environment} {one.live === false ? 'ended' : ''}
                            </span>
                          </li>
                        ))}
                      </ul>
                    </li>
                  );
                })}
              </ul>
            </Panel>
          )
        }
      </Answer>
    </Page>
  );
}
