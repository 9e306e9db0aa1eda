// A stub server for the browser tests: the built pages with the content security policy of web.go, and answers
// for the part of Pedigree's GraphQL schema that the tests use. Its sessions are cookies with the token in them, on which its answers
// depend; the real server keeps sessions in its store.
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GraphQLError, buildSchema, graphql } from 'graphql';

const web = dirname(dirname(fileURLToPath(import.meta.url)));

/** A name that contains markup. The pages must show it as text. */
export const HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';

const folder = join(web, '..', 'schema');
const schema = buildSchema(readdirSync(folder).filter((name) => name.endsWith('.graphqls')).map((name) => readFileSync(join(folder, name), 'utf8')).join('\n'));

const whole = { hasNextPage: false, hasPreviousPage: false, endCursor: null };
const version = (id, number, stage, deployments = []) => ({
  id, version: number, stage,
  deployments: { edges: deployments.map((node) => ({ cursor: node.id, node })), pageInfo: whole },
});

const churn = version('mv-churn-2', '2.1.0', 'PRODUCTION', [
  { id: 'dep-churn', name: 'churn-eu', environment: 'prod', endpoint: 'https://churn.example/eu', live: true },
  { id: 'dep-churn-old', name: 'churn-us', environment: 'prod', endpoint: 'https://churn.example/us', live: false },
]);
const model = (name, owner, versions) => ({
  id: `m-${name}`, name, owner,
  productionVersion: versions.find((v) => v.stage === 'PRODUCTION') ?? null,
  latestVersion: versions[0] ?? null,
  versions: { edges: versions.map((node) => ({ cursor: node.id, node })), pageInfo: whole },
});
const models = [
  model('churn-predictor', 'customer-analytics', [version('mv-churn-3', '2.2.0-rc.1', 'STAGING'), churn, version('mv-churn-1', '1.0.0', 'ARCHIVED')]),
  model('fraud-scorer', 'payments', [version('mv-fraud-4', '4.0.0', 'CANARY'), version('mv-fraud-3', '3.7.2', 'PRODUCTION')]),
  model('huge-history', 'platform', [version('mv-huge', '1.0.0', 'PRODUCTION')]),
  model(HOSTILE, 'mallory', [version('mv-hostile', '0.1.0', 'DEVELOPMENT')]),
  model('price-elasticity-with-a-rather-long-name-that-nobody-shortened', null, [version('mv-price', '0.9.0', 'DEVELOPMENT')]),
  model('no-version-yet', 'research', []),
];

const TYPES = { DATASET_VERSION: 'DatasetVersion', RUN: 'Run', FEATURE: 'Feature', COMMIT: 'Commit', TAG: 'Tag', MODEL_VERSION: 'ModelVersion', DEPLOYMENT: 'Deployment' };

/** Builds a lineage answer from rows of [id, kind, name, depth, treeParent, edge kind] and additional edges [from, to, kind]. */
function graph(rows, more = [], truncation = {}) {
  const degree = (id, end) => rows.filter((row) => row[4] === id).length + more.filter((edge) => edge[end] === id).length;
  return {
    nodes: rows.map(([id, kind, name, depth, parent]) => ({
      node: { __typename: TYPES[kind], id, kind, name }, depth, layer: depth, treeParent: parent, upstreamDegree: degree(id, 0), downstreamDegree: parent === null ? 0 : 1,
    })),
    edges: [...rows.filter((row) => row[4] !== null).map(([id, , , , parent, kind]) => [parent, id, kind]), ...more].map(([from, to, kind]) => ({ id: `${from}>${to}`, from, to, kind })),
    truncation: { truncated: false, reasons: [], frontier: [], redacted: 0, ...truncation },
  };
}

