import { useState } from 'react';
import { Button, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import { useClient } from 'urql';
import { graphql } from '../api/graphql';
import { queryErrorText } from '../api/errortext';
import { save } from '../components/save';
import { csv, png, svg } from './exports';
import type { Box } from './layout';
import type { Loaded, LineageQuestion } from './useLineage';
import type { View } from './view';

const EXPORT = graphql(`
  query LineageExport($of: ID!, $format: ExportFormat!, $direction: LineageDirection!, $maxDepth: Int, $history: Int, $asOf: DateTime, $knownAt: DateTime) {
    lineageExport(of: $of, format: $format, direction: $direction, maxDepth: $maxDepth, history: $history, asOf: $asOf, knownAt: $knownAt) { mediaType filename body }
  }
`);

const FORMATS = [
  ['svg', 'Picture as SVG'],
  ['png', 'Picture as PNG'],
  ['csv', 'Table as CSV'],
  ['MERMAID', 'Mermaid'],
  ['PROV_JSON', 'W3C PROV'],
  ['OPENLINEAGE', 'OpenLineage'],
  ['CYCLONEDX', 'CycloneDX'],
  ['DOT', 'Graphviz'],
] as const;

type ServerFormat = 'MERMAID' | 'PROV_JSON' | 'OPENLINEAGE' | 'CYCLONEDX' | 'DOT';

interface Props {
  name: string;
  question: LineageQuestion;
  loaded: Loaded;
  view: View;
  boxes: ReadonlyMap<string, Box>;
}

/** The menu that saves the answer as a file. A picture needs to be drawn first. */
export function ExportMenu({ name, question, loaded, view, boxes }: Props) {
  const client = useClient();
  const [problem, setProblem] = useState('');
  const drawn = boxes.size > 0;

  async function run(format: string) {
    setProblem('');
    const file = name.replaceAll(/[^\p{L}\p{N}._-]+/gu, '-').slice(0, 80) || 'lineage';
    try {
      if (format === 'csv') save(`${file}.csv`, csv(loaded.nodes, loaded.edges), 'text/csv');
      else if (format === 'svg') save(`${file}.svg`, svg(view, boxes), 'image/svg+xml');
      else if (format === 'png') save(`${file}.png`, await png(svg(view, boxes)), 'image/png');
      else {
        const { of, direction, maxDepth, history, asOf, knownAt } = question;
        const result = await client.query(EXPORT, { of, direction, maxDepth, history, asOf, knownAt, format: format as ServerFormat }).toPromise();
        if (result.data?.lineageExport) save(result.data.lineageExport.filename, result.data.lineageExport.body, result.data.lineageExport.mediaType);
        else if (result.error) setProblem(queryErrorText(result.error));
      }
    } catch (err) {
      setProblem(`The file could not be made: ${err instanceof Error ? err.message : String(err)}.`);
    }
  }

  return (
    <>
      <MenuTrigger>
        <Button>Save as…</Button>
        <Popover className="menu-popover" placement="bottom end">
          <Menu className="menu" aria-label="Save as" onAction={(key) => void run(String(key))} disabledKeys={drawn ? [] : ['svg', 'png']}>
            {FORMATS.map(([id, text]) => (
              <MenuItem key={id} id={id}>
                {text}
              </MenuItem>
            ))}
          </Menu>
        </Popover>
      </MenuTrigger>
      {problem !== '' && (
        <p className="error" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}
