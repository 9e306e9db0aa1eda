// Starts a real server on a free port.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const TOKEN = 'pdg_the_token_of_the_tests_0123456789';

/** Builds the server. It is always the same file: what is up to date is not linked again. */
export async function buildServer() {
  const binary = join(root, 'build', 'pages', 'pedigree');
  await promisify(execFile)('go', ['build', '-trimpath', '-o', binary, './cmd/pedigree'], { cwd: root });
  return binary;
}

/** A server's address, the token of an administrator, and how to ask it and stop it. */
export async function startServer(...flags) {
  const folder = await mkdtemp(join(tmpdir(), 'pedigree-pages-'));
  const binary = process.env.PEDIGREE_PAGES_SERVER || (await buildServer());
  const child = spawn(binary, ['serve', '--listen', '127.0.0.1:0', '--data', join(folder, 'data'), ...flags], {
    env: { ...process.env, PEDIGREE_BOOTSTRAP_TOKEN: TOKEN },
  });
  let log = '';
  const url = await new Promise((resolve, reject) => {
    const read = (part) => {
      log += part;
      const found = /127\.0\.0\.1:(\d+)/.exec(log);
      if (found && found[1] !== '0') resolve(`http://127.0.0.1:${found[1]}`);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('exit', () => reject(new Error(`the server ended: ${log}`)));
  });
  for (let i = 0; i < 200; i++) {
    if (await fetch(`${url}/readyz`).then((r) => r.ok, () => false)) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const stop = async () => {
    const ended = new Promise((resolve) => child.on('exit', resolve));
    child.removeAllListeners('exit');
    child.on('exit', () => {});
    child.kill('SIGTERM');
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 3000))]);
    await rm(folder, { recursive: true, force: true });
  };
  return { url, token: TOKEN, ask: asker(url, TOKEN), stop };
}

/** Returns a function that asks a server, and fails on any error. */
function asker(url, token) {
  return async (query, variables = {}) => {
    const response = await fetch(`${url}/graphql`, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` }, body: JSON.stringify({ query, variables }) });
    const body = await response.json();
    if (body.errors) throw new Error(JSON.stringify(body.errors));
    return body.data;
  };
}

/** Makes a token for a subject with a role. */
export async function tokenFor({ ask }, subject, role) {
  const { createApiToken } = await ask('mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { token } }', { input: { subject, roles: [role], grantRoles: true } });
  return createApiToken.token;
}
