import type { ReactNode } from 'react';
import Renderer from 'react-markdown';
import gfm from 'remark-gfm';

/** Only addresses of web pages; anything else becomes a link to nowhere. */
const onlyWeb = (url: string) => (/^https?:\/\//i.test(url) ? url : '');

const COMPONENTS = {
  // A picture would ask another host; its text stands for it.
  img: ({ alt }: { alt?: string }) => <em>{alt}</em>,
  a: ({ href, children }: { href?: string; children?: ReactNode }) =>
    href ? (
      <a href={href} rel="noopener noreferrer nofollow ugc" target="_blank">
        {children}
      </a>
    ) : (
      <span>{children}</span>
    ),
  // The page has its own headings; those of a text lie below them.
  h1: ({ children }: { children?: ReactNode }) => <h3>{children}</h3>,
  h2: ({ children }: { children?: ReactNode }) => <h3>{children}</h3>,
};

/** A text that people wrote, as Markdown. HTML in it is shown as text. Links lead to web pages only. */
export default function Markdown({ text }: { text: string }) {
  return (
    <div className="markdown">
      <Renderer remarkPlugins={[gfm]} urlTransform={onlyWeb} components={COMPONENTS}>
        {text}
      </Renderer>
    </div>
  );
}
