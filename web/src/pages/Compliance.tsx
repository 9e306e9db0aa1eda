// /models/:model/versions/:version/compliance: the compliance pack of a version: its files, what is hidden or left out, the
// checklist, and the pack itself.
import { useState } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { print } from 'graphql/language/printer';
import { graphql, type ResultOf } from '../api/graphql';
import { BASE, REQUEST_HEADER } from '../api/session';
import { graphiqlHref, modelHref, nodeHref, useSegments, versionHref } from '../components/links';
import { Time } from '../components/Marks';
import { Answer, NotFound, Page, Panel } from '../components/Page';
import { bytes, count, label, long } from '../components/format';
import { useUrlState } from '../components/useUrlState';
import { save } from '../components/save';

const PACK = graphql(`
  query CompliancePack($model: String!, $version: String!) {
    complianceReport(model: $model, version: $version) {
      filename path sha256 sizeBytes
      manifest { madeFor { subject roles } versionId readAt logSize publicKey hidden cut files { name sha256 bytes } }
      rules { name headings { number title status notRecorded notShown more facts { what value node field logSeq } } }
    }
  }
`);

type Pack = NonNullable<ResultOf<typeof PACK>['complianceReport']>;
type Heading = Pack['rules'][number]['headings'][number];

export default function Compliance() {
  const segments = useSegments();
  const [model, version] = [segments[1] ?? '', segments[3] ?? ''];
  const [{ data, fetching, error }] = useQuery({ query: PACK, variables: { model, version } });
  if (data && data.complianceReport === null && !error) return <NotFound what={`version ${version} of ${model}`} />;
  const pack = data?.complianceReport;
  return (
    <Page
      title={`Compliance of ${model} ${version}`}
      lead="Everything that is recorded of this version and that you may see, as files that anyone can verify without this registry."
      crumbs={[
        ['Models', '/models'],
        [model, modelHref(model)],
        [version, versionHref(model, version)],
      ]}
      actions={
        <>
          {pack && <Download pack={pack} />}
          <Link className="button" href="/help/compliance">
            Help
          </Link>
          <a className="button" href={graphiqlHref(print(PACK), { model, version })}>
            Open this query in GraphiQL
          </a>
        </>
      }
    >
      <Answer data={pack} fetching={fetching} error={error} lines={12}>
        {(found) => (
          <div className="sided">
            <div className="stack">
              <Checklist pack={found} />
            </div>
            <div className="stack">
              <About pack={found} />
              <Files pack={found} />
            </div>
          </div>
        )}
      </Answer>
    </Page>
  );
}