const churnRows = (depth) => [
  ['run-train', 'RUN', 'train churn 2024-06-01', depth + 1, 'mv-churn-2', 'GENERATED_BY'],
  ['feat-tenure', 'FEATURE', 'tenure_months', depth + 1, 'mv-churn-2', 'USES_FEATURE'],
  ['tag-v2', 'TAG', 'churn@v2.1.0', depth + 1, 'mv-churn-2', 'RELEASED_FROM'],
  ['ds-train', 'DATASET_VERSION', 'churn/training@2024-06', depth + 2, 'run-train', 'USED'],
  ['commit-a', 'COMMIT', '9f3c1e7 tune the learning rate', depth + 2, 'run-train', 'RAN_CODE'],
  ['run-features', 'RUN', 'build features', depth + 3, 'ds-train', 'GENERATED_BY'],
  ['ds-clean', 'DATASET_VERSION', 'crm/accounts_clean@2024-06', depth + 4, 'run-features', 'USED'],
  ['hidden-1', 'DATASET_VERSION', null, depth + 4, 'run-features', 'USED'],
  ['run-etl', 'RUN', 'clean accounts', depth + 5, 'ds-clean', 'GENERATED_BY'],
  ['ds-raw', 'DATASET_VERSION', 's3://crm-landing/accounts/2024-06-01/part-00000-of-00128.snappy.parquet', depth + 6, 'run-etl', 'USED'],
  ['ds-hostile', 'DATASET_VERSION', HOSTILE, depth + 6, 'run-etl', 'USED'],
];
const churnMore = [['tag-v2', 'commit-a', 'POINTS_AT'], ['feat-tenure', 'ds-train', 'DEFINED_ON']];
const cut = { truncated: true, reasons: ['DEPTH', 'ACCESS'], frontier: ['ds-raw', 'ds-hostile'], redacted: 1 };
const graphs = {
  'mv-churn-2': graph([['mv-churn-2', 'MODEL_VERSION', 'churn-predictor 2.1.0', 0, null], ...churnRows(0)], churnMore, cut),
  'dep-churn': graph([['dep-churn', 'DEPLOYMENT', 'churn-eu', 0, null], ['mv-churn-2', 'MODEL_VERSION', 'churn-predictor 2.1.0', 1, 'dep-churn', 'DEPLOYS'], ...churnRows(1)], churnMore, cut),
  'ds-train': graph([['ds-train', 'DATASET_VERSION', 'churn/training@2024-06', 0, null], ['run-features', 'RUN', 'build features', 1, 'ds-train', 'GENERATED_BY']]),
  'mv-huge': graph([
    ['mv-huge', 'MODEL_VERSION', 'huge-history 1.0.0', 0, null],
    ...Array.from({ length: 1299 }, (_, i) => [`c-${i}`, 'COMMIT', `commit ${i}`, 1 + Math.floor(i / 30), i < 30 ? 'mv-huge' : `c-${i - 30}`, i < 30 ? 'RAN_CODE' : 'PARENT']),
  ]),
};

const root = (token) => ({
  viewer: { subject: token === 'limited' ? 'eve' : 'me', roles: token === 'limited' ? ['viewer'] : ['admin'], actions: [], grants: [] },

  models: () => ({ edges: token === 'empty' ? [] : models.map((node) => ({ cursor: node.id, node: token === 'limited' ? { ...node, owner: refuse('Model.owner', 6) } : node })), pageInfo: whole }),
  model: ({ name }) => models.find((m) => m.name === name) ?? null,
  lineage: ({ of, direction, first, after }) => {
    const found = direction === 'DOWNSTREAM' ? graphs['dep-churn'] : (graphs[of] ?? (of.startsWith('mv-') ? graph([[of, 'MODEL_VERSION', of, 0, null]]) : null));
    if (found === null) throw new GraphQLError('not found', { extensions: { code: 'NOT_FOUND' } });
    const from = Number(after ?? 0);
    const nodes = found.nodes.slice(from, from + first);
    const ids = new Set(nodes.map((n) => n.node.id));
    const hasNextPage = from + first < found.nodes.length;
    return { root: of, historyCut: of === 'dep-churn', asOf: '2024-06-02T10:00:00.000Z', ...found, nodes, edges: found.edges.filter((e) => ids.has(e.to)), pageInfo: { hasNextPage, endCursor: hasNextPage ? String(from + first) : null } };
  },
  registerModel: ({ input }) => ({ model: { id: 'm-new', ...input } }),
});

