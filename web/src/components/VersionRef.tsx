import { Link } from 'wouter';
import { versionHref } from './links';

/** A version with its model's name, which leads to its page. */
export function VersionRef({ model, version }: { model: string | null; version: string | null }) {
  if (model === null || version === null) return <span className="muted">a restricted version</span>;
  return (
    <Link href={versionHref(model, version)}>
      {model} {version}
    </Link>
  );
}
