// /help and /help/:page: the pages of docs/, which are in the binary.
import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import Markdown from '../components/Markdown';
import { useSegments } from '../components/links';
import { NotFound, Page, Skeleton } from '../components/Page';

const FILES = import.meta.glob<string>('../../../docs/*.md', { query: '?raw', import: 'default' });
const PAGES = new Map(Object.entries(FILES).map(([path, load]) => [path.replace(/^.*\/|\.md$/g, ''), load]));

/** A link from one page to another leads to the page here. */
const helpLink = (url: string) => {
  const found = /^([a-z-]+)\.md(#.*)?$/.exec(url);
  return found && PAGES.has(found[1]!) ? `/help/${found[1]}` : null;
};

export default function Help() {
  const name = useSegments()[1] ?? '';
  const [text, setText] = useState<string | null>(null);
  const load = PAGES.get(name);
  useEffect(() => {
    let current = true;
    setText(null);
    void load?.().then((loaded) => {
      if (current) setText(loaded);
    });
    return () => {
      current = false;
    };
  }, [load]);
  if (name !== '' && load === undefined) return <NotFound what={`help page named ${name}`} />;
  const heading = text?.match(/^# (.+)$/m)?.[1];
  return (
    <Page title={name === '' ? 'Help' : (heading ?? name)} crumbs={name === '' ? undefined : [['Help', '/help']]}>
      {name === '' ? (
        <div className="panel">
          <ul className="columns">
            {[...PAGES.keys()].sort().map((page) => (
              <li key={page}>
                <Link href={`/help/${page}`}>{page}</Link>
              </li>
            ))}
          </ul>
        </div>
      ) : text === null ? (
        <Skeleton lines={12} />
      ) : (
        <div className="panel">
          <Markdown text={text.replace(/^# .+\n/, '')} inside={helpLink} />
        </div>
      )}
    </Page>
  );
}
