const SPECIAL = /[\\\n\r\t]/g;
const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Rows as COPY reads them. */
export function copyLines(rows: readonly (readonly (string | number | null)[])[]): string {
  let lines = '';
  for (const row of rows) lines += `${row.map(cell).join('\t')}\n`;
  return lines;
}

function cell(value: string | number | null): string {
  if (value === null) return '\\N';
  return typeof value === 'number' ? String(value) : value.replaceAll(SPECIAL, (one) => ESCAPED[one] as string);
}
