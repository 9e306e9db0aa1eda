// Checks a proof of the log in the browser, by RFC 9162, 2.1.3.2. Only WebCrypto computes hashes here.

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