const hex = (digest: ArrayBuffer) => [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** Loads the pack, says whether it is the one that this page shows, and saves it. */
async function download(pack: Pack): Promise<string> {
  let content: ArrayBuffer;
  try {
    const response = await fetch(BASE + pack.path, { headers: REQUEST_HEADER, credentials: 'same-origin', cache: 'no-store' });
    if (!response.ok) return `The server refused: ${await response.text().then(refusalOf)}`;
    content = await response.arrayBuffer();
  } catch {
    return 'The server did not answer. Try again.';
  }
  save(pack.filename, content, 'application/zip');
  // Browsers compute digests only for pages that come by HTTPS or from this machine.
  if (crypto.subtle === undefined) return 'Saved.';
  const same = hex(await crypto.subtle.digest('SHA-256', content)) === pack.sha256;
  return same ? 'Saved. Your browser computed its digest: it is the pack that this page shows.' : 'Saved. The registry changed meanwhile: it is a newer pack than this page shows.';
}

/** What a problem (RFC 9457) of the REST API says. */
function refusalOf(text: string): string {
  try {
    return (JSON.parse(text) as { detail?: string }).detail ?? text;
  } catch {
    return text;
  }
}

function Download({ pack }: { pack: Pack }) {
  const [said, setSaid] = useState('');
  const [busy, setBusy] = useState(false);
  return (
    <>
      <button
        type="button"
        className="primary"
        disabled={busy}
        onClick={async () => {
          setBusy(true);
          setSaid('');
          setSaid(await download(pack));
          setBusy(false);
        }}
      >
        Download the pack
      </button>
      <span role="status" className="small">
        {said}
      </span>
    </>
  );
}

function About({ pack }: { pack: Pack }) {
  const { manifest } = pack;
  return (
    <Panel title="The pack">
      <dl className="facts">
        <dt>File</dt>
        <dd>
          <code>{pack.filename}</code>, <span title={`${long(pack.sizeBytes)} bytes`}>{bytes(pack.sizeBytes)}</span>
        </dd>
        <dt>SHA-256</dt>
        <dd>
          <code>{pack.sha256}</code>
        </dd>
        <dt>Made for</dt>
        <dd>
          {manifest.madeFor.subject}, {manifest.madeFor.roles.join(', ')}
        </dd>
        <dt>As of</dt>
        <dd>
          <Time at={manifest.readAt} />, with {long(manifest.logSize)} entries in the log
        </dd>
        <dt>Sealed by</dt>
        <dd>
          <code>{manifest.publicKey}</code>
        </dd>
      </dl>
      {manifest.hidden.length > 0 && (
        <div className="notice">
          <h3>Hidden from your roles</h3>
          <p>{manifest.hidden.join(', ')}</p>
        </div>
      )}
      {manifest.cut.length > 0 && (
        <div className="notice">
          <h3>Left out by a limit</h3>
          <p>{manifest.cut.join(', ')}</p>
        </div>
      )}
      <p className="muted small">
        Anyone verifies it offline: <code>pedigree compliance verify {pack.filename}</code>
      </p>
    </Panel>
  );
}

function Files({ pack }: { pack: Pack }) {
  return (
    <Panel title="Its files">
      <ul className="rows">
        {pack.manifest.files.map((file) => (
          <li key={file.name}>
            <strong>{file.name}</strong> <span className="muted small">{bytes(file.bytes)}</span>
            <div>
              <code className="muted">{file.sha256}</code>
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** The headings of known rules, one rule at a time. */
function Checklist({ pack }: { pack: Pack }) {
  const [params, set] = useUrlState();
  const shown = pack.rules.find(({ name }) => name === params.get('rule')) ?? pack.rules[0];
  if (shown === undefined) return null;
  const recorded = shown.headings.filter(({ status }) => status === 'RECORDED').length;
  return (
    <Panel title="Checklist" more={<span className="muted">{`${recorded} of ${count(shown.headings.length, 'heading')} with facts`}</span>}>
      <p className="muted">The facts that the registry holds under the headings of known rules. It is no assessment, and no legal advice.</p>
      <div className="actions wraps" role="group" aria-label="Rules">
        {pack.rules.map(({ name }) => (
          <button key={name} type="button" aria-pressed={name === shown.name} onClick={() => set({ rule: name })}>
            {name}
          </button>
        ))}
      </div>
      <ul className="rows">
        {shown.headings.map((heading) => (
          <li key={heading.number} className="stack">
            <HeadingFacts heading={heading} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

const STATUS: Record<string, string> = { RECORDED: 'good', NOT_RECORDED: 'warn', NOT_SHOWN: '' };

function HeadingFacts({ heading }: { heading: Heading }) {
  return (
    <>
      <h3>
        {heading.number} {heading.title} <span className={`badge ${STATUS[heading.status]}`}>{label(heading.status)}</span>
      </h3>
      {heading.facts.length > 0 && (
        <details>
          <summary className="small">{count(heading.facts.length + heading.more, 'fact')}</summary>
          <dl className="facts">
            {heading.facts.map((fact, i) => (
              <div key={i} className="contents">
                <dt>{fact.what}</dt>
                <dd>
                  {fact.value} <Source fact={fact} />
                </dd>
              </div>
            ))}
          </dl>
          {heading.more > 0 && <p className="muted small">and {count(heading.more, 'further fact')} in the pack</p>}
        </details>
      )}
      {heading.notRecorded.length > 0 && <p className="small">Not recorded: {heading.notRecorded.join(', ')}</p>}
      {heading.notShown.length > 0 && <p className="small">Not shown to you: {heading.notShown.join(', ')}</p>}
    </>
  );
}

/** Kinds of nodes that have a page. */
const PAGED = /^(dv|run|commit|tag|feat|dep)_/;

/** Where a fact is from. */
function Source({ fact }: { fact: Heading['facts'][number] }) {
  return (
    <span className="muted small">
      {PAGED.test(fact.node) ? <Link href={nodeHref(fact.node)}>{fact.field ?? 'source'}</Link> : fact.field}
      {Number(fact.logSeq) > 0 && ` entry ${long(fact.logSeq)} of the log`}
    </span>
  );
}
