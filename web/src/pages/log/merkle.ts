// Checks a proof of the log in the browser: the entry's hash from what the entry says, the way to the root by RFC 9162,
// 2.1.3.2, and the signature of the checkpoint. Only WebCrypto computes hashes and checks signatures here.

/** A proof that a leaf is in the tree with a root. Hashes are hex; the index counts from 0. */
export interface InclusionProof {
  index: number;
  size: number;
  leaf: string;
  root: string;
  hashes: readonly string[];
}

function bytes(hex: string): Uint8Array<ArrayBuffer> {
  if (!/^([0-9a-f]{2})*$/.test(hex)) throw new Error('not hex');
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

const hex = (data: ArrayBuffer) => [...new Uint8Array(data)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** The hash of an inner node: SHA-256 of a one byte and the hashes of its children. */
async function join(left: string, right: string): Promise<string> {
  return hex(await crypto.subtle.digest('SHA-256', new Uint8Array([1, ...bytes(left), ...bytes(right)])));
}

/** Reports whether the hashes lead from the leaf to the root. */
export async function verifyInclusion({ index, size, leaf, root, hashes }: InclusionProof): Promise<boolean> {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) return false;
  let [at, last] = [index, size - 1];
  let hash = leaf;
  for (const other of hashes) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      hash = await join(other, hash);
      while (at % 2 === 0 && at !== 0) {
        at = Math.floor(at / 2);
        last = Math.floor(last / 2);
      }
    } else {
      hash = await join(hash, other);
    }
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && hash === root;
}

/** What of an entry its hash is made of. */
export interface Leaf {
  seq: number | string;
  at: string;
  actor: string | null;
  action: string | null;
  objects: readonly string[] | null;
  model: string | null;
  reason: string | null;
  approval: string | null;
  requestId: string | null;
  detail: unknown;
}

const utf8 = new TextEncoder();

/** A number as the server wrote it: a double would lose how. */
class Written {
  constructor(readonly text: string) {}
}

/** Parses JSON, and keeps how numbers were written where the browser tells it. */
export function parseExactly(text: string): unknown {
  type Reviver = (this: unknown, key: string, value: unknown, context?: { source?: string }) => unknown;
  const keep: Reviver = (_key, value, context) => (typeof value === 'number' && context?.source !== undefined ? new Written(context.source) : value);
  return JSON.parse(text, keep as (this: unknown, key: string, value: unknown) => unknown);
}

const byBytes = (a: string, b: string) => {
  const [x, y] = [utf8.encode(a), utf8.encode(b)];
  for (let i = 0; i < Math.min(x.length, y.length); i++) if (x[i] !== y[i]) return x[i]! - y[i]!;
  return x.length - y.length;
};

const quote = (text: string) => JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');

/** JSON in its one form: keys sorted at every level, no white space, numbers as they were written. */
export function canonical(value: unknown): string {
  if (value instanceof Written) return value.text;
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const all = Object.entries(value).sort(([a], [b]) => byBytes(a, b));
    return `{${all.map(([key, one]) => `${quote(key)}:${canonical(one)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** Microseconds since 1970 of a time with up to six digits after the second. */
function micros(at: string): bigint {
  const parts = /^(.*?)(?:\.(\d{1,6}))?Z$/.exec(at);
  if (parts === null) throw new Error('not a time in UTC');
  return BigInt(Date.parse(`${parts[1]}Z`)) * 1000n + BigInt((parts[2] ?? '').padEnd(6, '0'));
}

/** The hash of an entry: SHA-256 of a zero byte and its canonical bytes, as docs/audit.md has them. */
export async function leafHash(entry: Leaf): Promise<string> {
  const parts: Uint8Array[] = [new Uint8Array([0])];
  const num = (value: bigint) => {
    const bytes8 = new Uint8Array(8);
    new DataView(bytes8.buffer).setBigInt64(0, value);
    parts.push(bytes8);
  };
  const text = (value: string | null) => {
    const encoded = utf8.encode(value ?? '');
    num(BigInt(encoded.length));
    parts.push(encoded);
  };
  const exact = (value: unknown) => BigInt(value instanceof Written ? value.text : String(value));
  num(1n);
  num(exact(entry.seq));
  num(micros(entry.at));
  text(entry.actor);
  text(entry.action);
  num(BigInt(entry.objects?.length ?? 0));
  for (const id of entry.objects ?? []) text(id);
  text(entry.model);
  text(entry.reason);
  text(entry.approval);
  text(entry.requestId);
  text(entry.detail == null ? '' : canonical(entry.detail));
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return hex(await crypto.subtle.digest('SHA-256', all));
}

const fromBase64 = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** Reports whether the key of the log signed a checkpoint that says this size and root. The key is NAME+HASH+KEY. */
export async function verifyCheckpoint(note: string, publicKey: string, size: string, root: string): Promise<boolean> {
  const end = note.indexOf('\n\n');
  const [, name, keyHash, key] = /^(.+?)\+([0-9a-f]{8})\+(.+)$/.exec(publicKey.trim()) ?? [];
  if (end < 0 || name === undefined || keyHash === undefined || key === undefined) return false;
  const signed = note.slice(0, end + 1);
  const lines = signed.split('\n');
  if (lines[0] !== name || lines[1] !== size || lines[2] !== btoa(String.fromCharCode(...bytes(root)))) return false;
  const raw = fromBase64(key);
  const digest = await crypto.subtle.digest('SHA-256', new Uint8Array([...utf8.encode(`${name}\n`), ...raw]));
  if (raw[0] !== 1 || raw.length !== 33 || hex(digest).slice(0, 8) !== keyHash) return false;
  const imported = await crypto.subtle.importKey('raw', raw.slice(1), 'Ed25519', false, ['verify']);
  for (const line of note.slice(end + 2).split('\n')) {
    const found = /^\u2014 (\S+) (\S+)$/.exec(line);
    if (found === null || found[1] !== name) continue;
    const signature = fromBase64(found[2]!);
    if (hex(signature.slice(0, 4).buffer) !== keyHash) continue;
    if (await crypto.subtle.verify('Ed25519', imported, signature.slice(4), utf8.encode(signed))) return true;
  }
  return false;
}
