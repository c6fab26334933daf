import { type Html, html } from './html.ts';

const LINE = 96;

/** A value as people write it: what fits a line stands on one. */
export function example(value: unknown): Html {
  return html`<details class="example"><summary>Example</summary><pre><code>${pretty(value, '')}</code></pre></details>`;
}

function pretty(value: unknown, indent: string): string {
  const flat = spaced(value);
  if (typeof value !== 'object' || value === null || indent.length + flat.length <= LINE) return flat;
  const deeper = `${indent}  `;
  if (Array.isArray(value)) return `[\n${value.map((item) => deeper + pretty(item, deeper)).join(',\n')}\n${indent}]`;
  const members = Object.entries(value).map(([key, member]) => `${deeper}${JSON.stringify(key)}: ${pretty(member, deeper)}`);
  return `{\n${members.join(',\n')}\n${indent}}`;
}

/** On one line, with room after commas and colons. */
function spaced(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${spaced(member)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}