/** A field that the caller may not see: null, with one error per schema coordinate. */
function refuse(coordinate, count) {
  return (_args, _context, info) => {
    if (info.path.prev.prev.key !== 0) return null;
    throw new GraphQLError('forbidden', { extensions: { code: 'FORBIDDEN', coordinate, count } });
  };
}

const types = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.txt': 'text/plain', '.html': 'text/html; charset=utf-8' };

/** Starts the stub on a free port of this machine. */
export async function startStub() {
  const policy = [...readFileSync(join(web, 'web.go'), 'utf8').matchAll(/^(?:const contentSecurityPolicy = |\t)"((?:default-src|connect-src)[^"]*)"/gm)].map((m) => m[1]).join('');
  if (!policy.endsWith("frame-ancestors 'none'")) throw new Error('the policy was not found in web.go');
  const pages = /pagePaths = \[\]string\{([^}]*)\}/.exec(readFileSync(join(web, 'web.go'), 'utf8'))[1].match(/\/\w+/g);
  const isPage = (path) => pages.some((page) => path === page || path.startsWith(`${page}/`));
  const files = new Map([['/', 'index.html'], ['/graphiql', 'graphiql.html'], ...readdirSync(join(web, 'dist/assets')).map((name) => [`/assets/${name}`, `assets/${name}`])]);

  const server = createServer((request, response) => {
    const headers = { 'Content-Security-Policy': policy, 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer' };
    const known = (token) => ['good', 'empty', 'limited'].includes(token);
    const refused = { errors: [{ message: 'unauthenticated', extensions: { code: 'UNAUTHENTICATED' } }] };
    if (request.url === '/session' && request.method === 'GET') {
      const signedIn = known(/pedigree_session=([^;]*)/.exec(request.headers.cookie ?? '')?.[1]);
      return response.writeHead(200, { ...headers, 'Content-Type': 'application/json' }).end(JSON.stringify({ signedIn }));
    }
    if (request.url === '/session' || request.url === '/logout') {
      const token = request.url === '/logout' ? '' : /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1];
      if (request.method !== 'POST' || !request.headers['x-pedigree-request']) return response.writeHead(403, headers).end();
      if (token !== '' && !known(token)) return response.writeHead(401, { ...headers, 'Content-Type': 'application/json' }).end(JSON.stringify(refused));
      return response.writeHead(204, { ...headers, 'Set-Cookie': `pedigree_session=${token}; Path=/; HttpOnly; SameSite=Strict${token === '' ? '; Max-Age=0' : ''}` }).end();
    }
    if (request.url !== '/graphql') {
      const path = new URL(request.url, 'http://stub').pathname;
      const file = files.get(path) ?? (isPage(path) ? 'index.html' : undefined);
      if (!file) return response.writeHead(404, headers).end('not found');
      return response.writeHead(200, { ...headers, 'Content-Type': types[extname(file)] }).end(readFileSync(join(web, 'dist', file)));
    }
    let text = '';
    request.on('data', (part) => (text += part));
    request.on('end', async () => {
      const token = /pedigree_session=([^;]*)/.exec(request.headers.cookie ?? '')?.[1];
      const answer = (status, body) => response.writeHead(status, { ...headers, 'Content-Type': 'application/json' }).end(JSON.stringify(body));
      if (!known(token) || !request.headers['x-pedigree-request']) return answer(401, refused);
      const { query, variables, operationName } = JSON.parse(text);
      answer(200, await graphql({ schema, source: query, rootValue: root(token), variableValues: variables, operationName }));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }) };
}
