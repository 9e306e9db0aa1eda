// What happens in the registry, while a page shows what waits. All tabs of a browser share one connection: the tab that
// holds the lock reads it and tells the others, and the next one goes on when it leaves.
import { useEffect, useRef } from 'react';
import { print } from 'graphql/language/printer';
import { graphql } from './graphql';
import { BASE } from './session';
import { Refused, readStream } from './stream';
import { useViewer } from './viewer';

const LOG = graphql(`subscription LiveLog($after: Int64) { logEntries(after: $after) { seq } }`);
const APPROVALS = graphql(`subscription LiveApprovals($after: Int64) { approvals(after: $after) { seq } }`);
const TRANSITIONS = graphql(`subscription LiveTransitions($after: Int64) { transitions(after: $after) { seq } }`);

/** How long a page waits before it connects again, after a refusal, and for the rest of what happens together, in ms. */
const RECONNECT = 5000;
const REFUSED = 60_000;
const TOGETHER = 250;

const listeners = new Set<() => void>();
let leave: (() => void) | null = null;

function wake(): void {
  for (const listener of listeners) listener();
}

/** Waits, and ends at once with the signal. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}

/** Follows what happens, alone or with the other tabs of the same name. Returns how to end it. */
function join(name: string, query: string): () => void {
  const own = new AbortController();
  const channel = new BroadcastChannel(name);
  /** The sequence of the last event. */
  let after: string | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Several tabs may tell of one event, where each reads for itself. */
  const isNew = (seq: string) => after === null || BigInt(seq) > BigInt(after);
  channel.onmessage = ({ data }: MessageEvent<string | null>) => {
    if (data !== null && !isNew(data)) return;
    after = data ?? after;
    wake();
  };
  const tell = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      if (own.signal.aborted) return;
      channel.postMessage(after);
      wake();
    }, TOGETHER);
  };
  const asked = Date.now();
  const lead = async () => {
    // A page that has just been loaded is up to date. Later, without a position, it may have missed something.
    let fresh = Date.now() - asked < TOGETHER;
    while (!own.signal.aborted) {
      let wait = RECONNECT;
      try {
        await readStream(
          query,
          after,
          own.signal,
          () => {
            if (!fresh && after === null) tell();
          },
          (seq) => {
            if (seq !== null && !isNew(seq)) return;
            after = seq ?? after;
            tell();
          },
        );
      } catch (err) {
        // The frame of the pages tells when the server is gone. Who may have no stream looks now and then.
        if (err instanceof Refused) {
          wait = REFUSED;
          tell();
        }
      }
      fresh = false;
      await pause(wait, own.signal);
    }
  };
  // Browsers have locks only for pages that come by HTTPS or from this machine; without them each tab reads for itself.
  if (navigator.locks === undefined) void lead();
  else navigator.locks.request(name, { signal: own.signal }, lead).catch(() => undefined); // It left before its turn came.
  return () => {
    clearTimeout(timer);
    own.abort();
    channel.close();
  };
}

/** Calls again when something happened that the caller may see. */
export function useLive(again: () => void): void {
  const viewer = useViewer();
  const current = useRef(again);
  current.current = again;
  const may = (action: string) => viewer?.actions.includes(action) ?? false;
  const document = may('log.read') ? LOG : may('request.read') ? APPROVALS : may('catalog.read') ? TRANSITIONS : null;
  const query = document === null ? '' : print(document);
  const name = viewer === null ? '' : `pedigree ${BASE} ${viewer.subject} ${query.slice(0, query.indexOf('('))}`;
  useEffect(() => {
    if (query === '') return undefined;
    const listener = () => current.current();
    listeners.add(listener);
    leave ??= join(name, query);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0) return;
      leave?.();
      leave = null;
    };
  }, [query, name]);
}
